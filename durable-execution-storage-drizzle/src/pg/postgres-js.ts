/** The driver `postgres` (postgres.js). */
import type { SqlRow } from '../row'
import {
  AS_IT_IS,
  BACKEND,
  ISOLATION,
  unlessAborted,
  type Driver,
  type Ear,
  type EarOptions,
  type Execute,
  type Query,
} from './driver'
import { classify, ConflictError } from './errors'
import { loadPostgresJs, OwnConnections } from './postgres-js-connections'

interface PendingRows extends PromiseLike<{ readonly command: string }> {
  values(): Promise<SqlRow[]> & { cancel(): void }
}

interface Sender {
  unsafe(
    text: string,
    params: (string | null)[],
    options: { readonly prepare: boolean },
  ): PendingRows
  /** Without values it is a simple query, which is never prepared. */
  unsafe(text: string): PendingRows
}

/** A connection of the pool for oneself. */
interface Reserved extends Sender {
  release(): void
}

/** What `postgres()` returned. */
export interface PostgresJs extends Sender {
  readonly options: object
  reserve(): Promise<Reserved>
  end(options: { readonly timeout: number }): Promise<void>
  /** Opens a connection of its own, once, and keeps it: it connects again by itself, and says so by `onListening`. */
  listen(
    channel: string,
    onPayload: (payload: string) => void,
    onListening: () => void,
  ): Promise<{ readonly state: { readonly pid: number }; readonly unlisten: () => Promise<void> }>
}

/** Whether this is what `postgres()` returned. */
export function postgresJsDriver(client: unknown, load = loadPostgresJs): Driver | null {
  return isPostgresJs(client) ? new PostgresJsDriver(client, load) : null
}

function isPostgresJs(client: unknown): client is PostgresJs {
  return (
    typeof client === 'function' &&
    typeof Reflect.get(client, 'unsafe') === 'function' &&
    typeof Reflect.get(client, 'reserve') === 'function'
  )
}

/**
 * Works on connections of its own, made with the options of the user's client. The client itself gives no hold of a single
 * connection: one that hangs can't be ended and is lost to it; after an outage it may wait for twenty seconds before it connects
 * again; and a transaction whose connection is killed can end the process. Only where no others can be made is it used itself.
 */
class PostgresJsDriver implements Driver {
  readonly textForm = AS_IT_IS
  private readonly client: PostgresJs
  private readonly own: OwnConnections

  constructor(client: PostgresJs, load: typeof loadPostgresJs) {
    this.client = client
    this.own = new OwnConnections(client.options, load)
  }

  async query(query: Query, signal: AbortSignal | undefined): Promise<readonly SqlRow[]> {
    const create = await this.own.load()
    return create
      ? this.own.use(create, signal, (client) => send(client, query, undefined))
      : send(this.client, query, signal)
  }

  async transaction<T>(
    work: (execute: Execute) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const create = await this.own.load()
    return create
      ? this.own.use(create, signal, (client) => transact(client, work, undefined))
      : unlessAborted(this.transactReserved(work, signal), signal)
  }

  private async transactReserved<T>(
    work: (execute: Execute) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const connection = await this.client.reserve()
    try {
      return await transact(connection, work, signal)
    } finally {
      connection.release()
    }
  }

  async openEar({ channel, onPayload, onLost, signal }: EarOptions): Promise<Ear> {
    let isOpen = false
    const opening = this.client.listen(channel, onPayload, () => {
      if (isOpen) onLost()
      isOpen = true
    })
    const close = async (): Promise<void> => {
      // While its connection is away it does not answer.
      opening.then(({ unlisten }) => unlisten()).catch(() => undefined)
    }
    const { state } = await unlessAborted(opening, signal, () => {
      void close()
    })
    const query: Execute = (asked) => send(this.listener(), asked, undefined)
    const [row] = await query({ text: BACKEND, params: [], name: null })
    return { isDirect: Number(row?.[0]) === state.pid, query, close }
  }

  /** The connection that listens; one of the pool's if that can't be told. */
  private listener(): Sender {
    const sender: unknown = Reflect.get(Object(Reflect.get(this.client, 'listen')) as object, 'sql')
    return isPostgresJs(sender) ? sender : this.client
  }
}

/**
 * On a connection that is nobody else's. Not by the driver's own `begin`: that prepares its `commit`, and behind a pooler in
 * transaction mode, where the statement is lost, the second try of it ends the transaction with a rollback that looks like a commit.
 */
async function transact<T>(
  connection: Sender,
  work: (execute: Execute) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  await connection.unsafe(`BEGIN ${ISOLATION}`)
  try {
    const answer = await work((query) => send(connection, query, signal))
    const { command } = await connection.unsafe('COMMIT')
    if (command !== 'COMMIT') throw new ConflictError(`The commit ended with ${command}`)
    return answer
  } catch (error) {
    // Where the connection is gone the transaction is too.
    if (classify(error) !== 'away') {
      await Promise.resolve(connection.unsafe('ROLLBACK')).catch(() => undefined)
    }
    throw error
  }
}

function send(
  sender: Sender,
  { text, params, name }: Query,
  signal: AbortSignal | undefined,
): Promise<readonly SqlRow[]> {
  // It names prepared statements itself.
  const pending = sender.unsafe(text, params, { prepare: name !== null }).values()
  return unlessAborted(pending, signal, () => {
    pending.cancel()
  })
}
