/** Plans that PostgreSQL made while the table was small, and keeps: they are for calls about few rows only. */
import { randomUUID } from 'node:crypto'

import { drizzle } from 'drizzle-orm/node-postgres'
import { settlementOf, transitions, type ExecutionRecord } from 'durable-execution'
import { childOf, newExecution } from 'durable-execution-storage-test-utils'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createPgTaskExecutionsStorage, type PgTaskExecutionsStorage } from '../src/pg/storage'
import { createPgTaskExecutionsTable } from '../src/pg/table'
import { SERVER_URL } from './pg-databases'

const BY = { executorId: 'executor', leaseMs: 10_000 }
const CLAIM = { ...BY, queue: 'default', takeOver: 'also', suspects: 'exclude' } as const
const MANY = 300

describe.skipIf(SERVER_URL === null)('plans made while the table was small', () => {
  const tableName = `te_stale_${randomUUID().slice(0, 8)}`
  let client: pg.Client
  let storage: PgTaskExecutionsStorage<unknown>
  let nextId = 0

  beforeAll(async () => {
    client = new pg.Client({ connectionString: SERVER_URL ?? '' })
    await client.connect()
    storage = createPgTaskExecutionsStorage(drizzle(client), createPgTaskExecutionsTable(tableName))
    await storage.migrate()
    await client.query(`ALTER TABLE "${tableName}" SET (autovacuum_enabled = false)`)
    // As after some calls: the plan is made once, for all values.
    await client.query('SET plan_cache_mode = force_generic_plan')
  })

  afterAll(async () => {
    await client.query(`DROP TABLE "${tableName}", "${tableName}_schema"`)
    await client.end()
  })

  async function insert(count: number): Promise<void> {
    const executions = Array.from({ length: count }, () => {
      nextId += 1
      return newExecution({ executionId: `te_${nextId}` })
    })
    await storage.insert({ executions, ...BY })
  }

  async function claim(limit: number): Promise<readonly ExecutionRecord[]> {
    const { records } = await storage.claim({ ...CLAIM, limit })
    return records
  }

  /** Through all that an executor does with what it claims: the parents get a child each, and end with it. */
  async function runAll(records: readonly ExecutionRecord[]): Promise<void> {
    const claims = records.map(({ executionId, claimCount }) => ({ executionId, claimCount }))
    await storage.renew({ claims, leaseMs: BY.leaseMs })
    const children = records.map((record) =>
      childOf(record, 0, { executionId: `${record.executionId}_child`, start: 'claimed' }),
    )
    await storage.settle({
      settlements: records.map((record, index) =>
        settlementOf(record, transitions.waitForChildren(record, '1'), [
          children[index] ?? newExecution(),
        ]),
      ),
      handOver: { queues: ['default'] },
      ...BY,
    })
    const { records: found } = await storage.get({
      executionIds: children.map(({ executionId }) => executionId),
    })
    const { parents } = await storage.settle({
      settlements: found.flatMap((child) =>
        child === null ? [] : settlementOf(child, transitions.complete(child, '1')),
      ),
      handOver: { queues: ['default'] },
      ...BY,
    })
    expect(parents).toHaveLength(records.length)
    await settlePlainly(parents)
  }

  async function settlePlainly(records: readonly ExecutionRecord[]): Promise<void> {
    const settlements = records.map((record) =>
      settlementOf(record, transitions.complete(record, '1')),
    )
    await storage.settle({ settlements, handOver: null, ...BY })
  }

  /** The prepared statements of the connection whose plan reads the whole table, by how they begin. */
  async function scanning(isMany: boolean): Promise<readonly string[]> {
    const { rows } = await client.query<{ name: string; statement: string; count: number }>(
      `SELECT name, statement, cardinality(parameter_types) AS count FROM pg_prepared_statements WHERE strpos(statement, '"${tableName}"') > 0 AND (strpos(statement, '/* many */') > 0) = ${String(isMany)}`,
    )
    expect(rows.length).toBeGreaterThan(5)
    const scans: string[] = []
    for (const { name, statement, count } of rows) {
      const values =
        count === 0 ? '' : `(${Array.from({ length: count }, () => 'NULL').join(', ')})`
      const plan = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN EXECUTE "${name}"${values}`,
      )
      const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n')
      if (text.includes(`Seq Scan on ${tableName}`)) scans.push(statement)
    }
    return scans
  }

  it('are not those of calls about many rows', async () => {
    await insert(4)
    await client.query(`VACUUM ANALYZE "${tableName}"`)
    await runAll(await claim(2))
    await settlePlainly(await claim(2))
    await insert(3 * MANY)
    // The first claim does not know yet how many there are.
    await claim(MANY)
    const records = await claim(MANY)
    expect(records).toHaveLength(MANY)
    await runAll(records)
    await settlePlainly(await claim(MANY))
    // The table was small enough: plans of that time do read it.
    await expect(scanning(false)).resolves.not.toEqual([])
    await expect(scanning(true)).resolves.toEqual([])
  })
})
