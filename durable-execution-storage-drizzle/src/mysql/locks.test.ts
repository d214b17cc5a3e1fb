/** What calls do to one another, and what other connections do to them. */
import { settlementOf, transitions, type ExecutionRecord } from 'durable-execution'
import {
  childOf,
  findViolations,
  newExecution,
  newSleeper,
} from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers, type MySqlTestDatabase } from '../../tests/mysql-databases'

const servers = await mySqlServers()
const by = { executorId: 'executor', leaseMs: 60_000 }
const handOver = { queues: ['default'] }
const error = {
  errorType: 'cancelled',
  code: 'cancelled',
  message: 'cancelled',
  isRetryable: false,
  isInternal: false,
} as const
const LONG_MS = 120_000

async function started(
  { storage }: MySqlTestDatabase,
  executionId: string,
): Promise<ExecutionRecord> {
  await storage.insert({ executions: [newExecution({ executionId, start: 'claimed' })], ...by })
  const { records } = await storage.get({ executionIds: [executionId] })
  const [record] = records
  if (!record) throw new Error(`There is no ${executionId}`)
  return record
}

/** A parent that waits for children that run under our claim. */
async function family(
  database: MySqlTestDatabase,
  parentId: string,
  count: number,
): Promise<ExecutionRecord[]> {
  const parent = await started(database, parentId)
  const insertions = Array.from({ length: count }, (_, index) =>
    childOf(parent, index, { executionId: `${parentId}_${index}`, start: 'claimed' }),
  )
  const change = transitions.waitForChildren(parent, null)
  const settlements = [settlementOf(parent, change, insertions)]
  await database.storage.settle({ settlements, handOver, ...by })
  const executionIds = insertions.map(({ executionId }) => executionId)
  const { records } = await database.storage.get({ executionIds })
  return records.filter((record) => record !== null)
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `te_${index}`)
}

describe.each(servers)('calls at once on $name', (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it(
    'leave no active row under a finished parent when a cancel meets settles that insert',
    async () => {
      const database = await databases.openMigrated()
      const { storage } = database
      for (let round = 0; round < 15; round += 1) {
        const children = await family(database, `p${round}`, 4)
        const settles = children.map((child) => {
          const grandchildren = [0, 1].map((index) =>
            childOf(child, index, { executionId: `${child.executionId}_${index}` }),
          )
          const change = transitions.waitForChildren(child, null)
          return storage.settle({
            settlements: [settlementOf(child, change, grandchildren)],
            handOver,
            ...by,
          })
        })
        const cancelled = storage.cancel({ executionIds: [`p${round}`], error })
        await Promise.all([...settles, cancelled])
      }
      const rows = await database.rows()
      expect(findViolations(rows)).toEqual([])
      expect(rows.filter(({ finishedAt }) => finishedAt === null)).toEqual([])
      await database.close()
    },
    LONG_MS,
  )

  it(
    'count every sibling once when siblings are settled at once',
    async () => {
      const database = await databases.openMigrated()
      const children = await family(database, 'p', 40)
      const answers = await Promise.all(
        children.map((child) =>
          database.storage.settle({
            settlements: [settlementOf(child, transitions.complete(child, null))],
            handOver,
            ...by,
          }),
        ),
      )
      const outcomes = answers.flatMap((answer) => answer.outcomes.map(({ outcome }) => outcome))
      expect(new Set(outcomes)).toEqual(new Set(['applied']))
      expect(answers.flatMap(({ parents }) => parents)).toMatchObject([
        { executionId: 'p', activeChildrenCount: 0, executorId: 'executor' },
      ])
      await database.close()
    },
    LONG_MS,
  )

  it(
    'let one of two inserts have an id, and one a sleeping key',
    async () => {
      const database = await databases.openMigrated()
      const insert = (executionId: string) =>
        database.storage.insert({
          executions: [newExecution({ executionId: 'te_same' }), newSleeper(executionId, 'key')],
          ...by,
        })
      const answers = await Promise.all(names(8).map(insert))
      const kinds = answers.flatMap(({ outcomes }) => outcomes.map(({ kind }) => kind))
      expect(kinds.filter((kind) => kind === 'inserted')).toHaveLength(2)
      expect(await database.rows()).toHaveLength(2)
      await database.close()
    },
    LONG_MS,
  )

  it(
    "waits for a user's open transaction that holds the id, and answers exists",
    async () => {
      const database = await databases.openMigrated()
      const insert = (executionId: string) =>
        database.storage.insert({ executions: [newExecution({ executionId })], ...by })
      let waiting: ReturnType<typeof insert> | undefined
      await database.db.transaction(async (transaction) => {
        const executions = [newExecution({ executionId: 'te_1' })]
        await database.storage.insert({ executions, ...by, transaction })
        waiting = insert('te_1')
        // Others are not held up.
        await insert('te_2')
      })
      expect(await waiting).toMatchObject({
        outcomes: [{ kind: 'exists', conflict: 'execution_id' }],
      })
      expect(await database.rows()).toHaveLength(2)
      await database.close()
    },
    LONG_MS,
  )

  it(
    'skips what others have locked: claim leaves it, renew says busy',
    async () => {
      const database = await databases.openMigrated()
      const { storage } = database
      const held = await started(database, 'te_held')
      await storage.insert({
        executions: names(2).map((id) => newExecution({ executionId: id })),
        ...by,
      })
      const other = await database.connect()
      await other.query('START TRANSACTION')
      for (const id of ['te_0', 'te_held']) {
        await other.query('SELECT 1 FROM task_executions WHERE execution_id = ? FOR UPDATE', [id])
      }
      const claimed = await storage.claim({
        ...by,
        queue: 'default',
        limit: 10,
        takeOver: 'never',
        suspects: 'exclude',
      })
      expect(claimed.records.map(({ executionId }) => executionId)).toEqual(['te_1'])
      const claims = [held, { executionId: 'te_gone', claimCount: 1 }]
      expect((await storage.renew({ claims, leaseMs: 60_000 })).outcomes).toEqual(['busy', 'lost'])
      await other.query('ROLLBACK')
      expect((await storage.renew({ claims, leaseMs: 60_000 })).outcomes).toEqual([
        'renewed',
        'lost',
      ])
      await other.end()
      await database.close()
    },
    LONG_MS,
  )

  it.each(['SERIALIZABLE', 'REPEATABLE READ', 'READ UNCOMMITTED'])(
    'goes by READ COMMITTED where %s is the default of its connections',
    async (isolation) => {
      const database = await databases.openMigrated({ pool: { connectionLimit: 4 } })
      const pool = database.db.$client
      const connections = await Promise.all([1, 2, 3, 4].map(() => pool.getConnection()))
      for (const connection of connections) {
        await connection.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`)
        connection.release()
      }
      const children = await family(database, 'p', 12)
      const answers = await Promise.all(
        children.map((child) =>
          database.storage.settle({
            settlements: [settlementOf(child, transitions.complete(child, null))],
            handOver,
            ...by,
          }),
        ),
      )
      expect(answers.flatMap(({ parents }) => parents)).toHaveLength(1)
      await database.close()
    },
    LONG_MS,
  )
})
