/** Table names: they become part of SQL texts, so only plain ones are taken. */
import { DurableExecutionError } from 'durable-execution'

/** The longest table name: with the longest suffix of an index it fits the 63 bytes of PostgreSQL. */
export const MAX_TABLE_NAME_LENGTH = 40

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Names that begin so belong to the databases themselves. */
const RESERVED_PREFIX = /^(?:sqlite_|pg_)/i

/**
 * Answers the name if it can be a table's.
 *
 * @throws A non-retryable `DurableExecutionError` that says what is wrong with it.
 */
export function checkTableName(tableName: string): string {
  if (!PLAIN_NAME.test(tableName)) {
    refuse(tableName, 'expected letters, digits and underscores, not beginning with a digit')
  }
  if (tableName.length > MAX_TABLE_NAME_LENGTH) {
    refuse(tableName, `expected at most ${MAX_TABLE_NAME_LENGTH} characters`)
  }
  if (RESERVED_PREFIX.test(tableName)) refuse(tableName, 'its prefix is reserved by the database')
  return tableName
}

function refuse(tableName: string, reason: string): never {
  throw DurableExecutionError.nonRetryable(
    `Invalid table name ${JSON.stringify(tableName)}: ${reason}`,
    { code: 'invalid_options' },
  )
}
