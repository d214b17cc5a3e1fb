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
  getConnection(): Promise<DriverConnection>
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
  const below = driver.connection
  const stream: unknown = typeof below === 'object' && below ? Reflect.get(below, 'stream') : null
  if (hasFunction(stream, 'destroy')) (stream as { destroy: () => void }).destroy()
}
