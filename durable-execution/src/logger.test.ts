import { describe, expect, it } from 'vitest'

import { createLeveledLogger, LOG_LEVELS, type Logger } from './logger'

class Recorder implements Logger {
  readonly lines: string[] = []
  debug(message: string): void {
    this.lines.push(`debug ${message}`)
  }
  info(message: string): void {
    this.lines.push(`info ${message}`)
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`)
  }
  error(message: string): void {
    this.lines.push(`error ${message}`)
  }
}

const NAMES = ['debug', 'info', 'warn', 'error'] as const

describe('createLeveledLogger', () => {
  it.each([
    ['debug', ['debug x', 'info x', 'warn x', 'error x']],
    ['info', ['info x', 'warn x', 'error x']],
    ['warn', ['warn x', 'error x']],
    ['error', ['error x']],
    ['silent', []],
  ] as const)('logs from %s upwards, by the method of that name', (level, lines) => {
    const recorder = new Recorder()
    const logger = createLeveledLogger(recorder, level)
    for (const name of NAMES) logger[name]('x')
    expect(recorder.lines).toEqual(lines)
  })

  it('knows its levels in their order', () => {
    expect(LOG_LEVELS).toEqual([...NAMES, 'silent'])
  })

  it('never throws into its caller', () => {
    const fail = (): never => {
      throw new Error('disk full')
    }
    const logger = createLeveledLogger(
      { debug: fail, info: fail, warn: fail, error: fail },
      'debug',
    )
    for (const name of NAMES) {
      expect(() => {
        logger[name]('x')
      }).not.toThrow()
    }
  })
})
