/** Our storages, on the database that a run was given. Each driver is loaded only where it is used. */
import type { TaskExecutionsStorage } from 'durable-execution'
import {
  createMySqlTaskExecutionsStorage,
  createMySqlTaskExecutionsTable,
  createPgTaskExecutionsStorage,
  createPgTaskExecutionsTable,
  createSQLiteTaskExecutionsStorage,
  createSQLiteTaskExecutionsTable,
} from 'durable-execution-storage-drizzle'

import type { BenchContext } from '../workload'
import { openSqlite } from './sqlite'

/** The connections of a pool: what the guides recommend. */
const POOL = 6

export const TABLE = 'task_executions'

/** A storage with its table, new and empty unless the context says that it is shared. */
export interface OpenedStorage {
  readonly storage: TaskExecutionsStorage<unknown>
  readonly settings: string
  readonly close: () => Promise<void>
}

/** Options of {@link openStorage}. */
export interface OpenStorageOptions {
  /** Whether other processes use the table: it is neither emptied nor removed. @default false */
  readonly isShared?: boolean
  /** Whether PostgreSQL tells of what happens. @default true */
  readonly notify?: boolean
}

/** Opens our storage of a context's database. */
export async function openStorage(
  context: Pick<BenchContext, 'storage' | 'url'>,
  options: OpenStorageOptions = {},
): Promise<OpenedStorage> {
  switch (context.storage) {
    case 'pg':
      return openPg(context.url, options)
    case 'mysql':
    case 'mariadb':
      return openMysql(context.url, options)
    case 'sqlite':
    case 'sqlite-full':
      return openSqliteStorage(context)
  }
}

async function openPg(url: string, options: OpenStorageOptions): Promise<OpenedStorage> {
  const { default: pg } = await import('pg')
  const { drizzle } = await import('drizzle-orm/node-postgres')
  const pool = new pg.Pool({ connectionString: url, max: POOL })
  pool.on('error', () => undefined)
  const storage = createPgTaskExecutionsStorage(drizzle(pool), createPgTaskExecutionsTable(TABLE), {
    notify: options.notify,
  })
  if (options.isShared !== true) await pool.query(`DROP TABLE IF EXISTS ${TABLE}, ${TABLE}_schema`)
  await storage.migrate()
  return {
    storage,
    settings: `pool of ${POOL}`,
    close: () => pool.end(),
  }
}

async function openMysql(url: string, options: OpenStorageOptions): Promise<OpenedStorage> {
  const { default: mysql } = await import('mysql2/promise')
  const { drizzle } = await import('drizzle-orm/mysql2')
  const pool = mysql.createPool({ uri: url, connectionLimit: POOL })
  const storage = createMySqlTaskExecutionsStorage(
    drizzle({ client: pool }),
    createMySqlTaskExecutionsTable(TABLE),
  )
  if (options.isShared !== true) {
    await pool.query(`DROP TABLE IF EXISTS ${TABLE}, ${TABLE}_schema`)
  }
  await storage.migrate()
  return {
    storage,
    settings: `pool of ${POOL}`,
    close: () => pool.end(),
  }
}

async function openSqliteStorage({
  url,
  storage: name,
}: Pick<BenchContext, 'storage' | 'url'>): Promise<OpenedStorage> {
  const { drizzle } = await import('drizzle-orm/better-sqlite3')
  const database = openSqlite(url, name)
  const storage = createSQLiteTaskExecutionsStorage(
    drizzle(database),
    createSQLiteTaskExecutionsTable(TABLE),
  )
  await storage.migrate()
  return {
    storage,
    settings: 'better-sqlite3, WAL',
    close: async () => {
      database.close()
    },
  }
}
