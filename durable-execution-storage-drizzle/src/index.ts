// MySQL and MariaDB
export { createMySqlTaskExecutionsTable } from './mysql/table'
export type { MySqlTaskExecutionsTable } from './mysql/table'
export { createMySqlTaskExecutionsStorage } from './mysql/storage'
export type { MySqlTaskExecutionsStorage, MySqlTaskExecutionsStorageOptions } from './mysql/storage'

// PostgreSQL
export { createPgTaskExecutionsTable } from './pg/table'
export type { PgTaskExecutionsTable } from './pg/table'
export { createPgTaskExecutionsStorage } from './pg/storage'
export type { PgTaskExecutionsStorage, PgTaskExecutionsStorageOptions } from './pg/storage'

// SQLite
export { createSQLiteTaskExecutionsTable } from './sqlite/table'
export type { SQLiteTaskExecutionsTable } from './sqlite/table'
export { createSQLiteTaskExecutionsStorage } from './sqlite/storage'
export type {
  SQLiteTaskExecutionsStorage,
  SQLiteTaskExecutionsStorageOptions,
} from './sqlite/storage'
