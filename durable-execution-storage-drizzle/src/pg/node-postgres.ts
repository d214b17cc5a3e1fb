/** The driver `pg`: a pool, or a single client. */
import { lineOf, type Line } from '../line'
import type { SqlRow } from '../row'
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

/** Columns as the texts that came: what they are is read here, and the parsers of `pg`, which users may have set, cost more. */
const AS_TEXT = { getTypeParser: () => (value: string) => value }

/** A connection of `pg`. */
interface PgClient {
  query(config: {
    readonly name?: string
    readonly text: string
    readonly values?: (string | null)[]
    readonly rowMode: 'array'
    readonly types?: typeof AS_TEXT
  }): Promise<{ readonly rows: SqlRow[] }>
  on(event: 'error', listener: () => void): unknown
  off(event: 'error', listener: () => void): unknown
  getTransactionStatus?(): string | null
}

interface PooledClient extends PgClient {
  release(destroy?: boolean): void
}

type ClientClass = new (config: unknown) => NewClient

interface PgPool {
  readonly Client: ClientClass
  readonly options: unknown
  connect(): Promise<PooledClient>
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
    const client = await this.acquire(signal)
    let isReleased = false
    const release = (destroy: boolean): void => {
      if (isReleased) return
      isReleased = true
      client.release(destroy)
    }
    // A connection in use has no other listener: without one its end would end the process.
    client.on('error', ignore)
    try {
      const answer = await unlessAborted(work(client), signal, () => {
        cancelStatement(client)
        release(true)
      })
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

  private acquire(signal: AbortSignal | undefined): Promise<PooledClient> {
    const connecting = this.pool.connect()
    return unlessAborted(connecting, signal, () => {
      // Comes too late: it goes back as it is.
      connecting.then((client) => {
        client.release()
      }, ignore)
    })
  }
}

/**
 * Shares the user's only connection: one call at a time, and none inside a transaction that the user has open. It cannot be
 * replaced, so it is not destroyed either.
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
    const called = this.line.join(() => {
      const isInUse = ['T', 'E'].includes(this.client.getTransactionStatus?.() ?? '')
      return isInUse ? Promise.reject(inUse()) : call()
    })
    return unlessAborted(called, signal)
  }
}

function inUse(): ConflictError {
  return new ConflictError('The connection is inside an open transaction of its user: use a Pool')
}

async function send(client: PgClient, { text, params, name }: Query): Promise<readonly SqlRow[]> {
  const named = name === null ? {} : { name }
  const { rows } = await client.query({
    ...named,
    text,
    values: params,
    rowMode: 'array',
    types: AS_TEXT,
  })
  return rows
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
