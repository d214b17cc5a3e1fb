import { DurableExecutionError } from 'durable-execution'
import { createTaskExecutionRecord, newExecution } from 'durable-execution-storage-test-utils'
import { describe, expect, it, vi } from 'vitest'

import {
  openMigrated,
  PG_DRIVERS,
  SERVER_DRIVERS,
  type Driver,
  type TestDatabase,
} from '../../tests/pg-databases'
import { COLUMNS, toRow } from '../row'
import { classify, ConflictError, toStorageError } from './errors'

const by = { executorId: 'executor', leaseMs: 10_000 }

async function withDatabase(
  driver: Driver,
  work: (database: TestDatabase) => Promise<void>,
): Promise<void> {
  const database = await openMigrated(driver)
  try {
    await work(database)
  } finally {
    await database.close()
  }
}

function insert({ storage }: TestDatabase, parts: Parameters<typeof newExecution>[0] = {}) {
  return storage.insert({ executions: [newExecution(parts)], ...by })
}

describe.each(PG_DRIVERS)('errors on $name', (driver) => {
  it('name the table that is missing and the next step', async () => {
    const database = await driver.open()
    for (const call of [
      () => insert(database),
      () => database.storage.get({ executionIds: ['te_1'] }),
    ]) {
      const error: unknown = await call().catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(DurableExecutionError)
      expect(error).toMatchObject({ code: 'storage', isRetryable: false })
      expect(String(error)).toContain(`There is no table "${database.tableName}"`)
      expect(String(error)).toContain('call storage.migrate() or run your drizzle-kit migrations')
    }
    await database.close()
  })

  it('name the table that another version made', () =>
    withDatabase(driver, async (database) => {
      await database.query(`ALTER TABLE "${database.tableName}" DROP COLUMN timeout_ms`)
      const call = database.storage.get({ executionIds: ['te_1'] })
      await expect(call).rejects.toMatchObject({ isRetryable: false })
      await expect(call).rejects.toThrow('is of another version')
    }))

  it.each([
    ['a NUL', 'a\0b'],
    ['half of a surrogate pair', 'a\ud800'],
  ])('refuse a text with %s, and find nothing by it', (_, text) =>
    withDatabase(driver, async (database) => {
      const call = insert(database, { input: text })
      await expect(call).rejects.toMatchObject({ isRetryable: false })
      await expect(call).rejects.toThrow('which the database cannot store')
      const { records } = await database.storage.get({ executionIds: [text] })
      expect(records).toStrictEqual([null])
      expect(await database.rows()).toStrictEqual([])
    }),
  )

  it('do not touch ids that differ by case, trailing spaces or what needs to be quoted', () =>
    withDatabase(driver, async (database) => {
      const executionIds = ['te_a', 'te_A', 'te_a ', 'te_"\\', "te_'{},NULL", 'NULL', 'te_ä', '']
      for (const executionId of executionIds) {
        const { outcomes } = await insert(database, { executionId, input: executionId })
        expect(outcomes).toStrictEqual([{ kind: 'inserted' }])
      }
      const { records } = await database.storage.get({ executionIds })
      expect(records.map((record) => record?.input)).toStrictEqual(executionIds)
    }))
})

describe.each(PG_DRIVERS)('the table on $name refuses', (driver) => {
  const broken = {
    'a finished row without finished_at': { status: 'completed', finishedAt: null },
    'a finished row with claim_at': { status: 'completed', claimAt: 1 },
    'a finished row that is held': { status: 'failed', executorId: 'executor' },
    'an active row with finished_at': { finishedAt: 1 },
    'a running row that nobody holds': { status: 'running', executorId: null },
    'a ready row that is never due': { claimAt: null },
    'a parent that waits for nothing and is never due': {
      status: 'waiting_for_children',
      activeChildrenCount: 0,
    },
    'a negative count of children': { activeChildrenCount: -1 },
    'a negative attempt': { attempt: -1 },
  } as const

  it.each(Object.entries(broken))('%s', (_, parts) =>
    withDatabase(driver, async ({ query, tableName, rows }) => {
      const places = COLUMNS.map((__, index) => `$${index + 1}`)
      const text = `INSERT INTO "${tableName}" (${COLUMNS.join(', ')}) VALUES (${places.join(', ')})`
      const call = query(text, toRow(createTaskExecutionRecord(parts)))
      await expect(call).rejects.toMatchObject({ code: '23514' })
      expect(await rows()).toStrictEqual([])
    }),
  )
})

const pool = SERVER_DRIVERS.filter(({ name }) => name === 'a pool of pg' || name === 'postgres.js')

describe.skipIf(pool.length === 0).each(pool)(
  'a server that ends connections, on $name',
  (driver) => {
    it('costs calls nothing but time', () =>
      withDatabase(driver, async (database) => {
        const other = await driver.open()
        const marker = `%"${database.tableName}"%`
        let isOver = false
        const killing = (async () => {
          while (!isOver) {
            await other.query(
              'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE $1',
              [marker],
            )
          }
        })()
        const calls = Array.from({ length: 60 }, (_, index) =>
          untilThere(() => insert(database, { executionId: `te_${index}` })),
        )
        await Promise.all(calls)
        isOver = true
        await killing
        await other.close()
        const rows = await untilThere(() => database.rows())
        expect(rows).toHaveLength(60)
      }))
  },
)

/** A user of a storage tries again what is retryable. */
async function untilThere<T>(call: () => Promise<T>): Promise<T> {
  return vi
    .waitUntil(
      () =>
        call()
          .then((value) => ({ value }))
          .catch(nothingIfRetryable),
      {
        timeout: 20_000,
        interval: 5,
      },
    )
    .then(({ value }) => value)
}

function nothingIfRetryable(error: unknown): undefined {
  if (error instanceof DurableExecutionError && !error.isRetryable) throw error
}

describe('classify', () => {
  it.each([
    ['40P01', 'conflict'],
    ['40001', 'conflict'],
    ['55P03', 'conflict'],
    ['26000', 'unprepared'],
    ['42P05', 'unprepared'],
    ['23505', 'refused'],
    ['42601', 'refused'],
    ['22P05', 'refused'],
    ['54000', 'refused'],
    ['08006', 'away'],
    ['57P01', 'away'],
    ['53300', 'away'],
    ['25006', 'away'],
    ['ECONNRESET', 'away'],
    ['CONNECTION_CLOSED', 'away'],
  ])('%s is %s, also inside an error of Drizzle', (code, expected) => {
    const error = Object.assign(new Error('from the driver'), { code })
    expect(classify(error)).toBe(expected)
    expect(classify(new Error('Failed query', { cause: error }))).toBe(expected)
  })

  it('takes what is too long for refused, and the unknown for away', () => {
    expect(classify(new ConflictError('x'))).toBe('conflict')
    expect(classify(new RangeError('Invalid string length'))).toBe('refused')
    expect(classify('nothing')).toBe('away')
  })
})

describe('toStorageError', () => {
  it.each([
    Object.assign(new Error('program limit exceeded'), { code: '54000' }),
    new RangeError('Invalid string length'),
  ])('says what to lower for a value that is too large', (error) => {
    const { message, isRetryable } = toStorageError(error, 'jobs')
    expect(message).toContain('lower maxSerializedInputDataSize')
    expect(isRetryable).toBe(false)
  })

  it('keeps what the driver threw as its cause', () => {
    const error = Object.assign(new Error('terminating connection'), { code: '57P01' })
    const wrapped = toStorageError(error, 'jobs')
    expect(wrapped.cause).toBe(error)
    expect(wrapped.isRetryable).toBe(true)
    expect(wrapped.message).toContain('cannot be used now: terminating connection')
  })
})
