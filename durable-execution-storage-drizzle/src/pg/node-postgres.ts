/** The driver `pg`: a pool, or a single client. */
import { DurableExecutionError } from 'durable-execution'

import { lineOf, type Line } from '../line'
import type { SqlRow } from '../row'
import { Suspects } from '../suspects'
import { cancelStatement } from './cancel'
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
import { classify, ConflictError } from './errors'
import { openEar, type NewClient } from './node-postgres-ear'
import { send, type PgClient } from './node-postgres-send'

interface PooledClient extends PgClient {
  release(destroy?: boolean): void
}

type ClientClass = new (config: unknown) => NewClient

interface PgPool {
  readonly Client: ClientClass
  readonly options: unknown
  connect(callback: (error: Error | undefined, client: PooledClient | undefined) => void): void
  on(event: 'connect', listener: (client: object) => void): unknown
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

  private async withClient<T>(
    signal: AbortSignal | undefined,
    work: (client: PgClient) => Promise<T>,
  ): Promise<T> {
    const client = await this.acquireAlive(signal)
    const sentAt = this.suspects.sent()
    let isReleased = false
    const release = (destroy: boolean): void => {
      if (isReleased) return
      isReleased = true
      client.release(destroy)
    }
    try {
      const answer = await unlessAborted(work(client), signal, () => {
        cancelStatement(client)
        release(true)
        this.suspect(sentAt)
      })
      this.suspects.answered(client)
      client.off('error', ignore)
      release(false)
      return answer
    } catch (error) {
      const isLost = classify(error) === 'away'
      if (!isLost) client.off('error', ignore)
      release(isLost)
      throw error
    }
  }

  /** From now on connections that have answered nothing since are not used. */
  private suspect(sentAt: number): void {
    const { pool, suspects } = this
    if (!suspects.isWatching) {
      pool.on('connect', (client) => {
        suspects.answered(client)
      })
    }
    suspects.hung(sentAt)
  }

  private async acquireAlive(signal: AbortSignal | undefined): Promise<PooledClient> {
    for (;;) {
      const client = await this.acquire(signal)
      if (!this.suspects.includes(client)) return client
      client.release(true)
    }
  }

  private acquire(signal: AbortSignal | undefined): Promise<PooledClient> {
    const { pool } = this
    let leave = ignore
    const connecting = new Promise<PooledClient>((resolve, reject) => {
      const receive: Parameters<PgPool['connect']>[0] = (error, client) => {
        if (!client) {
          reject(error ?? new Error('The pool answered without a connection'))
          return
        }
        // A connection in use has no other listener: without one its end would end the process. At once, not in a later turn:
        // what says that it is made and what says that it is ended may come in one packet.
        client.on('error', ignore)
        resolve(client)
      }
      leave = () => {
        giveUpWaiting(pool, receive)
      }
      pool.connect(receive)
    })
    return unlessAborted(connecting, signal, () => {
      leave()
      // Comes too late: it goes back as it is.
      connecting.then((client) => {
        client.off('error', ignore)
        client.release()
      }, ignore)
    })
  }
}

/**
 * Leaves the line of those that wait for a connection of a pool, and ends the connections that are still being made: nobody got one
 * for as long as a call may take. Left alone they would fill the pool for good, which has no time limit for them by default.
 */
function giveUpWaiting(pool: PgPool, callback: unknown): void {
  const waiting = listOf(pool, '_pendingQueue')
  const place = waiting.findIndex((item) => Reflect.get(item, 'callback') === callback)
  if (place !== -1) waiting.splice(place, 1)
  for (const client of listOf(pool, '_clients')) {
    if (Reflect.get(client, '_connecting') === true && Reflect.get(client, '_connected') !== true) {
      endSocket(client)
    }
  }
}

function listOf(pool: object, name: string): object[] {
  const list: unknown = Reflect.get(pool, name)
  return Array.isArray(list) ? (list as object[]) : []
}

/** Ends the socket below a client without a farewell, which nobody would hear. */
function endSocket(client: object): void {
  const connection: unknown = Reflect.get(client, 'connection')
  const stream: unknown = isObject(connection) ? Reflect.get(connection, 'stream') : null
  if (!isObject(stream)) return
  const destroy: unknown = Reflect.get(stream, 'destroy')
  if (typeof destroy === 'function') Reflect.apply(destroy, stream, [])
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
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
