/** Calls that need one statement have no transaction of several around it; and what a user left open is not what they commit with. */
import { settlementOf, transitions } from 'durable-execution'
import { newExecution } from 'durable-execution-storage-test-utils'
import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers, type MySqlTestDatabase } from '../../tests/mysql-databases'

const servers = await mySqlServers()
const by = { executorId: 'executor', leaseMs: 60_000 }
/** Which of these claims are held. */
const LOOK = /^SELECT count\(\*\) FROM JSON_TABLE.*/
const ONE = { pool: { connectionLimit: 1 } }
/** Ids that differ as bytes only. */
const NAMES = ['a', 'A', 'a ']

async function start({ storage }: MySqlTestDatabase, executionId: string) {
  const executions = [newExecution({ executionId, start: 'claimed' })]
  const { outcomes } = await storage.insert({ executions, ...by })
  expect(outcomes).toEqual([{ kind: 'inserted' }])
}

async function endsOf({ storage }: MySqlTestDatabase, executionIds: readonly string[]) {
  const { records } = await storage.get({ executionIds })
  return records
    .filter((record) => record !== null)
    .map((record) => settlementOf(record, transitions.complete(record, '1')))
}

async function finish(database: MySqlTestDatabase, executionIds: readonly string[]) {
  const settlements = await endsOf(database, executionIds)
  const { outcomes } = await database.storage.settle({ settlements, handOver: null, ...by })
  return outcomes.map(({ outcome }) => outcome)
}

describe.each(servers)('a call that needs one statement on $name', (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it('begins no transaction', async () => {
    const database = await databases.openMigrated(ONE)
    const begun = () => database.all("SHOW SESSION STATUS LIKE 'Com_begin'")
    // The first call of a storage learns what its server is like.
    await start(database, 'te_0')
    const before = await begun()
    await start(database, 'te_1')
    expect(await finish(database, ['te_0', 'te_1'])).toEqual(['applied', 'applied'])
    expect(await begun()).toEqual(before)
    await database.close()
  })

  it('is written at the time that it answers', async () => {
    const database = await databases.openMigrated(ONE)
    const { storage, all } = database
    const executionIds = ['te_0', 'te_1', 'te_2']
    const executions = executionIds.map((executionId) =>
      newExecution({ executionId, start: 'claimed' }),
    )
    await all('SET timestamp = 1700000000')
    const { now } = await storage.insert({ executions, ...by })
    expect(now).toBe(1_700_000_000_000)
    const claimAt = now + by.leaseMs
    const times = { createdAt: now, updatedAt: now, startAt: now, startedAt: now, claimAt }
    expect(await database.rows()).toMatchObject(executionIds.map(() => times))
    const ends = await endsOf(database, executionIds)
    for (const [count, settlements] of [ends.slice(0, 1), ends.slice(1)].entries()) {
      await all(`SET timestamp = ${1_700_000_001 + count}`)
      const settled = await storage.settle({ settlements, handOver: null, ...by })
      expect(settled.now).toBe(1_700_000_001_000 + count * 1000)
      const rows = await database.rows()
      const updated = rows.filter(({ updatedAt }) => updatedAt === settled.now)
      expect(updated).toMatchObject(
        settlements.map(({ executionId }) => ({
          ...{ ...times, executionId, claimAt: null },
          ...{ finishedAt: settled.now, updatedAt: settled.now },
        })),
      )
    }
    await database.close()
  })

  it.each([
    ['keeps to itself when that was', (text: string) => text.replaceAll('LAST_INSERT_ID', '')],
    [
      'tells what a column counts up to',
      (text: string) => text.replaceAll('LAST_INSERT_ID', '0 * LAST_INSERT_ID(17) + '),
    ],
  ])('answers the time also where the server %s', async (_what, rewrite) => {
    const database = await databases.openMigrated({ ...ONE, rewrite })
    await database.all('SET timestamp = 1700000000')
    const executions = [newExecution({ executionId: 'te_0', start: 'claimed' })]
    const { now } = await database.storage.insert({ executions, ...by })
    const settlements = await endsOf(database, ['te_0'])
    const settled = await database.storage.settle({ settlements, handOver: null, ...by })
    expect([now, settled.now]).toEqual([1_700_000_000_000, 1_700_000_000_000])
    expect(await database.rows()).toMatchObject([{ createdAt: now, finishedAt: now }])
    await database.close()
  })

  it('reads a clock that is given when it has its connection', async () => {
    let now = 1
    const database = await databases.openMigrated({ ...ONE, now: () => now })
    await start(database, 'te_0')
    const busy = database.all('SELECT 1')
    const executions = [newExecution({ executionId: 'te_1' })]
    const inserting = database.storage.insert({ executions, ...by })
    now = 2
    await busy
    expect((await inserting).now).toBe(2)
    await database.close()
  })

  it('asks for nothing else', async () => {
    const database = await databases.openMigrated(ONE)
    const sent = async () => {
      const [row] = await database.all("SHOW SESSION STATUS LIKE 'Com_stmt_execute'")
      return Number(row?.[1])
    }
    await start(database, 'te_0')
    const settlements = await endsOf(database, ['te_0'])
    const before = await sent()
    await start(database, 'te_1')
    await database.storage.settle({ settlements, handOver: null, ...by })
    expect((await sent()) - before).toBe(2)
    await database.close()
  })

  it('refuses an end that is too long before it is sent', async () => {
    const database = await databases.openMigrated(ONE)
    const packet = 'SELECT @@max_allowed_packet'
    await start(database, 'te_0')
    const bytes = Number((await database.all(packet))[0]?.[0])
    const output = JSON.stringify('x'.repeat(bytes))
    const settlements = (await endsOf(database, ['te_0'])).map((end) => {
      return { ...end, change: { ...end.change, output } }
    })
    const settled = database.storage.settle({ settlements, handOver: null, ...by })
    await expect(settled).rejects.toThrow('too large for the database')
    await database.close()
  })

  it.each(['START TRANSACTION', 'SET autocommit = 0'])(
    'is committed on a connection that came back to its pool after %s',
    async (left) => {
      const database = await databases.openMigrated(ONE)
      await start(database, 'te_0')
      await database.all('CREATE TABLE notes (note int)')
      await database.all(left)
      await database.all('INSERT INTO notes VALUES (1)')
      await start(database, 'te_1')
      await database.all(left)
      expect(await finish(database, ['te_1'])).toEqual(['applied'])
      // What another connection sees is committed.
      const other = await database.connect()
      const [rows] = await other.query<RowDataPacket[]>(
        "SELECT status FROM task_executions WHERE execution_id = 'te_1'",
      )
      expect(rows.map(({ status }) => String(status))).toEqual(['completed'])
      const [notes] = await other.query('SELECT * FROM notes')
      expect(notes).toEqual([])
      await other.end()
      await database.close()
    },
  )

  it('does not leave a connection in a transaction where it met a row that is there', async () => {
    const database = await databases.openMigrated(ONE)
    await start(database, 'te_0')
    await database.all('START TRANSACTION')
    const executions = [newExecution({ executionId: 'te_0' })]
    const { outcomes } = await database.storage.insert({ executions, ...by })
    expect(outcomes).toMatchObject([{ kind: 'exists' }])
    // The row is nobody's: it can be written.
    expect(await finish(database, ['te_0'])).toEqual(['applied'])
    await database.close()
  })

  it('leaves what is there, and says so', async () => {
    const database = await databases.openMigrated(ONE)
    await start(database, 'te_0')
    const executions = [
      newExecution({ executionId: 'te_1' }),
      newExecution({ executionId: 'te_0' }),
    ]
    const { outcomes } = await database.storage.insert({ executions, ...by })
    expect(outcomes).toMatchObject([{ kind: 'inserted' }, { kind: 'exists' }])
    await database.close()
  })

  it.each([1, 3, 1100])('gives each of %i executions its output', async (count) => {
    const database = await databases.openMigrated(ONE)
    const executionIds = Array.from({ length: count }, (_, index) => `te_${NAMES[index] ?? index}`)
    const executions = executionIds.map((executionId) =>
      newExecution({ executionId, start: 'claimed' }),
    )
    await database.storage.insert({ executions, ...by })
    const settlements = (await endsOf(database, executionIds)).map((end, index) => {
      const output = index === 1 ? null : JSON.stringify(`of ${end.executionId}`)
      const attempt = end.change.attempt + index
      return { ...end, change: { ...end.change, output, attempt } }
    })
    const { outcomes } = await database.storage.settle({ settlements, handOver: null, ...by })
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['applied']))
    const { records } = await database.storage.get({ executionIds })
    expect(records).toMatchObject(
      settlements.map(({ executionId, change: { status, output, attempt } }) => {
        return { executionId, status, output, attempt }
      }),
    )
    await database.close()
  })

  it.each([
    ['before it looked', (text: string) => text, 'applied'],
    // Then the first is found as written: as by a call whose answer was lost.
    ['after', (text: string) => text.replace(LOOK, 'SELECT 2 + 0 * length(?)'), 'repeated'],
  ])(
    'answers for each settlement where one of them lost its claim %s',
    async (_when, rewrite, first) => {
      const database = await databases.openMigrated({ ...ONE, rewrite })
      for (const executionId of ['te_0', 'te_1']) await start(database, executionId)
      const stolen = "UPDATE task_executions SET claim_count = 2 WHERE execution_id = 'te_1'"
      const settlements = await endsOf(database, ['te_0', 'te_1'])
      await database.all(stolen)
      const { outcomes } = await database.storage.settle({ settlements, handOver: null, ...by })
      expect(outcomes.map(({ outcome }) => outcome)).toEqual([first, 'lost'])
      const rows = await database.rows()
      expect(rows.map(({ status }) => status)).toEqual(['completed', 'running'])
      await database.close()
    },
  )
})
