import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers } from '../../tests/mysql-databases'
import { classify, toStorageError } from './errors'

const by = { executorId: 'executor', leaseMs: 10_000 }

function driverError(parts: { errno?: number; code?: string; sqlState?: string }): Error {
  return Object.assign(new Error('from the driver'), parts)
}

describe('classify', () => {
  it.each([
    [{ errno: 1213 }, 'conflict'],
    [{ errno: 1205 }, 'conflict'],
    [{ errno: 1020 }, 'conflict'],
    [{ errno: 1568 }, 'conflict'],
    [{ errno: 1062, sqlState: '23000' }, 'duplicate'],
    [{ errno: 1146, sqlState: '42S02' }, 'refused'],
    [{ errno: 1064, sqlState: '42000' }, 'refused'],
    [{ errno: 1153, sqlState: '08S01' }, 'refused'],
    [{ errno: 1406, sqlState: '22001' }, 'refused'],
    [{ errno: 1048, sqlState: '23000' }, 'refused'],
    [{ errno: 3819 }, 'refused'],
    [{ errno: 4025 }, 'refused'],
    [{ errno: 1927 }, 'lost'],
    [{ errno: 1053 }, 'lost'],
    [{ code: 'PROTOCOL_CONNECTION_LOST' }, 'lost'],
    [{ code: 'ECONNREFUSED', errno: -111 }, 'lost'],
    [{ errno: 1040, sqlState: '08004' }, 'away'],
    [{ errno: 1290 }, 'away'],
    [{ errno: 1114 }, 'away'],
    [{ errno: 1226, sqlState: '42000' }, 'away'],
    [{}, 'away'],
  ] as const)('takes %o for %s, also where Drizzle wraps it', (parts, kind) => {
    const error = driverError(parts)
    expect(classify(error)).toBe(kind)
    expect(classify(new Error('Failed query', { cause: error }))).toBe(kind)
  })

  it('takes a connection that mysql2 has closed for lost', () => {
    const error = new Error("Can't add new command when connection is in closed state")
    expect(classify(error)).toBe('lost')
  })
})

describe('toStorageError', () => {
  it.each([
    [{ errno: 1213 }, true, 'Other transactions stayed in the way on table "jobs"'],
    [{ code: 'ECONNRESET' }, true, 'The connection to the database of table "jobs" was lost'],
    [{ errno: 1040 }, true, 'The database of table "jobs" cannot be used now'],
    [{ errno: 1146 }, false, 'call storage.migrate()'],
    [{ errno: 1054 }, false, 'is of another version'],
    [{ errno: 1153 }, false, 'raise max_allowed_packet'],
    [{ errno: 4025 }, false, 'refused a row that must never be'],
    [{ errno: 1064 }, false, 'The database refused a statement on table "jobs"'],
  ] as const)('says of %o what to do', (parts, isRetryable, message) => {
    expect(toStorageError(driverError(parts), 'jobs')).toMatchObject({
      code: 'storage',
      isRetryable,
      message: expect.stringContaining(message) as string,
    })
  })

  it('names every address that refused', () => {
    const error = new AggregateError([new Error('no at ::1'), new Error('no at 127.0.0.1')], '')
    expect(toStorageError(error, 'jobs').message).toContain('no at ::1; no at 127.0.0.1')
  })
})

const servers = await mySqlServers()

describe.each(servers)('what $name cannot store', (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it('is refused where there is no table, and the error says what to do', async () => {
    const database = databases.open(await databases.create())
    await expect(database.storage.get({ executionIds: ['te_1'] })).rejects.toMatchObject({
      isRetryable: false,
      message: expect.stringContaining('There is no table "task_executions"') as string,
    })
    await database.close()
  })

  it('is refused where it is larger than a packet, and no connection is lost', async () => {
    const database = await databases.openMigrated({ pool: { connectionLimit: 1 } })
    const [row] = await database.all('SELECT @@max_allowed_packet, CONNECTION_ID()')
    const executions = [newExecution({ input: 'x'.repeat(Number(row?.[0])) })]
    await expect(database.storage.insert({ executions, ...by })).rejects.toMatchObject({
      isRetryable: false,
      message: expect.stringContaining('too large') as string,
    })
    const [after] = await database.all('SELECT @@max_allowed_packet, CONNECTION_ID()')
    expect(after).toEqual(row)
    await database.close()
  }, 60_000)

  it('is refused where it is an id that is too long, or half of a surrogate pair', async () => {
    const database = await databases.openMigrated()
    const insert = (executionId: string) =>
      database.storage.insert({ executions: [newExecution({ executionId })], ...by })
    for (const executionId of ['x'.repeat(2000), 'half \ud83d', '\ud83d\0\ude00']) {
      await expect(insert(executionId)).rejects.toMatchObject({ isRetryable: false })
    }
    expect(await database.rows()).toEqual([])
    await insert('nul \0 in it')
    const { records } = await database.storage.get({
      executionIds: ['nul \0 in it', 'half \ud83d', 'half \ufffd'],
    })
    expect(records.map((record) => record?.executionId)).toEqual([
      'nul \0 in it',
      undefined,
      undefined,
    ])
    await database.close()
  })

  it('is refused over a connection of another character set', async () => {
    const url = await databases.create()
    const database = databases.open(url, { pool: { charset: 'latin1' } })
    await expect(database.storage.get({ executionIds: ['te_1'] })).rejects.toMatchObject({
      isRetryable: false,
      message: expect.stringContaining('charset') as string,
    })
    await database.close()
  })

  it('is refused where the server would make other characters of values', async () => {
    const url = await databases.create()
    const database = databases.open(url, { pool: { connectionLimit: 1 } })
    await database.all('SET collation_connection = latin1_bin')
    await expect(database.storage.get({ executionIds: ['te_1'] })).rejects.toMatchObject({
      isRetryable: false,
      message: expect.stringContaining('collation_connection') as string,
    })
    await database.close()
  })
})
