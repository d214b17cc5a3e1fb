/** SQLite databases for tests, on every driver that loads here. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { createClient } from '@libsql/client'
import type BetterSqlite3 from 'better-sqlite3'
import { drizzle as drizzleSync } from 'drizzle-orm/better-sqlite3'
import { drizzle as drizzleLibsql } from 'drizzle-orm/libsql'
import type { ExecutionRecord } from 'durable-execution'

import { COLUMNS, fromRow } from '../src/row'
import {
  createSQLiteTaskExecutionsStorage,
  type SQLiteTaskExecutionsStorage,
  type SQLiteTaskExecutionsStorageOptions,
} from '../src/sqlite/storage'
import { createSQLiteTaskExecutionsTable } from '../src/sqlite/table'

/** How a database is opened. */
export interface OpenOptions extends SQLiteTaskExecutionsStorageOptions {
  readonly tableName?: string
  /** The busy time-out the user has set, in milliseconds. */
  readonly timeoutMs?: number
  /** Sees the connection of a synchronous driver before the storage does. */
  readonly onConnection?: (connection: BetterSqlite3.Database) => void
}

/** One connection, or pool, to a database. */
export interface TestDatabase {
  readonly storage: SQLiteTaskExecutionsStorage<unknown>
  /** Runs the callback in a transaction of the user. With a synchronous driver all is done when this returns. */
  readonly inTransaction: (work: (transaction: unknown) => unknown) => Promise<void>
  /** Opens a transaction with the write lock, as a user does who has not finished. */
  readonly begin: () => Promise<OpenTransaction>
  /** Executes statements without values. */
  readonly exec: (text: string) => Promise<void>
  readonly all: (text: string, params?: readonly (string | number)[]) => Promise<unknown[][]>
  /** Every row of the table. */
  readonly rows: () => Promise<ExecutionRecord[]>
  readonly close: () => void
}

/** A transaction that holds the write lock until it is ended. */
export interface OpenTransaction {
  readonly exec: (text: string) => Promise<void>
  readonly commit: () => Promise<void>
}

/** A driver with its name. */
export interface Driver {
  readonly name: string
  /** Whether its transactions are over when the call returns. */
  readonly isSync: boolean
  /** Opens a file, or `:memory:`. */
  open(file: string, options?: OpenOptions): TestDatabase
}

type SyncConstructor = new (
  file: string,
  options?: { readonly timeout?: number },
) => BetterSqlite3.Database

const require = createRequire(import.meta.url)

/** better-sqlite3, if its binary is there. */
function loadBetterSqlite3(): SyncConstructor | null {
  try {
    const Database = require('better-sqlite3') as SyncConstructor
    new Database(':memory:').close()
    return Database
  } catch (error) {
    const required = process.env['REQUIRED_DATABASES'] ?? ''
    if (required.split(',').includes('better-sqlite3')) throw error
    return null
  }
}

/** The connection below `@libsql/client`, which has the interface of better-sqlite3. */
function loadLibsql(): SyncConstructor {
  const ofClient = createRequire(fileURLToPath(import.meta.resolve('@libsql/client')))
  return ofClient('libsql') as SyncConstructor
}

function openSync(Database: SyncConstructor, file: string, options: OpenOptions): TestDatabase {
  const { tableName, timeoutMs = 5000, onConnection, ...storageOptions } = options
  const client = new Database(file, { timeout: timeoutMs })
  onConnection?.(client)
  const db = drizzleSync(client)
  const table = createSQLiteTaskExecutionsTable(tableName)
  const all = async (text: string, params: readonly (string | number)[] = []) =>
    client
      .prepare(text)
      .raw(true)
      .all(...params) as unknown[][]
  const exec = async (text: string) => {
    client.exec(text)
  }
  return {
    storage: createSQLiteTaskExecutionsStorage(db, table, storageOptions),
    async inTransaction(work) {
      db.transaction((transaction) => {
        work(transaction)
      })
    },
    async begin() {
      client.exec('BEGIN IMMEDIATE')
      return { exec, commit: () => exec('COMMIT') }
    },
    exec,
    all,
    rows: () => readRows(all, tableName),
    close: () => client.close(),
  }
}

function openLibsql(file: string, options: OpenOptions): TestDatabase {
  const { tableName, timeoutMs = 0, onConnection: _, ...storageOptions } = options
  const url = file === ':memory:' ? file : `file:${file}`
  const client = createClient({ url, timeout: timeoutMs })
  const db = drizzleLibsql(client)
  const table = createSQLiteTaskExecutionsTable(tableName)
  const all = async (text: string, params: readonly (string | number)[] = []) => {
    const { rows } = await client.execute({ sql: text, args: [...params] })
    return rows.map((row) => Array.from(row))
  }
  return {
    storage: createSQLiteTaskExecutionsStorage(db, table, storageOptions),
    async inTransaction(work) {
      await db.transaction(async (transaction) => {
        await work(transaction)
      })
    },
    async begin() {
      const transaction = await client.transaction('write')
      return {
        exec: (text) => transaction.executeMultiple(text),
        commit: () => transaction.commit(),
      }
    },
    exec: (text) => client.executeMultiple(text),
    all,
    rows: () => readRows(all, tableName),
    close: () => client.close(),
  }
}

async function readRows(
  all: (text: string) => Promise<unknown[][]>,
  tableName = 'task_executions',
): Promise<ExecutionRecord[]> {
  return (await all(`SELECT ${COLUMNS.join(', ')} FROM "${tableName}"`)).map(fromRow)
}

function driversHere(): Driver[] {
  const betterSqlite3 = loadBetterSqlite3()
  const libsql = loadLibsql()
  const sync = (name: string, Database: SyncConstructor): Driver => ({
    name,
    isSync: true,
    open: (file, options = {}) => openSync(Database, file, options),
  })
  return [
    ...(betterSqlite3 ? [sync('better-sqlite3', betterSqlite3)] : []),
    sync('libsql', libsql),
    {
      name: '@libsql/client',
      isSync: false,
      open: (file, options = {}) => openLibsql(file, options),
    },
  ]
}

/** The drivers that load here: `@libsql/client` and the connection below it always, better-sqlite3 where its binary is. */
export const DRIVERS: readonly Driver[] = driversHere()

/**
 * Files for databases, removed at the end.
 *
 * Never open one file with two drivers in one process: each brings its own SQLite, and the locks of one do not hold for another
 * in the same process.
 */
export function temporaryFiles(): { next: () => string; remove: () => void } {
  const directory = mkdtempSync(path.join(tmpdir(), 'durable-execution-sqlite-'))
  let count = 0
  return {
    next: () => path.join(directory, `${(count += 1)}.db`),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** Opens a database, in WAL mode and without waiting for the disk, and makes its table. */
export async function openMigrated(
  driver: Driver,
  file: string,
  options?: OpenOptions,
): Promise<TestDatabase> {
  const database = driver.open(file, options)
  await database.all('PRAGMA journal_mode = WAL')
  await database.all('PRAGMA synchronous = OFF').catch(() => [])
  await database.storage.migrate()
  return database
}
