import { systemEnvironment } from 'durable-execution'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { SqlRow } from '../row'
import { AS_IT_IS, type Driver, type Query } from './driver'
import { read, type Program } from './program'
import { Session, type Work } from './session'

/** A driver that fails as it is told, in order, and then answers. */
class FailingDriver implements Driver {
  readonly textForm = AS_IT_IS
  readonly queries: Query[] = []
  transactions = 0
  private readonly codes: string[]

  constructor(...codes: string[]) {
    this.codes = codes
  }

  query(query: Query): Promise<readonly SqlRow[]> {
    this.queries.push(query)
    const code = this.codes.shift()
    if (code === undefined) return Promise.resolve([['answer']])
    return Promise.reject(Object.assign(new Error(`failed with ${code}`), { code }))
  }

  openEar(): Promise<never> {
    return Promise.reject(new Error('No ear'))
  }

  transaction<T>(work: (execute: (query: Query) => Promise<readonly SqlRow[]>) => Promise<T>) {
    this.transactions += 1
    return work((query) => this.query(query))
  }
}

function* ask(): Program<unknown> {
  const [row] = yield read('SELECT 1')
  return row?.[0]
}

const work: Work<unknown> = { program: ask, isTransaction: false, isRepeatable: true }

function sessionOn(driver: Driver): Session {
  return new Session(driver, { environment: systemEnvironment, preparedStatements: true })
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a session', () => {
  it.each(['26000', '42P05'])(
    'goes on without prepared statements after %s, and says so once',
    async (code) => {
      const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
      const driver = new FailingDriver(code)
      const session = sessionOn(driver)
      expect(await session.run(work)).toBe('answer')
      expect(await session.run(work)).toBe('answer')
      expect(driver.queries.map(({ name }) => name !== null)).toStrictEqual([true, false, false])
      expect(warn).toHaveBeenCalledTimes(1)
    },
  )

  it.each(['40P01', '40001', '55P03'])(
    'tries again after %s, also what must not be repeated',
    async (code) => {
      const driver = new FailingDriver(code, code)
      expect(await sessionOn(driver).run({ ...work, isRepeatable: false })).toBe('answer')
      expect(driver.queries).toHaveLength(3)
    },
  )

  it('sends single statements in transactions once the default isolation got in the way', async () => {
    const driver = new FailingDriver('40001')
    const session = sessionOn(driver)
    await session.run(work)
    await session.run(work)
    expect(driver.transactions).toBe(2)
  })

  it.each(['08006', '57P01', 'ECONNRESET'])(
    'repeats after %s only what may be repeated',
    async (code) => {
      const repeated = new FailingDriver(code)
      expect(await sessionOn(repeated).run(work)).toBe('answer')
      const lost = new FailingDriver(code)
      const call = sessionOn(lost).run({ ...work, isRepeatable: false })
      await expect(call).rejects.toThrow(`failed with ${code}`)
      expect(lost.queries).toHaveLength(1)
    },
  )

  it('gives up in the end', async () => {
    const conflicts = new FailingDriver(...Array.from({ length: 50 }, () => '40P01'))
    await expect(sessionOn(conflicts).run(work)).rejects.toThrow('40P01')
    const losses = new FailingDriver(...Array.from({ length: 50 }, () => '57P01'))
    await expect(sessionOn(losses).run(work)).rejects.toThrow('57P01')
    expect(losses.queries).toHaveLength(3)
  })

  it('does not repeat what is refused, nor begin what was given up', async () => {
    const driver = new FailingDriver('23514')
    await expect(sessionOn(driver).run(work)).rejects.toThrow('23514')
    const given = sessionOn(driver).run({ ...work, signal: AbortSignal.abort() })
    await expect(given).rejects.toMatchObject({ isRetryable: true })
    expect(driver.queries).toHaveLength(1)
  })
})
