/** Connections of postgres.js of our own, each a client with one connection whose socket is known and can be ended. */
import { connect, type Socket } from 'node:net'

import { Line } from '../line'
import { unlessAborted } from './driver'
import { classify } from './errors'
import type { PostgresJs } from './postgres-js'

type CreatePostgresJs = (options: object) => PostgresJs

/** How long a connection is kept that nobody uses, where the user does not say. */
const IDLE_MS = 10_000

/** How many connections there are at once where the options don't say: the default of postgres.js. */
const MOST = 10
/** How many an executor needs, lest the renewal of its leases wait for its other calls. */
const OF_AN_EXECUTOR = 5

/** The parsed options of a client that matter here. */
interface Options {
  readonly path?: unknown
  readonly host?: unknown
  readonly port?: unknown
  readonly target_session_attrs?: unknown
  readonly max?: unknown
  /** In seconds. */
  readonly idle_timeout?: unknown
}

type Address = { readonly path: string } | { readonly host: string; readonly port: number }

/** One connection: when it is gone, another has to be made. */
class OwnConnection {
  readonly client: PostgresJs
  private readonly addresses: readonly Address[]
  private readonly idleMs: number
  private socket: Socket | null = null
  private hasConnected = false
  private isGivenUp = false

  constructor(create: CreatePostgresJs, options: Options) {
    this.addresses = addressesOf(options)
    this.idleMs = idleMsOf(options)
    const [first] = this.addresses
    this.client = create({
      ...options,
      // It would not say that it can't connect where there are more.
      ...(first && 'host' in first ? { host: [first.host], port: [first.port] } : {}),
      max: 1,
      idle_timeout: null,
      max_lifetime: null,
      // Ends the process where the connection breaks in the midst of it, and nothing here needs them.
      fetch_types: false,
      socket: () => this.connect(),
    })
  }

  /** Whether it has not been ended, by whomever. */
  get isAlive(): boolean {
    return !this.isGivenUp && this.socket?.destroyed !== true
  }

  /** Ends it at once, whatever it is doing. */
  destroy(): void {
    this.isGivenUp = true
    this.socket?.destroy(new Error('The connection was given up'))
    this.client.end({ timeout: 0 }).catch(ignore)
  }

  /** Nobody uses it for now: it doesn't keep the process alive, and ends after a while. */
  rest(): void {
    this.socket?.unref().setTimeout(this.idleMs, () => {
      this.destroy()
    })
  }

  wake(): void {
    this.socket?.ref().setTimeout(0).removeAllListeners('timeout')
  }

  /** Called by postgres.js whenever it wants to connect. */
  private async connect(): Promise<Socket> {
    let lastError: unknown = new Error('The connection is gone')
    if (this.hasConnected || this.isGivenUp) throw lastError
    for (const address of this.addresses) {
      try {
        const socket = await this.open(address)
        this.hasConnected = true
        return socket
      } catch (error) {
        lastError = error
      }
      if (this.isGivenUp) break
    }
    throw lastError
  }

  private open(address: Address): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(address)
      // It asks the socket to whom TLS is to speak.
      if ('host' in address) Object.assign(socket, address)
      this.socket = socket
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(socket)
      })
    })
  }
}

function idleMsOf({ idle_timeout: seconds }: Options): number {
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : IDLE_MS
}

function addressesOf({ path, host, port }: Options): Address[] {
  if (typeof path === 'string') return [{ path }]
  const hosts: unknown[] = Array.isArray(host) ? host : [host]
  const ports: unknown[] = Array.isArray(port) ? port : [port]
  return hosts.map((name, index) => ({
    host: String(name),
    port: Number(ports[index] ?? ports[0]),
  }))
}

/**
 * Lends connections, one to a call, no more at once than the user's client would have, or an executor needs. Past that calls wait: a new connection costs
 * the server as much as many statements, so that, in a rush, calls on connections of their own would all take too long, be given
 * up, and need new ones.
 */
export class OwnConnections {
  private readonly options: Options
  private readonly loadDriver: typeof loadPostgresJs
  private readonly line: Line
  private idle: OwnConnection[] = []

  constructor(options: Options, loadDriver: typeof loadPostgresJs) {
    this.options = options
    this.loadDriver = loadDriver
    const { max } = options
    this.line = new Line(Math.max(OF_AN_EXECUTOR, typeof max === 'number' ? max : MOST))
  }

  /** What makes connections; `null` where none can be made. */
  async load(): Promise<CreatePostgresJs | null> {
    // Which of several servers is the one to write to only the client finds out.
    return isSet(this.options.target_session_attrs) ? null : this.loadDriver()
  }

  /** Makes a call on a connection that nobody else uses. When the signal is aborted, the connection is destroyed. */
  use<T>(
    create: CreatePostgresJs,
    signal: AbortSignal | undefined,
    call: (client: PostgresJs) => Promise<T>,
  ): Promise<T> {
    const used = this.line.join(async () => {
      // Given up while it waited: sent late, a claim would take what nobody waits for any more.
      signal?.throwIfAborted()
      const own = this.take(create)
      const destroy = (): void => {
        own.destroy()
      }
      try {
        const answer = await unlessAborted(call(own.client), signal, destroy)
        this.giveBack(own)
        return answer
      } catch (error) {
        if (classify(error) === 'away') destroy()
        else this.giveBack(own)
        throw error
      }
    })
    return unlessAborted(used, signal)
  }

  private take(create: CreatePostgresJs): OwnConnection {
    this.idle = this.idle.filter(({ isAlive }) => isAlive)
    const own = this.idle.pop() ?? new OwnConnection(create, this.options)
    own.wake()
    return own
  }

  private giveBack(own: OwnConnection): void {
    own.rest()
    this.idle.push(own)
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** postgres.js; `null` where it can't be loaded, as in a bundle without it. */
export async function loadPostgresJs(): Promise<CreatePostgresJs | null> {
  // By a name that bundlers don't follow: who uses another driver has no postgres.js.
  const name = 'postgres'
  try {
    const loaded = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as {
      readonly default: CreatePostgresJs
    }
    return loaded.default
  } catch {
    return null
  }
}

function ignore(): void {
  // It is given up.
}
