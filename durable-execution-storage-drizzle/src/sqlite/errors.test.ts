import { DurableExecutionError, transitions } from 'durable-execution'
import { createTaskExecutionRecord, newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import {
  DRIVERS,
  openMigrated,
  temporaryFiles,
  type Driver,
  type TestDatabase,
} from '../../tests/databases'
import { COLUMNS, toRow } from '../row'
import { classify, ConnectionInUseError, toStorageError } from './errors'

const files = temporaryFiles()
afterAll(files.remove)

const by = { executorId: 'executor', leaseMs: 10_000 }

/** The error with which a call fails, thrown or rejected. */
async function errorOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new Error('The call did not fail')
}

function insert({ storage }: TestDatabase, parts: Parameters<typeof newExecution>[0] = {}) {
  return storage.insert({ executions: [newExecution(parts)], ...by })
}

async function withDatabase(
  driver: Driver,
  work: (database: TestDatabase) => Promise<void>,
): Promise<void> {
  const database = await openMigrated(driver, files.next())
  await work(database)
  database.close()
}

describe.each(DRIVERS)('errors on $name', (driver) => {
  it('name the table that is missing and the next step', async () => {
    const database = driver.open(files.next(), { tableName: 'jobs' })
    for (const call of [
      () => insert(database),
      () => database.storage.get({ executionIds: ['te_1'] }),
    ]) {
      const error = await errorOf(call)
      expect(error).toBeInstanceOf(DurableExecutionError)
      expect(error).toMatchObject({ code: 'storage', isRetryable: false })
      expect(String(error)).toContain('There is no table "jobs"')
      expect(String(error)).toContain('call storage.migrate() or run your drizzle-kit migrations')
    }
    database.close()
  })

  it('name the table that another version made', () =>
    withDatabase(driver, async (database) => {
      await database.exec('ALTER TABLE task_executions DROP COLUMN timeout_ms')
      const error = await errorOf(() => database.storage.get({ executionIds: ['te_1'] }))
      expect(error).toMatchObject({ isRetryable: false })
      expect(String(error)).toContain('The table "task_executions" is of another version')
    }))

  it('refuse a second child in the same place, and leave nothing of the call', () =>
    withDatabase(driver, async (database) => {
      const parent = { taskId: 'parent', executionId: 'te_0', indexInParent: 0, isFinalize: false }
      const executions = ['te_1', 'te_2'].map((executionId) =>
        newExecution({ executionId, parent }),
      )
      const error = await errorOf(() => database.storage.insert({ executions, ...by }))
      expect(error).toMatchObject({ code: 'storage', isRetryable: false })
      expect(String(error)).toContain('The table "task_executions" refused a row')
      expect(await database.rows()).toStrictEqual([])
    }))

  it('are retryable while the disk is full, and the call works once it is not', () =>
    withDatabase(driver, async (database) => {
      const [[pages] = []] = await database.all('PRAGMA page_count')
      await database.all(`PRAGMA max_page_count = ${Number(pages) + 2}`)
      const error = await errorOf(() => insert(database, { input: 'x'.repeat(100_000) }))
      expect(error).toMatchObject({ code: 'storage', isRetryable: true })
      expect(String(error)).toContain('The database of table "task_executions" cannot be used now')
      expect(await database.rows()).toStrictEqual([])
      await database.all('PRAGMA max_page_count = 1000000')
      await insert(database, { input: 'x'.repeat(100_000) })
      expect(await database.rows()).toHaveLength(1)
    }))

  it('are retryable once the connection is closed', async () => {
    const database = await openMigrated(driver, files.next())
    database.close()
    const error = await errorOf(() => insert(database))
    expect(error).toMatchObject({ code: 'storage', isRetryable: true })
  })

  it('pass those of the contract on as they are', () =>
    withDatabase(driver, async (database) => {
      const record = createTaskExecutionRecord({ status: 'running' })
      const settlement = {
        executionId: record.executionId,
        claimCount: 1,
        expectedStatus: record.status,
        rootExecutionId: record.executionId,
        parentExecutionId: null,
        change: transitions.complete(record, null),
        insertions: [],
      }
      const settlements = [settlement, settlement]
      const error = await errorOf(() =>
        database.storage.settle({ settlements, handOver: null, ...by }),
      )
      expect(error).toMatchObject({ isRetryable: false })
      expect(String(error)).toContain('A batch of settlements holds execution te_1 twice')
    }))
})

describe.each(DRIVERS)('the table on $name refuses', (driver) => {
  const parent = { taskId: 'parent', executionId: 'te_0', indexInParent: 0, isFinalize: false }
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

  const insertText = `INSERT INTO task_executions (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`

  it.each(Object.entries(broken))('%s', (_, parts) =>
    withDatabase(driver, async ({ exec, rows }) => {
      const record = createTaskExecutionRecord(parts)
      const error = await errorOf(() => exec(withValues(insertText, toRow(record))))
      expect(classify(error)).toBe('refused')
      expect(String(error)).toMatch(/CHECK/)
      expect(await rows()).toStrictEqual([])
    }),
  )

  it('an unknown status, and half of a parent', () =>
    withDatabase(driver, async ({ exec, rows }) => {
      const row = toRow(createTaskExecutionRecord({ parent }))
      for (const [column, value] of [
        ['status', 'paused'],
        ['is_finalize', null],
        ['index_in_parent', null],
        ['parent_task_id', null],
      ] as const) {
        const bad = row.map((found, index) => (COLUMNS[index] === column ? value : found))
        const error = await errorOf(() => exec(withValues(insertText, bad)))
        expect(String(error)).toMatch(/CHECK/)
      }
      await exec(withValues(insertText, row))
      expect(await rows()).toHaveLength(1)
    }))
})

/** Puts plain values into a statement. */
function withValues(text: string, values: readonly (string | number | null)[]): string {
  const literals = values.map((value) =>
    typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value),
  )
  let next = 0
  return text.replaceAll('?', () => literals[next++] ?? '')
}

describe('classify', () => {
  it.each([
    ['SQLITE_BUSY', 'busy'],
    ['SQLITE_BUSY_SNAPSHOT', 'busy'],
    ['SQLITE_LOCKED_SHAREDCACHE', 'busy'],
    ['TRANSACTION_ACTIVE', 'busy'],
    ['SQLITE_CONSTRAINT_UNIQUE', 'refused'],
    ['SQLITE_ERROR', 'refused'],
    ['SQLITE_TOOBIG', 'refused'],
    ['SQLITE_FULL', 'away'],
    ['SQLITE_IOERR_WRITE', 'away'],
    ['SQLITE_READONLY', 'away'],
    ['SQLITE_CORRUPT', 'away'],
    ['CLIENT_CLOSED', 'away'],
  ])('%s is %s, also inside an error of Drizzle', (code, expected) => {
    const error = Object.assign(new Error('from the driver'), { code })
    expect(classify(error)).toBe(expected)
    expect(classify(new Error('Failed query', { cause: error }))).toBe(expected)
  })

  it('looks at the extended code first', () => {
    const error = Object.assign(new Error('x'), {
      code: 'SQLITE_ERROR',
      extendedCode: 'SQLITE_BUSY',
    })
    expect(classify(error)).toBe('busy')
  })

  it('takes the user for busy, what cannot be bound for refused, and the unknown for away', () => {
    expect(classify(new ConnectionInUseError())).toBe('busy')
    expect(classify(new RangeError('The bound string is too big'))).toBe('refused')
    expect(classify(new TypeError('The database connection is not open'))).toBe('away')
    expect(classify('nothing')).toBe('away')
  })
})

describe('toStorageError', () => {
  it.each([
    Object.assign(new Error('string or blob too big'), { code: 'SQLITE_TOOBIG' }),
    new RangeError('The bound string, buffer, or bigint is too big'),
  ])('says what to lower for a value that is too large', (error) => {
    const { message, isRetryable } = toStorageError(error, 'jobs')
    expect(message).toContain('A value is too large for table "jobs"')
    expect(message).toContain('lower maxSerializedInputDataSize')
    expect(isRetryable).toBe(false)
  })

  it('says where to look when the database stays locked', () => {
    const error = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
    const { message, isRetryable } = toStorageError(error, 'jobs')
    expect(message).toContain('The database of table "jobs" stayed locked: database is locked')
    expect(isRetryable).toBe(true)
  })

  it('keeps what the driver threw as its cause', () => {
    const error = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' })
    const wrapped = toStorageError(error, 'jobs')
    expect(wrapped.cause).toBe(error)
    expect(wrapped.message).toBe('The database of table "jobs" cannot be used now: disk I/O error')
  })
})
