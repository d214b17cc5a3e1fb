/** What a server is like, as far as it matters: asked once, of the first connection. */
import { DurableExecutionError } from 'durable-execution'

import type { SqlRow } from '../row'
import { number, text } from '../values'
import type { Connection } from './session'

/** What a storage has to know of its server. */
export interface Server {
  /** The most bytes that one statement with its values may have. */
  readonly maxPacketBytes: number
  /** Whether a statement outside a transaction is one of its own. */
  readonly commitsBySelf: boolean
  /** Whether a backslash in a statement means what mysql2 means by it where it writes values into one. */
  readonly readsEscapes: boolean
}

/** Asks what a storage has to know. Every one of these variables is there on MySQL and on MariaDB. */
export const ASK_SERVER =
  'SELECT @@max_allowed_packet, @@autocommit, @@character_set_client, @@character_set_connection, @@sql_mode'

/**
 * The clock of the server, in milliseconds since the epoch, whatever the time zone of the session: the moment at which the statement
 * began.
 */
export const CLOCK = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000"

const ASK_TIME = `SELECT ${CLOCK}`

/** Asks for the time. */
export async function readTime(connection: Pick<Connection, 'read'>): Promise<number> {
  const [row] = await connection.read(ASK_TIME, [])
  return number(row?.[0])
}

/**
 * Reads the answer to {@link ASK_SERVER}.
 *
 * @param escapes - Whether values are written into statements with backslashes, as mysql2 does where nothing is prepared.
 * @throws A non-retryable `DurableExecutionError` if texts would not arrive as they are.
 */
export function toServer(row: SqlRow | undefined, escapes: boolean): Server {
  const [maxPacketBytes, autocommit, sentAs, readAs, sqlMode] = Array.from(row ?? [])
  if (text(sentAs) !== 'utf8mb4') {
    refuse(
      `the connection uses the character set ${text(sentAs)}: leave mysql2's option "charset" at its default, or set it to "utf8mb4"`,
    )
  }
  // Values are converted to it.
  if (text(readAs) !== 'utf8mb4') {
    refuse(
      `the server reads values as ${text(readAs)}: let nothing set collation_connection, as init_connect may, or set it to "utf8mb4_bin"`,
    )
  }
  const readsEscapes = !text(sqlMode).includes('NO_BACKSLASH_ESCAPES')
  if (escapes && !readsEscapes) {
    refuse('its sql_mode has NO_BACKSLASH_ESCAPES: leave the option preparedStatements on')
  }
  return {
    maxPacketBytes: number(maxPacketBytes),
    commitsBySelf: number(autocommit) === 1,
    readsEscapes,
  }
}

function refuse(what: string): never {
  throw DurableExecutionError.nonRetryable(`The database cannot hold executions so: ${what}`, {
    code: 'storage',
  })
}
