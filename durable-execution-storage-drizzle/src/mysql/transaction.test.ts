/** Inserts that join a transaction of the user, and calls on the one connection of a user. */
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/mysql2'
import { newExecution, newSleeper } from 'durable-execution-storage-test-utils'
import mysql from 'mysql2'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers } from '../../tests/mysql-databases'
import { createMySqlTaskExecutionsStorage } from './storage'
import { createMySqlTaskExecutionsTable } from './table'

const servers = await mySqlServers()
const by = { executorId: 'executor', leaseMs: 10_000 }

describe.each(servers)("a user's transaction on $name", (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it('commits the execution with what the user wrote', async () => {
    const database = await databases.openMigrated()
    await database.db.transaction(async (transaction) => {
      await transaction.execute(sql`SELECT 1`)
      await database.storage.insert({ executions: [newExecution()], ...by, transaction })
      expect(await database.rows()).toEqual([])
    })
    expect(await database.rows()).toMatchObject([{ executionId: 'te_1', status: 'ready' }])
    await database.close()
  })

  it('takes the execution back when it is rolled back', async () => {
    const database = await databases.openMigrated()
    const failure = new Error('The user changed their mind')
    const outcome = database.db.transaction(async (transaction) => {
      await database.storage.insert({ executions: [newExecution()], ...by, transaction })
      throw failure
    })
    await expect(outcome).rejects.toThrow(failure)
    expect(await database.rows()).toEqual([])
    await database.close()
  })

  it('keeps every text as it is', async () => {
    const database = await databases.openMigrated()
    const input = `it's "q" \\ \\n $1 ? :x %s \0 \n \u001a 😀`
    await database.db.transaction(async (transaction) => {
      await database.storage.insert({ executions: [newExecution({ input })], ...by, transaction })
    })
    expect(await database.rows()).toMatchObject([{ input }])
    await database.close()
  })

  it('finds rows that were committed after its snapshot, without a statement that fails', async () => {
    const database = await databases.openMigrated()
    const outcomes = await database.db.transaction(
      async (transaction) => {
        await transaction.execute(sql`SELECT * FROM task_executions`)
        const executions = [newExecution({ executionId: 'te_1' }), newSleeper('te_2', 'key')]
        await database.storage.insert({ executions, ...by })
        const answer = await database.storage.insert({
          executions: [
            newExecution({ executionId: 'te_1' }),
            newSleeper('te_3', 'key'),
            newExecution({ executionId: 'te_4' }),
          ],
          ...by,
          transaction,
        })
        return answer.outcomes
      },
      { isolationLevel: 'repeatable read' },
    )
    expect(outcomes).toMatchObject([
      { kind: 'exists', conflict: 'execution_id' },
      { kind: 'exists', conflict: 'sleeping_key', existing: { executionId: 'te_2' } },
      { kind: 'inserted' },
    ])
    expect(await database.rows()).toHaveLength(3)
    await database.close()
  })

  it('keeps nothing of a failed insert, even if the user commits', async () => {
    const database = await databases.openMigrated()
    const parent = { taskId: 'parent', executionId: 'te_0', indexInParent: 0, isFinalize: false }
    const executions = ['te_1', 'te_2'].map((executionId) => newExecution({ executionId, parent }))
    await database.db.transaction(async (transaction) => {
      await expect(
        database.storage.insert({ executions, ...by, transaction }),
      ).rejects.toMatchObject({ code: 'storage', isRetryable: false })
      await database.storage.insert({ executions: [newExecution()], ...by, transaction })
    })
    expect((await database.rows()).map(({ executionId }) => executionId)).toEqual(['te_1'])
    await database.close()
  })

  it('is refused if it is none', async () => {
    const database = await databases.openMigrated()
    await expect(
      database.storage.insert({ executions: [newExecution()], ...by, transaction: {} }),
    ).rejects.toThrow('Invalid transaction: expected what the callback')
    await database.close()
  })
})

describe.each(servers)('one connection to $name', (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it('serves calls made at once, and does not commit what the user has open', async () => {
    const uri = await databases.create()
    const connection = mysql.createConnection({ uri })
    const db = drizzle(connection)
    const storage = createMySqlTaskExecutionsStorage(db, createMySqlTaskExecutionsTable())
    await storage.migrate()
    await connection.promise().query('CREATE TABLE notes (note int)')
    await connection.promise().query('START TRANSACTION')
    await connection.promise().query('INSERT INTO notes VALUES (1)')
    const inserts = ['te_1', 'te_2'].map((executionId) =>
      storage.insert({ executions: [newExecution({ executionId })], ...by }),
    )
    await connection.promise().query('INSERT INTO notes VALUES (2)')
    await connection.promise().query('ROLLBACK')
    const answers = await Promise.all(inserts)
    expect(answers).toMatchObject([
      { outcomes: [{ kind: 'inserted' }] },
      { outcomes: [{ kind: 'inserted' }] },
    ])
    const [rows] = await connection.promise().query('SELECT * FROM notes')
    expect(rows).toEqual([])
    await connection.promise().end()
  })

  it('takes a pool that answers by callbacks, too, and no other driver', async () => {
    const pool = mysql.createPool({ uri: await databases.create() })
    const table = createMySqlTaskExecutionsTable()
    const storage = createMySqlTaskExecutionsStorage(drizzle(pool), table)
    await storage.migrate()
    expect((await storage.get({ executionIds: ['te_1'] })).records).toEqual([null])
    await pool.promise().end()
    const other = drizzle.mock()
    expect(() => createMySqlTaskExecutionsStorage(other, table)).toThrow(
      'Invalid database for a MySQL storage',
    )
  })
})
