/** A transaction of the user that an insert joins. */
import { is, sql, type SQL } from 'drizzle-orm'
import { SQLiteTransaction } from 'drizzle-orm/sqlite-core'
import { DurableExecutionError } from 'durable-execution'

import type { SqlRow, SqlValue } from '../row'

/** The part of a Drizzle transaction that programs need. */
export interface UserTransaction {
  run(query: SQL): unknown
  values(query: SQL): unknown
}

/**
 * Answers a transaction that a call carries.
 *
 * @throws A non-retryable `DurableExecutionError` if it is none of Drizzle's for SQLite.
 */
export function toUserTransaction(transaction: unknown): UserTransaction {
  if (is(transaction, SQLiteTransaction)) return transaction
  throw DurableExecutionError.nonRetryable(
    'Invalid transaction: expected what the callback of db.transaction() was given',
    { code: 'invalid_options' },
  )
}

/** A statement and its values as Drizzle takes them. */
export function toDrizzleSql(text: string, params: readonly SqlValue[]): SQL {
  const chunks = text.split('?').flatMap((part, index) => {
    const value = params[index]
    return value === undefined ? sql.raw(part) : [sql.raw(part), sql.param(value)]
  })
  return sql.join(chunks)
}

/** The rows that `values` answered: Drizzle leaves their type to the caller. */
export function toRows(answer: unknown): readonly SqlRow[] {
  return Array.isArray(answer) ? (answer as readonly SqlRow[]) : []
}

/** What surrounds a program in a user's transaction, so that nothing of it stays if it fails and the user commits nevertheless. */
export const SAVEPOINT = {
  begin: sql.raw('SAVEPOINT durable_execution'),
  release: sql.raw('RELEASE durable_execution'),
  undo: sql.raw('ROLLBACK TO durable_execution'),
} as const
