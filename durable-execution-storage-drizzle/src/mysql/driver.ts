/** The part of mysql2 that the storage uses, and what a Drizzle database holds of it. */
import { DurableExecutionError } from 'durable-execution'

import { lineOf, type Line } from './line'

/** One statement with its values, and how to answer it whatever the pool's own options are. */
export interface DriverQuery {
  readonly sql: string
  readonly values: unknown[]
  readonly rowsAsArray: true
  readonly namedPlaceholders: false
  readonly nestTables: false
  readonly typeCast: true
}

/** A connection whose calls answer by promises. */
export interface DriverConnection {
  execute(query: DriverQuery): Promise<[unknown, unknown]>
  query(query: DriverQuery): Promise<[unknown, unknown]>
  /** Gives the connection back to its pool. Fails on a connection that is in none. */
  release(): void
  destroy(): void
  /** The connection below, which answers by callbacks. */
  readonly connection?: unknown
}

/** A pool whose calls answer by promises. */
export interface DriverPool {
  /** The pool below, which answers by callbacks. */
  readonly pool?: unknown
  getConnection(): Promise<DriverConnection>
  on(event: 'connection', listener: (connection: object) => void): unknown
}

/** What a Drizzle database sends its statements over. */
export type Client =
  | { readonly kind: 'pool'; readonly pool: DriverPool }
  | { readonly kind: 'single'; readonly connection: DriverConnection; readonly line: Line }

/**
 * The pool, or the one connection, that `drizzle()` of `drizzle-orm/mysql2` was given or made.
 *
 * @throws A non-retryable `DurableExecutionError` if the database is of another driver.
 */
export function clientOf(db: object): Client {
  const given: unknown = Reflect.get(db, '$client')
  const client = byPromises(given)
  if (hasFunction(client, 'getConnection')) {
    return { kind: 'pool', pool: client as unknown as DriverPool }
  }
  if (hasFunction(client, 'execute') && hasFunction(client, 'destroy')) {
    const connection = client as unknown as DriverConnection
    return { kind: 'single', connection, line: lineOf(given as object) }
  }
  throw DurableExecutionError.nonRetryable(
    'Invalid database for a MySQL storage: expected what drizzle() of drizzle-orm/mysql2 returned',
    { code: 'invalid_options' },
  )
}

function byPromises(client: unknown): unknown {
  if (!hasFunction(client, 'promise')) return client
  return (client as unknown as { promise: () => unknown }).promise()
}

function hasFunction(value: unknown, name: string): value is object {
  return (
    typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function'
  )
}

/** Ends a connection that hangs: mysql2 itself says farewell and waits, which never ends on a dead network. */
export function destroy(driver: DriverConnection): void {
  driver.destroy()
  endSocket(driver.connection)
}

/**
 * Ends the connections of a pool that are still being made, when one was waited for in vain: on a dead network they would fill the
 * pool until mysql2 gives them up, which takes ten seconds by default.
 */
export function endConnecting({ pool }: DriverPool): void {
  const all: unknown =
    typeof pool === 'object' && pool ? Reflect.get(pool, '_allConnections') : null
  const list = hasFunction(all, 'toArray') ? (all as { toArray: () => object[] }).toArray() : []
  for (const connection of list) {
    // Known from the server's first words on.
    if (Reflect.get(connection, 'threadId') !== null) continue
    const message = 'The connection was given up while it was made'
    endSocket(connection, Object.assign(new Error(message), { code: 'ECONNABORTED' }))
  }
}

function endSocket(connection: unknown, error?: Error): void {
  const stream: unknown =
    typeof connection === 'object' && connection ? Reflect.get(connection, 'stream') : null
  if (hasFunction(stream, 'destroy')) {
    ;(stream as { destroy: (error?: Error) => void }).destroy(error)
  }
}
