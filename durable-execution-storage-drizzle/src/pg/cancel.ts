/**
 * Ends what a connection is doing, from outside. The server does not notice that a client is gone while a statement of it waits for
 * a lock: given up without this, each try would leave one more connection at the server, for as long as the lock is held.
 */
import { createConnection } from 'node:net'

/** The code of the message: 1234 and 5678, which are no version of the protocol. */
const CANCEL_REQUEST = (1234 << 16) | 5678
/** Whoever does not take the message by then is away. */
const PATIENCE_MS = 1000

/** What a client of `pg` knows of its connection. */
interface Connected {
  readonly host: string
  readonly port: number
  readonly processID: number
  readonly secretKey: number
}

/**
 * Asks the server to cancel the statement of a client of `pg`. Nothing waits for it, and it may fail: then the statement goes on.
 * The message is never encrypted, as those of libpq; it names the statement by a secret of its connection.
 */
export function cancelStatement(client: object): void {
  if (!isConnected(client)) return
  const { host, port } = client
  const socket = host.startsWith('/')
    ? createConnection(`${host}/.s.PGSQL.${port}`)
    : createConnection(port, host)
  socket.unref()
  socket.setTimeout(PATIENCE_MS, () => {
    socket.destroy()
  })
  // Away: it has nothing to cancel any more.
  socket.once('error', () => undefined)
  socket.end(messageFor(client))
}

function isConnected(client: object): client is Connected {
  const numbers = ['port', 'processID', 'secretKey'].map((name): unknown =>
    Reflect.get(client, name),
  )
  return typeof Reflect.get(client, 'host') === 'string' && numbers.every(Number.isInteger)
}

function messageFor({ processID, secretKey }: Connected): Buffer {
  const message = Buffer.alloc(16)
  message.writeInt32BE(16, 0)
  message.writeInt32BE(CANCEL_REQUEST, 4)
  message.writeInt32BE(processID, 8)
  message.writeInt32BE(secretKey | 0, 12)
  return message
}
