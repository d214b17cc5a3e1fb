/** What errors of the SQLite drivers mean for the caller of a storage. */
import { DurableExecutionError } from 'durable-execution'

/**
 * - `busy`: another connection has the lock, or the user a transaction: worth waiting for
 * - `refused`: the same call can never succeed
 * - `away`: the database cannot be used now (disk full, input or output error, closed)
 */
export type ErrorClass = 'busy' | 'refused' | 'away'

/** The connection is in use by its user: not an error of the driver, but met as one. */
export class ConnectionInUseError extends Error {
  override readonly name = 'ConnectionInUseError'

  constructor() {
    super('The connection is inside an open transaction of its user')
  }
}

const BUSY_CODES = ['SQLITE_BUSY', 'SQLITE_LOCKED', 'SQLITE_PROTOCOL', 'TRANSACTION_ACTIVE']

const REFUSED_CODES = [
  'SQLITE_CONSTRAINT',
  'SQLITE_ERROR',
  'SQLITE_MISMATCH',
  'SQLITE_RANGE',
  'SQLITE_TOOBIG',
]

/** Classes of an error of a driver, or of Drizzle around one. */
export function classify(error: unknown): ErrorClass {
  if (error instanceof ConnectionInUseError) return 'busy'
  if (error instanceof DurableExecutionError) return error.isRetryable ? 'away' : 'refused'
  const code = codeOf(error)
  // Values that cannot be bound (too long, not a text or number) are refused by drivers before SQLite sees them.
  if (code === null) return error instanceof RangeError ? 'refused' : 'away'
  if (BUSY_CODES.some((prefix) => code.startsWith(prefix))) return 'busy'
  return REFUSED_CODES.some((prefix) => code.startsWith(prefix)) ? 'refused' : 'away'
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
      return DurableExecutionError.nonRetryable(refusal(message, table, codeOf(error)), options)
    case 'busy':
      return DurableExecutionError.retryable(
        `The database of ${table} stayed locked: ${message}. Look for long transactions, in this process and in others`,
        options,
      )
    case 'away':
      return DurableExecutionError.retryable(
        `The database of ${table} cannot be used now: ${message}`,
        options,
      )
  }
}

function refusal(message: string, table: string, code: string | null): string {
  if (/no such table/i.test(message)) {
    return `There is no ${table} (${message}): call storage.migrate() or run your drizzle-kit migrations`
  }
  if (/no such column|has no column/i.test(message)) {
    return `The ${table} is of another version (${message}): call storage.migrate() or run your drizzle-kit migrations`
  }
  if (code === null || code.startsWith('SQLITE_TOOBIG')) {
    return `A value is too large for ${table} (${message}): lower maxSerializedInputDataSize and maxSerializedOutputDataSize`
  }
  if (code.startsWith('SQLITE_CONSTRAINT')) {
    return `The ${table} refused a row that must never be (${message}): please report it with the call that led to it`
  }
  return `The database refused a statement on ${table} (${message})`
}

/** The code SQLite or the driver gave, the extended one where there is one. */
function codeOf(error: unknown): string | null {
  const inner = innermost(error)
  if (!(inner instanceof Error)) return null
  for (const name of ['extendedCode', 'code']) {
    const value: unknown = Reflect.get(inner, name)
    if (typeof value === 'string') return value
  }
  return null
}

/** The error at the end of the causes: Drizzle wraps those of drivers. */
function innermost(error: unknown): unknown {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  return inner
}
