/** Databases as each process of a load opens them: light, since four processes do. */
import { drizzle as drizzleMySql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import type { ExecutionRecord, TaskExecutionsStorage } from 'durable-execution'
import { createPool } from 'mysql2/promise'
import pg from 'pg'

import { toRows } from '../../src/mysql/connection'
import { createMySqlTaskExecutionsStorage } from '../../src/mysql/storage'
import { createMySqlTaskExecutionsTable } from '../../src/mysql/table'
import { createPgTaskExecutionsStorage } from '../../src/pg/storage'
import { createPgTaskExecutionsTable } from '../../src/pg/table'
import { COLUMNS, fromRow } from '../../src/row'
import { DRIVERS, openMigrated } from '../databases'

/** Where the executions of a load are. */
export interface LoadPlace {
  readonly kind: 'pg' | 'mysql' | 'sqlite'
  /** A URL, or the path of a file. */
  readonly url: string
  readonly tableName: string
}

/** A database of a load. */
export interface LoadDatabase {
  readonly storage: TaskExecutionsStorage<unknown> & { migrate(): Promise<void> }
  /** Runs the work in a transaction of the user, which is committed, or rolled back. */
  readonly inTransaction: (
    work: (transaction: unknown) => unknown,
    isKept: boolean,
  ) => Promise<void>
  readonly query: (text: string) => Promise<unknown[][]>
  readonly rows: () => Promise<ExecutionRecord[]>
  readonly close: () => Promise<void>
}

/** What the connections of a load are called on PostgreSQL. */
export const APPLICATION_NAME = 'durable-execution load'

/** Rolls a transaction back. */
const UNDONE = new Error('rolled back')

async function unlessUndone(transact: () => Promise<void>): Promise<void> {
  await transact().catch((error: unknown) => {
    if (error !== UNDONE) throw error
  })
}

/** Opens it, with as many connections as an executor and a user may want. */
export async function openPlace(place: LoadPlace): Promise<LoadDatabase> {
  switch (place.kind) {
    case 'pg':
      return openPg(place)
    case 'mysql':
      return openMySql(place)
    case 'sqlite':
      return openSqlite(place)
  }
}

function openPg({ url, tableName }: LoadPlace): LoadDatabase {
  const pool = new pg.Pool({ connectionString: url, max: 8, application_name: APPLICATION_NAME })
  pool.on('error', () => undefined)
  const db = drizzlePg(pool)
  const query = async (text: string): Promise<unknown[][]> => {
    const { rows } = await pool.query({ text, rowMode: 'array' })
    return rows as unknown[][]
  }
  return {
    storage: createPgTaskExecutionsStorage(db, createPgTaskExecutionsTable(tableName)),
    inTransaction: (work, isKept) =>
      unlessUndone(() =>
        db.transaction(async (transaction) => {
          await work(transaction)
          if (!isKept) throw UNDONE
        }),
      ),
    query,
    rows: () => readRows(query, `"${tableName}"`),
    close: () => pool.end(),
  }
}

function openMySql({ url, tableName }: LoadPlace): LoadDatabase {
  const pool = createPool({ uri: url, connectionLimit: 8 })
  const db = drizzleMySql(pool)
  const query = async (sql: string): Promise<unknown[][]> => {
    const [rows] = await pool.query({ sql, rowsAsArray: true })
    return toRows(rows).map((row) => Array.from(row))
  }
  return {
    storage: createMySqlTaskExecutionsStorage(db, createMySqlTaskExecutionsTable(tableName)),
    inTransaction: (work, isKept) =>
      unlessUndone(() =>
        db.transaction(async (transaction) => {
          await work(transaction)
          if (!isKept) throw UNDONE
        }),
      ),
    query,
    rows: () => readRows(query, `\`${tableName}\``),
    close: () => pool.end(),
  }
}

async function openSqlite({ url, tableName }: LoadPlace): Promise<LoadDatabase> {
  const driver = DRIVERS.find(({ isSync }) => isSync)
  if (!driver) throw new Error('There is no synchronous SQLite driver')
  const database = await openMigrated(driver, url, { tableName })
  const { storage, all, rows, close } = database
  return {
    storage,
    // A transaction of a synchronous driver waits for nothing.
    inTransaction: (work, isKept) =>
      unlessUndone(() =>
        database.inTransaction((transaction) => {
          const done = work(transaction)
          if (!isKept) throw UNDONE
          return done
        }),
      ),
    query: all,
    rows,
    close: async () => close(),
  }
}

async function readRows(query: LoadDatabase['query'], table: string): Promise<ExecutionRecord[]> {
  return (await query(`SELECT ${COLUMNS.join(', ')} FROM ${table}`)).map(fromRow)
}
