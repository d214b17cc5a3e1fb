/** The database of the executor server: PostgreSQL, or a SQLite file where there is none. */
import { pathToFileURL } from 'node:url'

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

/** An executor has at most six calls of the database under way. */
const CONNECTIONS = 6

const LOCAL_URL = 'postgres://postgres@127.0.0.1:5432/postgres'

/** An open database. Of its transactions the executor server makes no use. */
export interface OpenStorage {
  readonly storage: TaskExecutionsStorage
  readonly close: () => Promise<void>
}

/** The database to use: that of `DATABASE_URL` (`postgres://…`, `file:…`), else a PostgreSQL on this machine, else the given file. */
export async function findDatabase(file: string): Promise<string> {
  const named = process.env['DATABASE_URL']
  if (named !== undefined) return named
  const client = new pg.Client({ connectionString: LOCAL_URL, connectionTimeoutMillis: 2000 })
  try {
    await client.connect()
    await client.end()
    return LOCAL_URL
  } catch {
    return pathToFileURL(file).href
  }
}

export function isSQLite(url: string): boolean {
  return url.startsWith('file:')
}

/** Opens the database, and makes the table where it is missing. */
export async function openStorage(url: string, tableName: string): Promise<OpenStorage> {
  return isSQLite(url) ? openSQLite(url, tableName) : openPostgres(url, tableName)
}

async function openPostgres(connectionString: string, tableName: string): Promise<OpenStorage> {
  const pool = new pg.Pool({ connectionString, max: CONNECTIONS })
  const storage = createPgTaskExecutionsStorage(
    drizzlePostgres(pool),
    createPgTaskExecutionsTable(tableName),
  )
  await storage.migrate()
  return { storage, close: () => pool.end() }
}

async function openSQLite(url: string, tableName: string): Promise<OpenStorage> {
  const client = createClient({ url })
  await client.execute('PRAGMA journal_mode = WAL')
  const storage = createSQLiteTaskExecutionsStorage(
    drizzleLibsql(client),
    createSQLiteTaskExecutionsTable(tableName),
  )
  await storage.migrate()
  return { storage, close: async () => client.close() }
}

/** Drops the table of the example, in PostgreSQL. */
export async function dropTable(connectionString: string, tableName: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query(`DROP TABLE IF EXISTS "${tableName}", "${tableName}_schema"`)
  await client.end()
}
