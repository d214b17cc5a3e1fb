/** The driver `postgres` (postgres.js). */
import type { SqlRow } from '../row'
import { AS_IT_IS, ISOLATION, unlessAborted, type Driver, type Execute, type Query } from './driver'
import { classify } from './errors'
import { loadPostgresJs, OwnConnections, type OwnConnection } from './postgres-js-connections'

interface PendingRows {
  values(): Promise<SqlRow[]> & { cancel(): void }
}

interface Sender {
  unsafe(
    text: string,
    params: (string | null)[],
    options: { readonly prepare: boolean },
  ): PendingRows
}

/** What `postgres()` returned. */
export interface PostgresJs extends Sender {
  readonly options: object
  begin<T>(options: string, work: (transaction: Sender) => Promise<T>): Promise<T>
  end(options: { readonly timeout: number }): Promise<void>
}

/** Whether this is what `postgres()` returned. */
export function postgresJsDriver(client: unknown, load = loadPostgresJs): Driver | null {
  return isPostgresJs(client) ? new PostgresJsDriver(client, load) : null
}

function isPostgresJs(client: unknown): client is PostgresJs {
  return (
    typeof client === 'function' &&
    typeof Reflect.get(client, 'unsafe') === 'function' &&
    typeof Reflect.get(client, 'begin') === 'function'
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
    const own = await this.own.take()
    if (!own) return send(this.client, query, signal)
    return this.using(own, signal, () => send(own.client, query, undefined))
  }

  async transaction<T>(
    work: (execute: Execute) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const own = await this.own.take()
    if (own) return this.using(own, signal, () => transact(own.client, work))
    const call = this.client.begin(ISOLATION.toLowerCase(), (transaction) =>
      work((query) => send(transaction, query, signal)),
    )
    return unlessAborted(call, signal)
  }

  private async using<T>(
    own: OwnConnection,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    const destroy = (): void => {
      own.destroy()
    }
    try {
      if (signal?.aborted === true) destroy()
      const answer = await unlessAborted(call(), signal, destroy)
      this.own.giveBack(own)
      return answer
    } catch (error) {
      if (classify(error) === 'away') destroy()
      else this.own.giveBack(own)
      throw error
    }
  }
}

/** On a connection that is nobody else's. It is never made anew, so that no part of a transaction runs outside of it. */
async function transact<T>(client: PostgresJs, work: (execute: Execute) => Promise<T>): Promise<T> {
  const control = (text: string): Promise<unknown> =>
    client.unsafe(text, [], { prepare: false }).values()
  await control(`BEGIN ${ISOLATION}`)
  try {
    const answer = await work((query) => send(client, query, undefined))
    await control('COMMIT')
    return answer
  } catch (error) {
    // Where the connection is gone the transaction is too.
    if (classify(error) !== 'away') await control('ROLLBACK')
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
