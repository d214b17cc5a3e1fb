/** The driver `pg`: a pool, or a single client. */
import { DurableExecutionError } from 'durable-execution'

import { lineOf, type Line } from '../line'
import type { SqlRow } from '../row'
import { Suspects } from '../suspects'
import {
  AS_IT_IS,
  ISOLATION,
  unlessAborted,
  type Driver,
  type Ear,
  type EarOptions,
  type Execute,
  type Query,
} from './driver'
import { ConflictError } from './errors'
import { openEar, type NewClient } from './node-postgres-ear'
import { PoolUse, type ConnectionPool } from './node-postgres-pool'
import { send, type PgClient } from './node-postgres-send'

type ClientClass = new (config: unknown) => NewClient

interface PgPool extends ConnectionPool {
  readonly Client: ClientClass
  readonly options: unknown
}

/** Whether this is a pool or a client of `pg`. */
export function nodePostgresDriver(client: unknown): Driver | null {
  if (typeof client !== 'object' || client === null) return null
  if (isPool(client)) return new PoolDriver(client)
  return isClient(client) ? new ClientDriver(client) : null
}

function isPool(client: object): client is PgPool {
  return (
    typeof Reflect.get(client, 'connect') === 'function' &&
    typeof Reflect.get(client, 'totalCount') === 'number'
  )
}

function isClient(client: object): client is PgClient {
  return (
    typeof Reflect.get(client, 'query') === 'function' &&
    typeof Reflect.get(client, 'escapeLiteral') === 'function'
  )
}

/** Takes a connection of the pool for each call. */
class PoolDriver implements Driver {
  readonly textForm = AS_IT_IS
  private readonly pool: PgPool
  private readonly suspects = new Suspects()

  constructor(pool: PgPool) {
    this.pool = pool
  }

  query(query: Query, signal: AbortSignal | undefined): Promise<readonly SqlRow[]> {
    return this.withClient(signal, (client) => send(client, query))
  }

  transaction<T>(
    work: (execute: Execute) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return this.withClient(signal, (client) => transact(client, work))
  }

  /** Not one of the pool: it would be missing there for good. */
  async openEar(options: EarOptions): Promise<Ear> {
    const { Client, options: config } = this.pool
    return openEar(new Client(config), options)
  }

  private withClient<T>(
    signal: AbortSignal | undefined,
    work: (client: PgClient) => Promise<T>,
  ): Promise<T> {
    const use = new PoolUse(this.pool, this.suspects)
    return unlessAborted(use.run(work), signal, () => {
      use.giveUp()
    })
  }
}

/**
 * Shares the user's only connection: one call at a time, and none inside a transaction that the user has open. It cannot be
 * replaced, so it is not destroyed when it hangs either: it may still answer.
 */
class ClientDriver implements Driver {
  readonly textForm = AS_IT_IS
  private readonly client: PgClient
  private readonly line: Line

  constructor(client: PgClient) {
    this.client = client
    this.line = lineOf(client)
  }

  query(query: Query, signal: AbortSignal | undefined): Promise<readonly SqlRow[]> {
    return this.inLine(signal, () => send(this.client, query))
  }

  transaction<T>(
    work: (execute: Execute) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return this.inLine(signal, () => transact(this.client, work))
  }

  async openEar(options: EarOptions): Promise<Ear> {
    const Client = this.client.constructor as ClientClass
    return openEar(new Client(Reflect.get(this.client, 'connectionParameters')), options)
  }

  private inLine<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    const called = this.line.join(async () => {
      // Given up while it waited: sent late, a claim would take what nobody waits for any more.
      signal?.throwIfAborted()
      const isInUse = ['T', 'E'].includes(this.client.getTransactionStatus?.() ?? '')
      if (isInUse) throw inUse()
      try {
        return await call()
      } catch (error) {
        throw this.isLost() ? lost(error) : error
      }
    })
    return unlessAborted(called, signal)
  }

  private isLost(): boolean {
    return Reflect.get(this.client, '_queryable') === false
  }
}

function lost(cause: unknown): DurableExecutionError {
  return DurableExecutionError.retryable(
    `The connection was lost, and a single client cannot be replaced: use a Pool, or start the process anew (${String(cause)})`,
    { code: 'storage', cause },
  )
}

function inUse(): ConflictError {
  return new ConflictError('The connection is inside an open transaction of its user: use a Pool')
}

async function transact<T>(client: PgClient, work: (execute: Execute) => Promise<T>): Promise<T> {
  await client.query({ text: `BEGIN ${ISOLATION}`, rowMode: 'array' })
  try {
    const answer = await work((query) => send(client, query))
    await client.query({ text: 'COMMIT', rowMode: 'array' })
    return answer
  } catch (error) {
    // Where the connection is gone the transaction is too.
    await client.query({ text: 'ROLLBACK', rowMode: 'array' }).catch(ignore)
    throw error
  }
}

function ignore(): void {
  // The call that met the error says so.
}
