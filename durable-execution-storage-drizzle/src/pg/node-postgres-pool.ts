/** Connections of a pool of `pg`: taken for one call, and given back or, where the call hangs, destroyed. */
import type { Suspects } from '../suspects'
import { cancelStatement } from './cancel'
import { givenUp } from './driver'
import { classify } from './errors'
import type { PgClient } from './node-postgres-send'

interface PooledClient extends PgClient {
  release(destroy?: boolean): void
}

type Receive = (error: Error | undefined, client: PooledClient | undefined) => void

/** A pool of `pg`. */
export interface ConnectionPool {
  connect(callback: Receive): void
  on(event: 'connect', listener: (client: object) => void): unknown
}

/** One call on a connection of a pool. It can be given up at any time. */
export class PoolUse {
  private readonly pool: ConnectionPool
  private readonly suspects: Suspects
  private state: 'waiting' | 'taken' | 'working' | 'over' = 'waiting'
  private receive: Receive = ignore
  private client: PooledClient | null = null
  private sentAt = 0

  /** @param suspects - Those of the pool. */
  constructor(pool: ConnectionPool, suspects: Suspects) {
    this.pool = pool
    this.suspects = suspects
  }

  /** Makes the call. Once it was given up, what it comes to means nothing. */
  async run<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
    const client = await this.acquire()
    if (this.isOver()) throw givenUp()
    this.state = 'working'
    this.sentAt = this.suspects.sent()
    try {
      const answer = await work(client)
      if (!this.isOver()) this.suspects.answered(client)
      this.end(client, false)
      return answer
    } catch (error) {
      this.end(client, classify(error) === 'away')
      throw error
    }
  }

  /** Ends what can be ended. */
  giveUp(): void {
    const { client, state } = this
    if (client === null) {
      this.state = 'over'
      giveUpWaiting(this.pool, this.receive)
      return
    }
    if (state === 'working') cancelStatement(client)
    this.end(client, state === 'working')
    if (state === 'working') this.suspect()
  }

  private async acquire(): Promise<PooledClient> {
    for (;;) {
      const client = await this.connect()
      if (this.isOver() || !this.suspects.includes(client)) return client
      this.client = null
      this.state = 'waiting'
      giveBack(client, true)
    }
  }

  private connect(): Promise<PooledClient> {
    return new Promise((resolve, reject) => {
      this.receive = (error, client) => {
        if (client) this.received(client, resolve)
        else reject(error ?? new Error('The pool answered without a connection'))
      }
      this.pool.connect(this.receive)
    })
  }

  private received(client: PooledClient, resolve: (client: PooledClient) => void): void {
    // A connection in use has no other listener: without one its end would end the process. At once, not in a later turn: what
    // says that it is made and what says that it is ended may come in one packet.
    client.on('error', ignore)
    if (this.isOver()) {
      // Too late: it goes back as it is.
      giveBack(client, false)
      return
    }
    this.state = 'taken'
    this.client = client
    resolve(client)
  }

  /** Read anew: it is given up while others are waited for. */
  private isOver(): boolean {
    return this.state === 'over'
  }

  private end(client: PooledClient, destroy: boolean): void {
    if (this.isOver()) return
    this.state = 'over'
    giveBack(client, destroy)
  }

  /** From now on connections that have answered nothing since are not used. */
  private suspect(): void {
    const { pool, suspects, sentAt } = this
    if (!suspects.isWatching) {
      pool.on('connect', (client) => {
        suspects.answered(client)
      })
    }
    suspects.hung(sentAt)
  }
}

function giveBack(client: PooledClient, destroy: boolean): void {
  if (!destroy) client.off('error', ignore)
  client.release(destroy)
}

/**
 * Leaves the line of those that wait for a connection of a pool, and ends the connections that are still being made: nobody got one
 * for as long as a call may take. Left alone they would fill the pool for good, which has no time limit for them by default.
 */
function giveUpWaiting(pool: ConnectionPool, callback: unknown): void {
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

function ignore(): void {
  // The call that met the error says so.
}
