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

  it.each([
    ['', (text: string) => text],
    [
      ' which keeps to itself when that was',
      (text: string) => text.replaceAll('LAST_INSERT_ID', ''),
    ],
  ])('is written at the time that it answers, on a server%s', async (_which, rewrite) => {
    const database = await databases.openMigrated({ ...ONE, rewrite })
    const executions = [newExecution({ executionId: 'te_0', start: 'claimed' })]
    await database.all('SET timestamp = 1700000000')
    const { now } = await database.storage.insert({ executions, ...by })
    const [settlement] = await endsOf(database, ['te_0'])
    await database.all('SET timestamp = 1700000001')
    const settlements = settlement ? [settlement] : []
    const settled = await database.storage.settle({ settlements, handOver: null, ...by })
    expect([now, settled.now]).toEqual([1_700_000_000_000, 1_700_000_001_000])
    expect(await database.rows()).toMatchObject([
      { createdAt: now, startAt: now, startedAt: now, claimAt: null },
    ])
    expect(await database.rows()).toMatchObject([
      { updatedAt: settled.now, finishedAt: settled.now },
    ])
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

  it('changes one execution in a transaction of several where it is too long for one statement', async () => {
    const database = await databases.openMigrated(ONE)
    const packet = 'SELECT @@max_allowed_packet'
    await start(database, 'te_0')
    const bytes = Number((await database.all(packet))[0]?.[0])
    const [settlement] = await endsOf(database, ['te_0'])
    const output = JSON.stringify('x'.repeat(bytes))
    const settlements = settlement
      ? [{ ...settlement, change: { ...settlement.change, output } }]
      : []
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
