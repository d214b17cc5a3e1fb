import type { ResultSet } from '@libsql/client'
import type { RunResult } from 'better-sqlite3'
import type { ExtractTablesWithRelations } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { LibSQLDatabase } from 'drizzle-orm/libsql'
import type { SQLiteTransaction } from 'drizzle-orm/sqlite-core'
import type { InsertRequest, TaskExecutionsStorage } from 'durable-execution'
import { describe, expectTypeOf, it } from 'vitest'

import { createSQLiteTaskExecutionsStorage } from './storage'
import { createSQLiteTaskExecutionsTable } from './table'

const table = createSQLiteTaskExecutionsTable()
declare const syncDb: BetterSQLite3Database
declare const libsqlDb: LibSQLDatabase
declare const schemaDb: LibSQLDatabase<{ table: typeof table }>

type NoSchema = Record<string, never>
type Tables<T extends Record<string, unknown>> = ExtractTablesWithRelations<T>
type SyncTransaction = SQLiteTransaction<'sync', RunResult, NoSchema, Tables<NoSchema>>
type LibsqlTransaction = SQLiteTransaction<'async', ResultSet, NoSchema, Tables<NoSchema>>

describe('createSQLiteTaskExecutionsStorage', () => {
  it('takes transactions of its own driver', () => {
    expectTypeOf(createSQLiteTaskExecutionsStorage(syncDb, table)).toExtend<
      TaskExecutionsStorage<SyncTransaction>
    >()
    expectTypeOf(createSQLiteTaskExecutionsStorage(libsqlDb, table)).toExtend<
      TaskExecutionsStorage<LibsqlTransaction>
    >()
  })

  it('takes what the callbacks of its database are given, with any schema', () => {
    const ofSync = createSQLiteTaskExecutionsStorage(syncDb, table)
    const ofSchema = createSQLiteTaskExecutionsStorage(schemaDb, table)
    const request: Omit<InsertRequest<never>, 'transaction'> = {
      executions: [],
      executorId: 'executor',
      leaseMs: 1,
    }
    syncDb.transaction((transaction) => {
      void ofSync.insert({ ...request, transaction })
      // @ts-expect-error A transaction of another driver.
      void ofSchema.insert({ ...request, transaction })
    })
    void schemaDb.transaction((transaction) => ofSchema.insert({ ...request, transaction }))
  })
})
