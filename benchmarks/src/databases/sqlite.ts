/** SQLite files. */
import BetterSqlite from 'better-sqlite3'

import type { StorageName } from '../workload'

/** Opens a file in WAL mode, with the `synchronous` that the storage's name says. */
export function openSqlite(file: string, storage: StorageName): BetterSqlite.Database {
  const database = new BetterSqlite(file)
  database.pragma('journal_mode = WAL')
  database.pragma(`synchronous = ${storage === 'sqlite-full' ? 'FULL' : 'NORMAL'}`)
  return database
}
