/**
 * How verbs reach the database: in a transaction of their own (`run`), in one statement that commits by itself (`runAtOnce`), or on a
 * connection without either (`use`).
 *
 * Isolation is READ COMMITTED, set for each transaction whatever the server's default: what a verb reads after it has its locks
 * must be what the lock's last holder committed.
 */
import { Backoff, delay, type Environment } from 'durable-execution'

import type { SqlRow, SqlValue } from '../row'
import { Suspects } from '../suspects'
import { OwnConnection } from './connection'
import {
  destroy,
  endConnecting,
  type Client,
  type DriverConnection,
  type DriverPool,
} from './driver'
import { classify, type ErrorClass } from './errors'
import { ASK_SERVER, toServer, type Server } from './server'
import { givenUp, whenAborted } from './signal'

/** What a statement that writes answers. */
export interface Written {
  /** Rows inserted, deleted or matched. */
  readonly count: number
  readonly warnings: number
  /** What the statement gave to `LAST_INSERT_ID()`, 0 if nothing. */
  readonly lastInsertId: number
}

/** Sends statements. */
export interface Connection {
  /** The most bytes one statement and its values may have. */
  readonly maxBytes: number
  read(text: string, params: readonly SqlValue[]): Promise<readonly SqlRow[]>
  write(text: string, params: readonly SqlValue[]): Promise<Written>
  /** Sends a statement that cannot be prepared, and has no values. */
  define(text: string): Promise<void>
}

/**
 * The storage's time, the same for all of a call. A verb that waits for locks asks when it has them: what others wrote before
 * must not be later than what it writes.
 */
export type Time = () => Promise<number>

/** What a verb does on a connection. Made again for each try. */
export type Program<T> = (connection: Connection) => Promise<T>

/** How a program is run. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined
  /** Whether it may be repeated when the connection was lost: what a lost claim took must not be taken twice. */
  readonly isRepeatable: boolean
  /** A program that only reads has no transaction, where statements are their own. */
  readonly mode: 'read' | 'write'
}

/** What sessions need besides the database. */
export interface SessionOptions {
  readonly environment: Environment
  readonly preparedStatements: boolean
}

const FIRST_PAUSE_MS = 2
const LONGEST_PAUSE_MS = 250
/** How often a program is tried, by what was in the way. A deadlock chooses a victim each time, so more of them are normal. */
const TRIES: Record<ErrorClass, number> = {
  conflict: 10,
  duplicate: 4,
  lost: 3,
  refused: 1,
  away: 1,
}

/** Runs programs on the connections of one Drizzle database. */
export class Session {
  private readonly client: Client
  private readonly environment: Environment
  private readonly isPrepared: boolean
  private readonly suspects = new Suspects()
  private server: Server | null = null

  constructor(client: Client, { environment, preparedStatements }: SessionOptions) {
    this.client = client
    this.environment = environment
    this.isPrepared = preparedStatements
  }

  /** Runs a program in a transaction of its own. */
  async run<T>(program: Program<T>, options: RunOptions): Promise<T> {
    const { mode } = options
    return this.repeatedly(options, (connection) =>
      mode === 'read' && this.server?.commitsBySelf === true
        ? program(connection)
        : inTransaction(connection, program, mode),
    )
  }

  /**
   * Runs a program that writes in one statement, which is a transaction by itself: four statements less. `null` where that is not so:
   * on a single connection its user may have a transaction open.
   */
  async runAtOnce<T>(program: Program<T>, signal: AbortSignal | undefined): Promise<T | null> {
    if (this.client.kind === 'single' || this.server?.commitsBySelf !== true) return null
    return this.repeatedly({ mode: 'write', isRepeatable: true, signal }, async (connection) => {
      const answer = await program(connection)
      if (connection.isCommitted) return answer
      // Given back to its pool in the midst of a transaction, or told not to commit: what was written ends with the connection.
      connection.break()
      return null
    })
  }

  /** Runs a program on a connection, without a transaction. */
  async use<T>(program: Program<T>, options: RunOptions): Promise<T> {
    return this.repeatedly(options, program)
  }

  private async repeatedly<T>(
    options: RunOptions,
    attempt: (connection: OwnConnection) => Promise<T>,
  ): Promise<T> {
    const { environment } = this
    const backoff = new Backoff({
      baseMs: FIRST_PAUSE_MS,
      maxMs: LONGEST_PAUSE_MS,
      random: () => environment.random(),
    })
    for (let tries = 1; ; tries += 1) {
      if (options.signal?.aborted === true) throw givenUp()
      try {
        return await this.connected(options.signal, attempt)
      } catch (error) {
        const kind = classify(error)
        const mayRepeat = kind !== 'lost' || options.isRepeatable
        if (!mayRepeat || tries >= TRIES[kind]) throw error
        await delay(environment, backoff.next(), options.signal)
      }
    }
  }

  /** Calls back with a connection, and gives it back, or ends it if it can't be used any more. */
  private async connected<T>(
    signal: AbortSignal | undefined,
    attempt: (connection: OwnConnection) => Promise<T>,
  ): Promise<T> {
    const { client } = this
    // Transactions of ours on one connection must not meet: what begins one would commit the other.
    if (client.kind === 'single') {
      return client.line.join(() => this.attempt(client.connection, signal, attempt))
    }
    const driver = await this.takeAlive(client.pool, signal)
    const sentAt = this.suspects.sent()
    try {
      const answer = await this.attempt(driver, signal, attempt)
      this.suspects.answered(belowOf(driver))
      return answer
    } catch (error) {
      if (signal?.aborted === true) this.suspect(client.pool, sentAt)
      throw error
    } finally {
      // Does nothing to one that was destroyed: it has left its pool.
      driver.release()
    }
  }

  /** From now on connections that have answered nothing since are not used. */
  private suspect(pool: DriverPool, sentAt: number): void {
    const { suspects } = this
    if (!suspects.isWatching) {
      pool.on('connection', (connection) => {
        suspects.answered(connection)
      })
    }
    suspects.hung(sentAt)
  }

  private async takeAlive(
    pool: DriverPool,
    signal: AbortSignal | undefined,
  ): Promise<DriverConnection> {
    for (;;) {
      const driver = await takeFrom(pool, signal)
      if (!this.suspects.includes(belowOf(driver))) return driver
      destroy(driver)
    }
  }

  private async attempt<T>(
    driver: DriverConnection,
    signal: AbortSignal | undefined,
    attempt: (connection: OwnConnection) => Promise<T>,
  ): Promise<T> {
    const connection = new OwnConnection(driver, { isPrepared: this.isPrepared, signal })
    try {
      this.server ??= await this.askServer(connection)
      connection.maxBytes = this.server.maxPacketBytes
      connection.mayEscape = this.server.readsEscapes
      return await attempt(connection)
    } catch (error) {
      if (classify(error) === 'lost') connection.break()
      throw error
    } finally {
      if (connection.isBroken) destroy(driver)
    }
  }

  private async askServer(connection: OwnConnection): Promise<Server> {
    const [row] = await connection.read(ASK_SERVER, [])
    return toServer(row, !this.isPrepared)
  }
}

/** What stays the same of a connection each time its pool lends it. */
function belowOf(driver: DriverConnection): object {
  const below = driver.connection
  return typeof below === 'object' && below !== null ? below : driver
}

/** A program that only reads needs no transaction where each statement is one. */
async function inTransaction<T>(
  connection: OwnConnection,
  program: Program<T>,
  mode: 'read' | 'write',
): Promise<T> {
  // Fails while the user has a transaction open on this connection, so nothing of theirs is committed by what follows.
  await connection.define('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
  try {
    await connection.define(mode === 'read' ? 'START TRANSACTION READ ONLY' : 'START TRANSACTION')
    const answer = await program(connection)
    await connection.define('COMMIT')
    return answer
  } catch (error) {
    await rollBack(connection)
    throw error
  }
}

/** A connection that does not even roll back can't be used any more: the server rolls back when it is gone. */
async function rollBack(connection: OwnConnection): Promise<void> {
  if (connection.isBroken) return
  try {
    await connection.define('ROLLBACK')
  } catch {
    connection.break()
  }
}

/** A connection of the pool. One that comes after the caller has given up goes back. */
async function takeFrom(
  pool: DriverPool,
  signal: AbortSignal | undefined,
): Promise<DriverConnection> {
  const asked = pool.getConnection()
  if (!(await whenAborted(asked, signal))) return asked
  endConnecting(pool)
  asked.then(
    (driver) => {
      driver.release()
    },
    () => undefined,
  )
  throw givenUp()
}
