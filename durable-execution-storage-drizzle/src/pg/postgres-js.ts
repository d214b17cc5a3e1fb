/** The driver `postgres` (postgres.js), which is a pool. */
import type { SqlRow } from '../row'
import { AS_IT_IS, ISOLATION, unlessAborted, type Driver, type Execute, type Query } from './driver'

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

interface PostgresJs extends Sender {
  begin<T>(options: string, work: (transaction: Sender) => Promise<T>): Promise<T>
}

/** Whether this is what `postgres()` returned. */
export function postgresJsDriver(client: unknown): Driver | null {
  return isPostgresJs(client) ? new PostgresJsDriver(client) : null
}

function isPostgresJs(client: unknown): client is PostgresJs {
  return (
    typeof client === 'function' &&
    typeof Reflect.get(client, 'unsafe') === 'function' &&
    typeof Reflect.get(client, 'begin') === 'function'
  )
}

/** Cannot destroy a single connection: one that hangs is asked to cancel, and answers when its socket does. */
class PostgresJsDriver implements Driver {
  readonly textForm = AS_IT_IS
  private readonly client: PostgresJs

  constructor(client: PostgresJs) {
    this.client = client
  }

  query(query: Query, signal: AbortSignal | undefined): Promise<readonly SqlRow[]> {
    return send(this.client, query, signal)
  }

  transaction<T>(
    work: (execute: Execute) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const options = ISOLATION.toLowerCase()
    const call = this.client.begin(options, (transaction) =>
      work((query) => send(transaction, query, signal)),
    )
    return unlessAborted(call, signal)
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
