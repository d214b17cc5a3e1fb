/** The session of drivers that answer at once: better-sqlite3, and `libsql` with the same interface. One connection. */
import { DurableExecutionError, type Environment } from 'durable-execution'

import type { SqlRow, SqlValue } from '../row'
import { number } from '../values'
import { ConnectionInUseError } from './errors'
import { read, runSync, type Step } from './program'
import {
  assertStorableStep,
  type JoinedTransaction,
  type OwnTransaction,
  type Session,
  type SessionOptions,
} from './session'
import { SAVEPOINT, toDrizzleSql, toRows, type UserTransaction } from './user-transaction'
import { BUSY_TIMEOUT_MS, lineOf, PATIENCE_MS, untilFree, type Line } from './waiting'

/** A prepared statement of such a driver. */
interface SyncStatement {
  raw(isRaw: boolean): SyncStatement
  all(params: readonly SqlValue[]): readonly SqlRow[]
  run(params: readonly SqlValue[]): { readonly changes: number | bigint }
}

/** A connection of such a driver. */
export interface SyncClient {
  readonly open: boolean
  readonly inTransaction: boolean
  prepare(text: string): SyncStatement
  exec(text: string): unknown
}

const BUSY_TIMEOUT = read('SELECT timeout FROM pragma_busy_timeout', [])

/** Whether this is a connection that answers at once. */
export function isSyncClient(client: unknown): client is SyncClient {
  return (
    typeof client === 'object' &&
    client !== null &&
    typeof Reflect.get(client, 'prepare') === 'function' &&
    typeof Reflect.get(client, 'exec') === 'function' &&
    typeof Reflect.get(client, 'inTransaction') === 'boolean'
  )
}

/**
 * Runs each program within one turn of the event loop, so its transactions are never seen open. A transaction that is open
 * when a call comes is the user's: the call waits for its end.
 */
export class SyncSession implements Session {
  private readonly client: SyncClient
  private readonly environment: Environment
  private readonly line: Line
  private readonly prepared: Map<string, SyncStatement> | null

  constructor(client: SyncClient, { environment, preparedStatements }: SessionOptions) {
    this.client = client
    this.environment = environment
    this.line = lineOf(client)
    this.prepared = preparedStatements ? new Map() : null
  }

  run<T>(own: OwnTransaction<T>): Promise<T> {
    const { environment } = this
    const until = environment.monotonic() + PATIENCE_MS
    const call = (): Promise<T> =>
      untilFree(() => this.attempt(own), { environment, until, signal: own.signal })
    return own.mode === 'write' ? this.line.join(call) : call()
  }

  join<T>({ transaction, lock, program }: JoinedTransaction<T>): Promise<T> {
    transaction.run(SAVEPOINT.begin)
    try {
      transaction.run(toDrizzleSql(lock, []))
      const answer = runSync(program(), (step) => executeIn(transaction, step))
      transaction.run(SAVEPOINT.release)
      return Promise.resolve(answer)
    } catch (error) {
      // Some errors (a full disk) end the whole transaction, and the savepoint with it.
      if (this.client.inTransaction) {
        transaction.run(SAVEPOINT.undo)
        transaction.run(SAVEPOINT.release)
      }
      throw error
    }
  }

  private attempt<T>(own: OwnTransaction<T>): T {
    const { client } = this
    if (!client.open) throw closed()
    if (client.inTransaction) throw new ConnectionInUseError()
    const usersTimeoutMs = this.busyTimeout()
    if (usersTimeoutMs <= BUSY_TIMEOUT_MS) return this.transact(own)
    this.client.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
    try {
      return this.transact(own)
    } finally {
      this.client.exec(`PRAGMA busy_timeout = ${usersTimeoutMs}`)
    }
  }

  private transact<T>({ mode, program }: OwnTransaction<T>): T {
    const { client } = this
    client.exec(mode === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN')
    try {
      const answer = runSync(program(), (step) => this.execute(step))
      client.exec('COMMIT')
      return answer
    } catch (error) {
      if (client.inTransaction) client.exec('ROLLBACK')
      throw error
    }
  }

  private execute(step: Step): readonly SqlRow[] {
    if (step.kind === 'read') return this.statement(step).all(step.params)
    assertStorableStep(step)
    const statement = this.statement(step)
    if (step.isCounted) return step.paramsOfEach.map((params) => [statement.run(params).changes])
    for (const params of step.paramsOfEach) statement.run(params)
    return []
  }

  private statement({ kind, text }: Step): SyncStatement {
    const known = this.prepared?.get(text)
    if (known) return known
    const statement = this.client.prepare(text)
    if (kind === 'read') statement.raw(true)
    this.prepared?.set(text, statement)
    return statement
  }

  /** As a function in a query: a prepared `PRAGMA` would go on giving the value it had when it was prepared. */
  private busyTimeout(): number {
    const [row] = this.execute(BUSY_TIMEOUT)
    return number(row?.[0])
  }
}

function executeIn(transaction: UserTransaction, step: Step): readonly SqlRow[] {
  if (step.kind === 'read') {
    return toRows(transaction.values(toDrizzleSql(step.text, step.params)))
  }
  assertStorableStep(step)
  for (const params of step.paramsOfEach) transaction.run(toDrizzleSql(step.text, params))
  return []
}

function closed(): DurableExecutionError {
  return DurableExecutionError.retryable(
    'The connection to the SQLite database is closed: shut executors down before you close it',
    { code: 'storage' },
  )
}
