/** What parallel connections do to one another: each case is one that went wrong without a lock. */
import {
  DurableExecutionError,
  settlementOf,
  transitions,
  type ExecutionRecord,
} from 'durable-execution'
import {
  childOf,
  findViolations,
  newExecution,
  newSleeper,
} from 'durable-execution-storage-test-utils'
import { describe, expect, it, vi } from 'vitest'

import {
  openMigrated,
  PG_DRIVERS,
  SERVER_DRIVERS,
  type Driver,
  type OpenOptions,
  type TestDatabase,
} from '../../tests/pg-databases'

const by = { executorId: 'executor', leaseMs: 10_000 }
const error = {
  errorType: 'cancelled',
  code: 'cancelled',
  message: 'Cancelled',
  isRetryable: false,
  isInternal: false,
} as const

async function withDatabase(
  driver: Driver,
  work: (database: TestDatabase) => Promise<void>,
  options?: OpenOptions,
): Promise<void> {
  const database = await openMigrated(driver, options)
  try {
    await work(database)
  } finally {
    await database.close()
  }
}

async function recordOf({ storage }: TestDatabase, executionId: string): Promise<ExecutionRecord> {
  const { records } = await storage.get({ executionIds: [executionId] })
  const [record] = records
  if (!record) throw new Error(`There is no ${executionId}`)
  return record
}

/** A waiting root with children that are claimed. */
async function insertTree(database: TestDatabase, rootId: string, size: number) {
  const root = newExecution({ executionId: rootId, start: 'waiting', timeoutMs: null })
  const children = Array.from({ length: size }, (_, index) =>
    childOf(root, index, { executionId: `${rootId}_${index}`, start: 'claimed' }),
  )
  await database.storage.insert({ executions: [root, ...children], ...by })
  const ids = children.map(({ executionId }) => executionId)
  const { records } = await database.storage.get({ executionIds: ids })
  return { root, children: records.flatMap((record) => record ?? []) }
}

const servers = SERVER_DRIVERS.filter(({ name }) => name !== 'a client of pg')

describe.skipIf(servers.length === 0).each(servers)('parallel connections on $name', (driver) => {
  it('leave no active row under a cancelled root while settles insert children', () =>
    withDatabase(driver, async (database) => {
      const { storage } = database
      for (let round = 0; round < 20; round += 1) {
        const rootId = `te_${round}`
        const { root, children } = await insertTree(database, rootId, 6)
        const settles = children.map((child, index) => {
          const next = childOf(root, 100 + index, { executionId: `${rootId}_next_${index}` })
          const settlements = [settlementOf(child, transitions.complete(child, null), [next])]
          return storage.settle({ settlements, handOver: null, ...by })
        })
        await Promise.all([...settles, storage.cancel({ executionIds: [rootId], error })])
      }
      const rows = await database.rows()
      expect(rows.filter(({ finishedAt }) => finishedAt === null)).toStrictEqual([])
      expect(findViolations(rows)).toStrictEqual([])
    }))

  it('count every sibling that settles at the same moment exactly once', () =>
    withDatabase(driver, async (database) => {
      for (let round = 0; round < 10; round += 1) {
        const rootId = `te_${round}`
        const { children } = await insertTree(database, rootId, 12)
        const answers = await Promise.all(
          children.map((child) =>
            database.storage.settle({
              settlements: [settlementOf(child, transitions.complete(child, null))],
              handOver: { queues: [child.queue] },
              ...by,
            }),
          ),
        )
        const handedOver = answers.flatMap(({ parents }) => parents)
        expect(handedOver.map(({ executionId }) => executionId)).toStrictEqual([rootId])
        expect(await recordOf(database, rootId)).toMatchObject({ activeChildrenCount: 0 })
      }
    }))

  it('settle nothing that another took over while the settle waited for its lock', () =>
    withDatabase(driver, async (database) => {
      const { storage, tableName } = database
      const claimed = await insertClaimed(database)
      const settlements = [settlementOf(claimed, transitions.complete(claimed, '"late"'))]
      const settled = await whileOpen(
        database,
        `UPDATE "${tableName}" SET claim_count = claim_count + 1, executor_id = 'other'`,
        () => storage.settle({ settlements, handOver: null, ...by }),
      )
      expect(settled).toMatchObject({ outcomes: [{ outcome: 'lost' }] })
      const after = await recordOf(database, 'te_1')
      expect(after).toMatchObject({ status: 'running', executorId: 'other', output: null })
    }))

  it('settle what another only renewed while the settle waited for its lock', () =>
    withDatabase(driver, async (database) => {
      const { storage, tableName } = database
      const claimed = await insertClaimed(database)
      const settlements = [settlementOf(claimed, transitions.complete(claimed, '"late"'))]
      const settled = await whileOpen(
        database,
        `UPDATE "${tableName}" SET claim_at = claim_at + 1`,
        () => storage.settle({ settlements, handOver: null, ...by }),
      )
      expect(settled).toMatchObject({ outcomes: [{ outcome: 'applied' }] })
      expect(await recordOf(database, 'te_1')).toMatchObject({ output: '"late"' })
    }))

  it('cancel what another renewed while the cancel waited for its lock', () =>
    withDatabase(driver, async (database) => {
      const { storage, tableName } = database
      await insertTree(database, 'te_1', 3)
      await whileOpen(
        database,
        `UPDATE "${tableName}" SET claim_at = claim_at + 1 WHERE parent_execution_id IS NOT NULL`,
        () => storage.cancel({ executionIds: ['te_1'], error }),
      )
      const rows = await database.rows()
      expect(rows.map(({ status }) => status)).toStrictEqual(rows.map(() => 'cancelled'))
    }))

  it('end a call that is given up, and go on', () =>
    withDatabase(driver, async (database) => {
      const { storage, tableName } = database
      await insertClaimed(database)
      const controller = new AbortController()
      const { signal } = controller
      const claims = [{ executionId: 'te_1', claimCount: 1, dueInMs: 0 }]
      const given = await whileOpen(
        database,
        `UPDATE "${tableName}" SET queue = queue`,
        () => storage.release({ claims, signal }).catch((caught: unknown) => caught),
        () => {
          controller.abort()
        },
      )
      expect(given).toMatchObject({ isRetryable: true })
      expect(await storage.release({ claims })).toMatchObject({ outcomes: ['applied'] })
    }))

  it('hand each due row to one claim', () =>
    withDatabase(driver, async ({ storage }) => {
      const executions = Array.from({ length: 300 }, (_, index) =>
        newExecution({ executionId: `te_${index}` }),
      )
      await storage.insert({ executions, ...by })
      const claim = { queue: 'default', limit: 60, takeOver: 'also', suspects: 'exclude' } as const
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, index) =>
          storage.claim({ ...claim, executorId: `executor_${index}`, leaseMs: 10_000 }),
        ),
      )
      const ids = answers.flatMap(({ records }) => records.map(({ executionId }) => executionId))
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids.length).toBeGreaterThan(0)
    }))

  it('answer busy for a claim whose row another transaction has locked, and renew the others', () =>
    withDatabase(driver, async (database) => {
      const { storage, tableName, inTransaction } = database
      const executions = ['te_1', 'te_2'].map((executionId) =>
        newExecution({ executionId, start: 'claimed' }),
      )
      await storage.insert({ executions, ...by })
      const claims = ['te_1', 'te_2', 'te_3'].map((executionId) => ({ executionId, claimCount: 1 }))
      await inTransaction(async (transaction) => {
        await write(
          transaction,
          `UPDATE "${tableName}" SET queue = queue WHERE execution_id = 'te_1'`,
        )
        const { outcomes } = await storage.renew({ claims, leaseMs: 20_000 })
        expect(outcomes).toStrictEqual(['busy', 'renewed', 'lost'])
      })
      const { outcomes } = await storage.renew({ claims, leaseMs: 20_000 })
      expect(outcomes).toStrictEqual(['renewed', 'renewed', 'lost'])
    }))

  it('wait for a duplicate in an open transaction of the user, whatever becomes of it', () =>
    withDatabase(driver, async ({ storage, inTransaction }) => {
      for (const [executionId, isKept] of [
        ['te_1', true],
        ['te_2', false],
      ] as const) {
        const executions = [newSleeper(executionId, executionId)]
        let waiting: ReturnType<typeof storage.insert> | undefined
        const transaction = inTransaction(async (tx) => {
          await storage.insert({ executions, transaction: tx, ...by })
          waiting = storage.insert({ executions, ...by })
          if (!isKept) throw new Error('rolled back')
        })
        await transaction.catch(() => undefined)
        const answer = await waiting
        expect(answer?.outcomes).toMatchObject([
          isKept ? { kind: 'exists', conflict: 'execution_id' } : { kind: 'inserted' },
        ])
      }
    }))
})

async function insertClaimed(database: TestDatabase): Promise<ExecutionRecord> {
  const executions = [newExecution({ executionId: 'te_1', start: 'claimed' })]
  await database.storage.insert({ executions, ...by })
  return recordOf(database, 'te_1')
}

/** Makes a call while a transaction is open that has written; it commits once the call waits for it. */
async function whileOpen<T>(
  { query, tableName, inTransaction }: TestDatabase,
  text: string,
  call: () => Promise<T>,
  meanwhile: () => void = () => undefined,
): Promise<T> {
  let called: Promise<T> | undefined
  await inTransaction(async (transaction) => {
    await write(transaction, text)
    called = call()
    const waiting =
      "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"
    const isWaiting = async () => (await query(waiting, [`%"${tableName}"%`])).length > 0
    await vi.waitUntil(isWaiting, { timeout: 10_000 })
    meanwhile()
  })
  if (!called) throw new Error('The transaction did not run')
  return called
}

async function write(transaction: unknown, text: string): Promise<void> {
  const { execute } = transaction as { execute: (text: string) => Promise<unknown> }
  await execute.call(transaction, text)
}

describe
  .skipIf(servers.length === 0)
  .each(
    servers.flatMap((driver) =>
      ['serializable', 'repeatable\\ read'].map((isolation) => ({ driver, isolation })),
    ),
  )('$driver.name where transactions are $isolation by default', ({ driver, isolation }) => {
  it('claims and settles from many connections without an error', () =>
    withDatabase(
      driver,
      async (database) => {
        const { storage } = database
        const trees = await Promise.all(
          [0, 1, 2].map((index) => insertTree(database, `te_${index}`, 8)),
        )
        const children = trees.flatMap((tree) => tree.children)
        await Promise.all(
          children.map((child) =>
            storage.settle({
              settlements: [settlementOf(child, transitions.complete(child, null))],
              handOver: null,
              ...by,
            }),
          ),
        )
        const claim = { queue: 'default', limit: 2, takeOver: 'also', suspects: 'exclude' } as const
        await Promise.all([0, 1, 2, 3].map(() => storage.claim({ ...claim, ...by })))
        expect(findViolations(await database.rows())).toStrictEqual([])
      },
      { settings: `-c default_transaction_isolation=${isolation}` },
    ))
})

describe.each(PG_DRIVERS)("the user's transaction on $name", (driver) => {
  it('keeps or drops what was inserted in it', () =>
    withDatabase(driver, async (database) => {
      const { storage, inTransaction } = database
      await inTransaction(async (transaction) => {
        const executions = [newExecution({ executionId: 'te_1' })]
        await storage.insert({ executions, transaction, ...by })
      })
      const dropped = inTransaction(async (transaction) => {
        const executions = [newExecution({ executionId: 'te_2' })]
        await storage.insert({ executions, transaction, ...by })
        throw new Error('rolled back')
      })
      await expect(dropped).rejects.toThrow('rolled back')
      expect((await database.rows()).map(({ executionId }) => executionId)).toStrictEqual(['te_1'])
    }))

  it.each([undefined, 'repeatable read', 'serializable'] as const)(
    'goes on after a duplicate id and a taken key (isolation: %s)',
    (isolation) =>
      withDatabase(driver, async (database) => {
        const { storage, inTransaction } = database
        const sleeper = newSleeper('te_1', 'key')
        await storage.insert({ executions: [sleeper], ...by })
        await inTransaction(async (transaction) => {
          const executions = [
            newExecution({ executionId: 'te_1' }),
            newSleeper('te_2', 'key'),
            newExecution({ executionId: 'te_3' }),
          ]
          const { outcomes } = await storage.insert({ executions, transaction, ...by })
          expect(outcomes).toMatchObject([
            { kind: 'exists', conflict: 'execution_id' },
            { kind: 'exists', conflict: 'sleeping_key' },
            { kind: 'inserted' },
          ])
        }, isolation)
        expect(await database.rows()).toHaveLength(2)
      }),
  )

  it('takes several inserts at once', () =>
    withDatabase(driver, async (database) => {
      await database.inTransaction((transaction) =>
        Promise.all(
          ['te_1', 'te_2', 'te_3'].map((executionId) =>
            database.storage.insert({
              executions: [newExecution({ executionId })],
              transaction,
              ...by,
            }),
          ),
        ),
      )
      expect(await database.rows()).toHaveLength(3)
    }))

  it('is refused if it is none', () =>
    withDatabase(driver, async ({ storage }) => {
      const inserted = storage.insert({ executions: [], transaction: {}, ...by })
      await expect(inserted).rejects.toThrow(DurableExecutionError)
      await expect(inserted).rejects.toMatchObject({ code: 'invalid_options' })
    }))
})
