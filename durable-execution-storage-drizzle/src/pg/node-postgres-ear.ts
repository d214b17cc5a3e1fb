/** A connection of `pg` that listens: a client of its own, made like those of the pool, or like the client that is given. */
import { delay, systemEnvironment } from 'durable-execution'

import type { SqlRow } from '../row'
import { BACKEND, unlessAborted, type Ear, type EarOptions, type Query } from './driver'

/** A client of `pg` that is not connected yet. */
export interface NewClient {
  connect(): Promise<unknown>
  query(config: {
    readonly text: string
    readonly values?: (string | null)[]
    readonly rowMode: 'array'
  }): Promise<{ readonly rows: SqlRow[] }>
  end(): Promise<void>
  on(event: 'error' | 'end', listener: () => void): unknown
  on(
    event: 'notification',
    listener: (notification: { readonly payload?: string }) => void,
  ): unknown
}

/** How long a connection may take to say goodbye, in milliseconds. */
const GOODBYE_MS = 500

/** Connects and listens. */
export async function openEar(client: NewClient, options: EarOptions): Promise<Ear> {
  const { channel, onPayload, onLost, signal } = options
  client.on('error', onLost)
  client.on('end', onLost)
  client.on('notification', ({ payload }) => {
    onPayload(payload ?? '')
  })
  const query = async ({ text, params }: Query): Promise<readonly SqlRow[]> => {
    const { rows } = await client.query({ text, values: params, rowMode: 'array' })
    return rows
  }
  const opening = (async (): Promise<boolean> => {
    await client.connect()
    await client.query({ text: `LISTEN "${channel}"`, rowMode: 'array' })
    const [row] = await query({ text: BACKEND, params: [], name: null })
    return row?.[0] === Reflect.get(client, 'processID')
  })()
  try {
    const isDirect = await unlessAborted(opening, signal)
    return { isDirect, query, close: () => goodbye(client) }
  } catch (error) {
    destroy(client)
    throw error
  }
}

/** One that hangs is destroyed: it would keep the process alive. */
async function goodbye(client: NewClient): Promise<void> {
  const ended = new AbortController()
  const isLate = delay(systemEnvironment, GOODBYE_MS, ended.signal)
  try {
    await Promise.race([client.end(), isLate])
  } catch {
    // It is gone.
  }
  ended.abort()
  destroy(client)
}

function destroy(client: NewClient): void {
  const { connection } = client as { connection?: { stream?: { destroy?(): void } } }
  connection?.stream?.destroy?.()
}
