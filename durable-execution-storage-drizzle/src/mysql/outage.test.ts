/** Connections that are killed, hang, or cannot be had. */
import { drizzle } from 'drizzle-orm/mysql2'
import { newExecution } from 'durable-execution-storage-test-utils'
import { createPool } from 'mysql2/promise'
import { afterAll, describe, expect, it, vi } from 'vitest'

import { MySqlDatabases, mySqlServers, type MySqlTestDatabase } from '../../tests/mysql-databases'
import { createMySqlTaskExecutionsStorage } from './storage'
import { createMySqlTaskExecutionsTable } from './table'

const servers = await mySqlServers()
const by = { executorId: 'executor', leaseMs: 60_000 }
const LONG_MS = 60_000
const PATIENCE = { timeout: 20_000, interval: 10 }

function insert({ storage }: MySqlTestDatabase, executionId: string, signal?: AbortSignal) {
  return storage.insert({ executions: [newExecution({ executionId })], ...by, signal })
}

/** The connections to the current database that are in the middle of a statement like this. */
async function busyWith({ all }: MySqlTestDatabase, text: string): Promise<number[]> {
  const rows = await all(
    "SELECT id, info FROM information_schema.processlist WHERE db = DATABASE() AND command IN ('Query', 'Execute') AND id <> CONNECTION_ID()",
  )
  return rows.filter(([, info]) => String(info).startsWith(text)).map(([id]) => Number(id))
}

describe.each(servers)('outages on $name', (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it(
    'are survived by calls that may be repeated when idle connections were killed',
    async () => {
      const database = await databases.openMigrated({ pool: { connectionLimit: 2 } })
      await Promise.all(['te_1', 'te_2'].map((executionId) => insert(database, executionId)))
      const other = databases.open(await urlOf(database))
      const ids = await other.all(
        'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
      )
      for (const [id] of ids) await other.all(`KILL ${Number(id)}`).catch(() => [])
      expect(await insert(database, 'te_3')).toMatchObject({ outcomes: [{ kind: 'inserted' }] })
      expect(await other.rows()).toHaveLength(3)
      await other.close()
      await database.close()
    },
    LONG_MS,
  )

  it(
    'are survived in the middle of a call',
    async () => {
      const database = await databases.openMigrated()
      const other = await database.connect()
      await other.query('START TRANSACTION')
      await other.query('INSERT INTO task_executions_schema VALUES (2, 2)')
      await insert(database, 'te_1')
      await other.query("SELECT 1 FROM task_executions WHERE execution_id = 'te_1' FOR UPDATE")
      const cancelled = database.storage.cancel({
        executionIds: ['te_1'],
        error: {
          errorType: 'cancelled',
          code: 'cancelled',
          message: 'cancelled',
          isRetryable: false,
          isInternal: false,
        },
      })
      const id = await vi.waitFor(async () => {
        const [found] = await busyWith(database, 'SELECT')
        if (found === undefined) throw new Error('The call has not met the lock yet')
        return found
      }, PATIENCE)
      await database.all(`KILL ${id}`)
      await other.query('ROLLBACK')
      expect((await cancelled).outcomes).toEqual(['cancelled'])
      await other.end()
      await database.close()
    },
    LONG_MS,
  )

  it(
    'end with the caller giving up: the connection that hangs is ended, and others go on',
    async () => {
      const database = await databases.openMigrated({ pool: { connectionLimit: 1 } })
      await insert(database, 'te_1')
      const other = await database.connect()
      await other.query('START TRANSACTION')
      await other.query("SELECT 1 FROM task_executions WHERE execution_id = 'te_1' FOR UPDATE")
      const controller = new AbortController()
      const claims = [{ executionId: 'te_1', claimCount: 0, dueInMs: 0 }]
      const hanging = database.storage.release({ claims, signal: controller.signal })
      // Waits for the only connection.
      const waiting = insert(database, 'te_2', controller.signal)
      await new Promise(setImmediate)
      controller.abort()
      await expect(hanging).rejects.toMatchObject({ isRetryable: true })
      await expect(waiting).rejects.toMatchObject({ isRetryable: true })
      expect(await insert(database, 'te_3')).toMatchObject({ outcomes: [{ kind: 'inserted' }] })
      await other.query('ROLLBACK')
      await other.end()
      await database.close()
    },
    LONG_MS,
  )

  it('are retryable errors where no server answers', async () => {
    const pool = createPool({ host: '127.0.0.1', port: 1, connectTimeout: 1000 })
    const storage = createMySqlTaskExecutionsStorage(
      drizzle(pool),
      createMySqlTaskExecutionsTable(),
    )
    await expect(storage.get({ executionIds: ['te_1'] })).rejects.toMatchObject({
      isRetryable: true,
      code: 'storage',
      message: expect.stringContaining(
        'connection to the database of table "task_executions"',
      ) as string,
    })
    await pool.end()
  })

  async function urlOf({ all }: MySqlTestDatabase): Promise<string> {
    const [row] = await all('SELECT DATABASE()')
    const url = new URL(server.url)
    url.pathname = `/${String(row?.[0])}`
    return url.href
  }
})
