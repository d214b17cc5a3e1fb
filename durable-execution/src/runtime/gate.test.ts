import { describe, expect, it } from 'vitest'

import { VirtualEnvironment } from '../../tests/support/virtual-environment'
import { createDeferred, type Deferred } from '../lib/deferred'
import { Gate } from './gate'

const environment = new VirtualEnvironment()

/** Calls that note when they begin and end, and end when they are told to. */
class Calls {
  readonly log: string[] = []
  private readonly ends = new Map<string, Deferred<void>>()

  call(name: string): () => Promise<string> {
    const end = createDeferred<void>()
    this.ends.set(name, end)
    return async () => {
      this.log.push(`${name} begins`)
      await end.promise
      this.log.push(`${name} ends`)
      return name
    }
  }

  async end(name: string): Promise<void> {
    this.ends.get(name)?.resolve()
    await environment.turn()
  }
}

describe('Gate', () => {
  it('lets shared calls pass at once', async () => {
    const gate = new Gate()
    const calls = new Calls()
    const all = [gate.shared(calls.call('a')), gate.shared(calls.call('b'))]
    await environment.turn()
    expect(calls.log).toEqual(['a begins', 'b begins'])
    await calls.end('b')
    await calls.end('a')
    await expect(Promise.all(all)).resolves.toEqual(['a', 'b'])
  })

  it('lets one pass alone only when the shared calls under way have ended', async () => {
    const gate = new Gate()
    const calls = new Calls()
    void gate.shared(calls.call('a'))
    void gate.shared(calls.call('b'))
    const alone = gate.alone(calls.call('alone'))
    await calls.end('a')
    expect(calls.log).not.toContain('alone begins')
    await calls.end('b')
    expect(calls.log).toContain('alone begins')
    await calls.end('alone')
    await expect(alone).resolves.toBe('alone')
  })

  it('holds shared calls back while one passes alone, or waits to', async () => {
    const gate = new Gate()
    const calls = new Calls()
    void gate.shared(calls.call('a'))
    void gate.alone(calls.call('alone'))
    const late = gate.shared(calls.call('late'))
    await environment.turn()
    expect(calls.log).toEqual(['a begins'])
    await calls.end('a')
    expect(calls.log).toEqual(['a begins', 'a ends', 'alone begins'])
    await calls.end('alone')
    expect(calls.log.at(-1)).toBe('late begins')
    await calls.end('late')
    await expect(late).resolves.toBe('late')
  })

  it('lets those that pass alone pass one after another', async () => {
    const gate = new Gate()
    const calls = new Calls()
    void gate.alone(calls.call('first'))
    void gate.alone(calls.call('second'))
    await environment.turn()
    expect(calls.log).toEqual(['first begins'])
    await calls.end('first')
    expect(calls.log).toEqual(['first begins', 'first ends', 'second begins'])
    await calls.end('second')
  })

  it('opens again after a call that failed', async () => {
    const gate = new Gate()
    const fails = (): Promise<never> => Promise.reject(new Error('no'))
    await expect(gate.shared(fails)).rejects.toThrow('no')
    await expect(gate.alone(fails)).rejects.toThrow('no')
    await expect(gate.alone(() => Promise.resolve(1))).resolves.toBe(1)
    await expect(gate.shared(() => Promise.resolve(2))).resolves.toBe(2)
  })
})
