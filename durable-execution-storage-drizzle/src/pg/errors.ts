/** What errors of PostgreSQL and its drivers mean for the caller of a storage. */
import { DurableExecutionError } from 'durable-execution'

/**
 * - `conflict`: another transaction was in the way, and nothing was written: worth trying again at once
 * - `unprepared`: a prepared statement is not where it was left, as behind a pooler: worth trying again without
 * - `refused`: the same call can never succeed
 * - `away`: the database cannot be used now, or the connection was lost: what was written is unknown
 */
export type ErrorClass = 'conflict' | 'unprepared' | 'refused' | 'away'

/** Another call did something at the same moment that this one must see: the transaction is undone and made anew. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError'
}

const LOCK_TIMEOUT = '55P03'

/** Deadlock, serialization failure, lock time-out. */
const CONFLICTS = ['40P01', '40001', LOCK_TIMEOUT]

const UNPREPARED = ['26000', '42P05']

/** Data, constraints, syntax and names, limits, what is not supported, a schema that is not there. */
const REFUSED_CLASSES = ['22', '23', '42', '54', '0A', '3F']

/** Classes of an error of a driver, or of Drizzle around one. */
export function classify(error: unknown): ErrorClass {
  const inner = innermost(error)
  if (inner instanceof ConflictError) return 'conflict'
  if (inner instanceof DurableExecutionError) return inner.isRetryable ? 'away' : 'refused'
  const code = sqlStateOf(inner)
  // Texts that are too long for JavaScript or the driver never reach the server.
  if (code === null) return inner instanceof RangeError ? 'refused' : 'away'
  if (CONFLICTS.includes(code)) return 'conflict'
  if (UNPREPARED.includes(code) || isOutdatedPlan(inner)) return 'unprepared'
  return REFUSED_CLASSES.includes(code.slice(0, 2)) ? 'refused' : 'away'
}

/** Whether a lock was not waited for any longer. */
export function isLockTimeout(error: unknown): boolean {
  return sqlStateOf(innermost(error)) === LOCK_TIMEOUT
}

/** Whether a row was refused by what must hold of every row, or of all together. */
export function breaksConstraint(error: unknown): boolean {
  return sqlStateOf(innermost(error))?.startsWith('23') === true
}

/** The error a storage throws: it names the table, what happened and the next step. */
export function toStorageError(error: unknown, tableName: string): DurableExecutionError {
  if (error instanceof DurableExecutionError) return error
  const table = `table "${tableName}"`
  const cause = innermost(error)
  const message = cause instanceof Error ? cause.message : String(cause)
  const options = { code: 'storage', cause: error } as const
  switch (classify(error)) {
    case 'refused':
      return DurableExecutionError.nonRetryable(refusal(message, table, sqlStateOf(cause)), options)
    case 'conflict':
      return DurableExecutionError.retryable(
        `Other transactions stayed in the way on ${table}: ${message}. Look for long transactions that write to it`,
        options,
      )
    case 'unprepared':
    case 'away':
      return DurableExecutionError.retryable(
        `The database of ${table} cannot be used now: ${message}`,
        options,
      )
  }
}

function refusal(message: string, table: string, code: string | null): string {
  if (code === '42P01' || code === '3F000') {
    return `There is no ${table} (${message}): call storage.migrate() or run your drizzle-kit migrations`
  }
  if (code === '42703') {
    return `The ${table} is of another version (${message}): call storage.migrate() or run your drizzle-kit migrations`
  }
  if (code === '42501') return `The database user may not use the ${table} (${message}): grant it`
  if (code === null || code.startsWith('54')) {
    return `A value is too large for ${table} (${message}): lower maxSerializedInputDataSize and maxSerializedOutputDataSize`
  }
  if (code.startsWith('23')) {
    return `The ${table} refused a row that must never be (${message}): please report it with the call that led to it`
  }
  return `The database refused a statement on ${table} (${message})`
}

/** A prepared statement outlived a change of the table's columns: prepared anew it works. */
function isOutdatedPlan(error: unknown): boolean {
  return error instanceof Error && error.message.includes('cached plan must not change result type')
}

/** The five characters with which PostgreSQL names an error; `null` for errors of drivers and sockets. */
function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code) ? code : null
}

/** The error at the end of the causes: Drizzle wraps those of drivers. */
function innermost(error: unknown): unknown {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  return inner
}
