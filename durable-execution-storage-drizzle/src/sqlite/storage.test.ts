import { createClient } from '@libsql/client'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/libsql'
import { settlementOf, transitions } from 'durable-execution'
import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles } from '../../tests/databases'
import { createSQLiteTaskExecutionsStorage } from './storage'
import { createSQLiteTaskExecutionsTable } from './table'

const files = temporaryFiles()
afterAll(files.remove)

const by = { executorId: 'executor', leaseMs: 10_000 }
const claimRequest = {
  ...by,
  queue: 'default',
  limit: 1000,
  takeOver: 'never',
  suspects: 'exclude',
} as const

describe.each(DRIVERS)('the SQLite storage on $name', (driver) => {
  it("goes by the machine's clock, by one it is given, or by the time of the call", async () => {
    const file = files.next()
    const machines = await openMigrated(driver, file)
    const before = Date.now()
    const { now } = await machines.storage.get({ executionIds: [] })
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
    const given = driver.open(file, { now: () => 42 })
    const answer = await given.storage.insert({ executions: [newExecution()], ...by })
    expect(answer.now).toBe(42)
    expect(await given.rows()).toMatchObject([{ createdAt: 42, claimAt: 42 }])
    const [claimed] = (await given.storage.claim({ ...claimRequest, now: 50 })).records
    expect(claimed).toMatchObject({ updatedAt: 50, claimAt: 50 + by.leaseMs })
    machines.close()
    given.close()
  })

  it('keeps several tables in one database apart', async () => {
    const file = files.next()
    const a = await openMigrated(driver, file, { tableName: 'jobs_a' })
    const b = await openMigrated(driver, file, { tableName: 'jobs_b' })
    await a.storage.insert({ executions: [newExecution()], ...by })
    expect(await b.rows()).toStrictEqual([])
    const { outcomes } = await b.storage.insert({ executions: [newExecution()], ...by })
    expect(outcomes).toStrictEqual([{ kind: 'inserted' }])
    a.close()
    b.close()
  })

  it('inserts many rows as it inserts each alone, in their order', async () => {
    const inputs = [null, '"\u00E9 \u{1F600} \'"', '12', '12.0', '{"a":[1,2.50]}', 'x'.repeat(5000)]
    const executions = Array.from({ length: 450 }, (_, index) =>
      newExecution({
        executionId: `te_${1000 - index}`,
        input: inputs[index % inputs.length] ?? null,
        // The first hundred are alike, and the third; of the others some differ.
        ...(index === 130 && { taskId: 'other' }),
        ...(index >= 300 && index < 340 && { start: 'claimed' as const }),
      }),
    )
    const together = await openMigrated(driver, files.next())
    const alone = await openMigrated(driver, files.next())
    const at = { ...by, now: 1000 }
    await together.storage.insert({ executions, ...at })
    for (const execution of executions) {
      await alone.storage.insert({ executions: [execution], ...at })
    }
    const executionIds = executions.map(({ executionId }) => executionId)
    const [some, each] = await Promise.all(
      [together, alone].map(({ storage }) => storage.get({ executionIds })),
    )
    expect(some?.records).toHaveLength(450)
    expect(some?.records).toStrictEqual(each?.records)
    const { records } = await together.storage.claim({ ...claimRequest, now: 2000 })
    const ready = executions.filter(({ start }) => start !== 'claimed')
    expect(records.map(({ executionId }) => executionId)).toStrictEqual(
      ready.map(({ executionId }) => executionId),
    )
    together.close()
    alone.close()
  })

  it('takes calls at the same time, on a database in memory too', async () => {
    const database = driver.open(':memory:')
    const { storage } = database
    await storage.migrate()
    const executionIds = Array.from({ length: 50 }, (_, index) => `te_${index}`)
    await Promise.all(
      executionIds.map((executionId) =>
        storage.insert({ executions: [newExecution({ executionId })], ...by }),
      ),
    )
    const answers = await Promise.all([
      storage.get({ executionIds }),
      storage.claim({ ...claimRequest, limit: 30 }),
      storage.nextClaimAt({ queues: ['default'] }),
      storage.claim({ ...claimRequest, executorId: 'other', limit: 30 }),
      storage.lostClaims({ claims: [] }),
    ])
    expect(answers[0].records).toHaveLength(50)
    const claimed = [...answers[1].records, ...answers[3].records]
    expect(new Set(claimed.map(({ executionId }) => executionId)).size).toBe(50)
    const settlements = claimed.map((record) =>
      settlementOf(record, transitions.complete(record, null)),
    )
    const { outcomes } = await storage.settle({ settlements, handOver: null, ...by })
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toStrictEqual(new Set(['applied']))
    database.close()
  })
})

describe('the SQLite storage', () => {
  it.each(['bigint', 'string'] as const)('reads integers that come as %s', async (intMode) => {
    const client = createClient({ url: `file:${files.next()}`, intMode })
    const table = createSQLiteTaskExecutionsTable()
    const storage = createSQLiteTaskExecutionsStorage(drizzle(client), table)
    await storage.migrate()
    await storage.insert({ executions: [newExecution({ start: 'claimed' })], ...by, now: 7 })
    const { records } = await storage.get({ executionIds: ['te_1'] })
    expect(records).toMatchObject([{ createdAt: 7, claimCount: 1, claimAt: 7 + by.leaseMs }])
    const { next } = await storage.nextClaimAt({ queues: ['default'], now: 7 })
    expect(next).toStrictEqual([{ queue: 'default', claimAt: 7 + by.leaseMs, dueInMs: by.leaseMs }])
    client.close()
  })

  it("shows its rows to the user's own queries", async () => {
    const client = createClient({ url: `file:${files.next()}` })
    const db = drizzle(client)
    const table = createSQLiteTaskExecutionsTable()
    const storage = createSQLiteTaskExecutionsStorage(db, table)
    await storage.migrate()
    const parent = { taskId: 'parent', executionId: 'te_0', indexInParent: 3, isFinalize: false }
    await storage.insert({ executions: [newExecution({ parent })], ...by, now: 7 })
    const rows = await db
      .select()
      .from(table)
      .where(sql`${table.status} = 'ready'`)
    expect(rows).toMatchObject([
      { executionId: 'te_1', isFinalize: false, retryOptions: { maxDelayMs: 1000 }, createdAt: 7 },
    ])
    client.close()
  })

  it('refuses a database of another driver', () => {
    const table = createSQLiteTaskExecutionsTable()
    expect(() => createSQLiteTaskExecutionsStorage(drizzle.mock(), table)).toThrow(
      'Invalid database for a SQLite storage: expected what drizzle() of drizzle-orm/better-sqlite3',
    )
  })
})
