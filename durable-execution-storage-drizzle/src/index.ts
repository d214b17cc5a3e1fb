// SQLite
export { createSQLiteTaskExecutionsTable } from './sqlite/table'
export type { SQLiteTaskExecutionsTable } from './sqlite/table'
export { createSQLiteTaskExecutionsStorage } from './sqlite/storage'
export type {
  SQLiteTaskExecutionsStorage,
  SQLiteTaskExecutionsStorageOptions,
} from './sqlite/storage'
