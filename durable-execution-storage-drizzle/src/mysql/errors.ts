/** What errors of mysql2, and of the servers it talks to, mean for the caller of a storage. */
import { DurableExecutionError } from 'durable-execution'

/**
 * - `conflict`: another transaction was in the way, and nothing was written: the same call may well succeed at once
 * - `duplicate`: another transaction has just inserted the same row: what was read before is outdated
 * - `refused`: the same call can never succeed
 * - `lost`: the connection broke, or could not be made: what was sent may have been done
 * - `away`: the server answers, but cannot do it now (read only, disk full, too many connections)
 */
export type ErrorClass = 'conflict' | 'duplicate' | 'refused' | 'lost' | 'away'

const DUPLICATE = 1062

/** What a statement answers that waits for no lock: MariaDB the same as after a long wait. */
const NOT_FREE = new Set([
  3572, // MySQL
  1205, // MariaDB
])

/** By number of the server, the same on MySQL and MariaDB where both have it. */
const CONFLICTS = new Set([
  1205, // a lock was waited for too long
  1213, // deadlock; on Galera, also the answer to COMMIT
  1020, // the row changed since it was read (MariaDB, innodb_snapshot_isolation)
  3572, // a lock that is not waited for is taken (MySQL)
  1568, // the user has a transaction open on this very connection
])

const LOST = new Set([
  1053, // the server shuts down
  1152, // aborted connection
  1158,
  1159,
  1160,
  1161, // reading or writing packets
  1317, // the query was interrupted
  1927, // the connection was killed (MariaDB)
  3169, // the session was killed (MySQL)
  4031, // disconnected for being idle (MySQL)
])

const REFUSED = new Set([
  1049, // no such database
  1054, // no such column
  1064, // syntax
  1118, // row too large
  1146, // no such table
  1153, // packet too large
  1210, // arguments of a prepared statement
  1235, // not supported
  1267, // mix of collations
  1305, // no such function
  1366, // not a text of this character set
  1406, // too long
  3819, // CHECK (MySQL)
  4025, // CHECK (MariaDB)
])

/** Values that are wrong, and rows that must not be, by the first two characters of SQLSTATE. */
const REFUSED_STATES = ['21', '22', '23']

/** Codes of Node's sockets and of mysql2. */
const LOST_CODES =
  /^(?:PROTOCOL_|ECONN|EPIPE$|ETIMEDOUT$|EHOSTUNREACH$|ENETUNREACH$|ENOTFOUND$|EAI_AGAIN$|ENOENT$)/

/** Classes of an error of the driver, or of Drizzle around one. */
export function classify(error: unknown): ErrorClass {
  if (error instanceof DurableExecutionError) return error.isRetryable ? 'away' : 'refused'
  const { errno, code, sqlState, message } = partsOf(error)
  if (LOST_CODES.test(code)) return 'lost'
  // mysql2 says so of a connection that broke while nothing was asked of it.
  if (/closed state|connection is closed/i.test(message)) return 'lost'
  if (CONFLICTS.has(errno)) return 'conflict'
  if (errno === DUPLICATE) return 'duplicate'
  if (LOST.has(errno)) return 'lost'
  if (REFUSED.has(errno)) return 'refused'
  if (REFUSED_STATES.includes(sqlState.slice(0, 2))) return 'refused'
  // Values that cannot be bound are refused by the driver.
  return error instanceof TypeError || error instanceof RangeError ? 'refused' : 'away'
}

/** Whether somebody holds a lock that was not waited for. */
export function isNotFree(error: unknown): boolean {
  return NOT_FREE.has(partsOf(error).errno)
}

/** The error a storage throws: it names the table, what happened and the next step. */
export function toStorageError(error: unknown, tableName: string): DurableExecutionError {
  if (error instanceof DurableExecutionError) return error
  const table = `table "${tableName}"`
  const { errno, message } = partsOf(error)
  const options = { code: 'storage', cause: error } as const
  switch (classify(error)) {
    case 'refused':
    case 'duplicate':
      return DurableExecutionError.nonRetryable(refusal(errno, message, table), options)
    case 'conflict':
      return DurableExecutionError.retryable(
        `Other transactions stayed in the way on ${table}: ${message}. Look for long transactions`,
        options,
      )
    case 'lost':
      return DurableExecutionError.retryable(
        `The connection to the database of ${table} was lost: ${message}`,
        options,
      )
    case 'away':
      return DurableExecutionError.retryable(
        `The database of ${table} cannot be used now: ${message}`,
        options,
      )
  }
}

function refusal(errno: number, message: string, table: string): string {
  switch (errno) {
    case 1146:
      return `There is no ${table} (${message}): call storage.migrate() or run your drizzle-kit migrations`
    case 1054:
      return `The ${table} is of another version (${message}): call storage.migrate() or run your drizzle-kit migrations`
    case 1118:
    case 1153:
    case 1406:
      return `A value is too large for ${table} (${message}): lower maxSerializedInputDataSize and maxSerializedOutputDataSize, or raise max_allowed_packet of the server`
    case DUPLICATE:
    case 3819:
    case 4025:
      return `The ${table} refused a row that must never be (${message}): please report it with the call that led to it`
    default:
      return `The database refused a statement on ${table} (${message})`
  }
}

interface ErrorParts {
  readonly errno: number
  readonly code: string
  readonly sqlState: string
  readonly message: string
}

function partsOf(error: unknown): ErrorParts {
  const inner = innermost(error)
  const part = (name: string): unknown =>
    typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined
  const [errno, code, sqlState] = [part('errno'), part('code'), part('sqlState')]
  return {
    errno: typeof errno === 'number' ? errno : 0,
    code: typeof code === 'string' ? code : '',
    sqlState: typeof sqlState === 'string' ? sqlState : '',
    message: messageOf(inner),
  }
}

/** The text of an error: one of several addresses that all refused has none itself. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}

/** The error at the end of the causes: Drizzle wraps those of drivers. */
function innermost(error: unknown): unknown {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  return inner
}
