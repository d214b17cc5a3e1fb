/** The driver `@electric-sql/pglite`: PostgreSQL inside the process, with a single session that it lends to one call at a time. */
import type { SqlRow } from '../row'
import {
  ISOLATION,
  unlessAborted,
  type Driver,
  type Ear,
  type EarOptions,
  type Execute,
  type Query,
} from './driver'

interface Sender {
  query(
    text: string,
    params: (string | null)[],
    options: { readonly rowMode: 'array' },
  ): Promise<{ readonly rows: SqlRow[] }>
}

interface PGlite extends Sender {
  transaction<T>(work: (transaction: Sender) => Promise<T>): Promise<T>
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>>
}

/** Whether this is an instance of PGlite. */
export function pgliteDriver(client: unknown): Driver | null {
  return isPGlite(client) ? new PGliteDriver(client) : null
}

function isPGlite(client: unknown): client is PGlite {
  return (
    typeof client === 'object' &&
    client !== null &&
    Reflect.has(client, 'waitReady') &&
    typeof Reflect.get(client, 'transaction') === 'function' &&
    typeof Reflect.get(client, 'query') === 'function'
  )
}

const BYTE_ORDER_MARK = '\uFEFF'

/** It reads values with a decoder that takes a byte order mark off the front: of two, one is left. */
function withMarkTwice(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK + text : text
}

class PGliteDriver implements Driver {
  readonly textForm = withMarkTwice
  private readonly client: PGlite

  constructor(client: PGlite) {
    this.client = client
  }

  query(query: Query, signal: AbortSignal | undefined): Promise<readonly SqlRow[]> {
    return unlessAborted(send(this.client, query), signal)
  }

  transaction<T>(
    work: (execute: Execute) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const call = this.client.transaction(async (transaction) => {
      await transaction.query(`SET TRANSACTION ${ISOLATION}`, [], { rowMode: 'array' })
      return work((query) => send(transaction, query))
    })
    return unlessAborted(call, signal)
  }

  /** Its one session listens too. */
  async openEar({ channel, onPayload }: EarOptions): Promise<Ear> {
    const close = await this.client.listen(channel, onPayload)
    return { isDirect: true, query: (query) => send(this.client, query), close }
  }
}

async function send(sender: Sender, { text, params }: Query): Promise<readonly SqlRow[]> {
  const { rows } = await sender.query(text, params, { rowMode: 'array' })
  return rows
}
