/** Databases that two servers can share: a SQLite file always, PostgreSQL where there is one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createClient } from '@libsql/client'
import { drizzle as drizzleLibsql } from 'drizzle-orm/libsql'
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres'
import type { TaskExecutionsStorage } from 'durable-execution'
import {
  createPgTaskExecutionsStorage,
  createPgTaskExecutionsTable,
  createSQLiteTaskExecutionsStorage,
  createSQLiteTaskExecutionsTable,
} from 'durable-execution-storage-drizzle'
import pg from 'pg'
import { onTestFinished } from 'vitest'

/** A database, opened as often as there are servers. */
export interface SharedDatabase {
  readonly name: string
  /** Opens it for two servers. It is gone after the test. */
  open(): Promise<readonly [TaskExecutionsStorage<unknown>, TaskExecutionsStorage<unknown>]>
}

const LOCAL_URL = 'postgres://postgres@127.0.0.1:5432/test'

const sqlite: SharedDatabase = {
  name: 'a SQLite file',
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'durable-execution-orpc-'))
    const clients = [0, 1].map(() => createClient({ url: `file:${join(folder, 'tasks.db')}` }))
    onTestFinished(() => {
      for (const client of clients) client.close()
      rmSync(folder, { recursive: true, force: true })
    })
    const [first, second] = clients.map((client) =>
      createSQLiteTaskExecutionsStorage(drizzleLibsql(client), createSQLiteTaskExecutionsTable()),
    )
    if (!first || !second) throw new Error('There are two')
    await clients[0]?.execute('PRAGMA journal_mode = WAL')
    await first.migrate()
    return [first, second] as unknown as Awaited<ReturnType<SharedDatabase['open']>>
  },
}

function postgres(connectionString: string): SharedDatabase {
  return {
    name: 'PostgreSQL',
    async open() {
      const tableName = `te_orpc_${process.pid}_${process.hrtime.bigint().toString(36)}`
      const pools = [0, 1].map(() => new pg.Pool({ connectionString, max: 6 }))
      onTestFinished(async () => {
        await pools[0]?.query(`DROP TABLE IF EXISTS "${tableName}", "${tableName}_schema"`)
        await Promise.all(pools.map((pool) => pool.end()))
      })
      const [first, second] = pools.map((pool) =>
        createPgTaskExecutionsStorage(
          drizzlePostgres(pool),
          createPgTaskExecutionsTable(tableName),
        ),
      )
      if (!first || !second) throw new Error('There are two')
      await first.migrate()
      return [first, second] as unknown as Awaited<ReturnType<SharedDatabase['open']>>
    },
  }
}

async function isThere(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2000 })
  try {
    await client.connect()
    await client.end()
    return true
  } catch (error) {
    const isRequired = (process.env['REQUIRED_DATABASES'] ?? '').split(',').includes('postgres')
    if (isRequired || process.env['TEST_POSTGRES_URL'] !== undefined) throw error
    console.log(
      'PostgreSQL is not there: two servers share a SQLite file only. Set TEST_POSTGRES_URL',
    )
    return false
  }
}

const url = process.env['TEST_POSTGRES_URL'] ?? LOCAL_URL

export const SHARED_DATABASES: readonly SharedDatabase[] = [
  sqlite,
  ...((await isThere(url)) ? [postgres(url)] : []),
]
