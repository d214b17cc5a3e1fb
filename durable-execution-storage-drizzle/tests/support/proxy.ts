/** A TCP proxy between a storage and its server, which cuts connections, delays what passes, or lets nothing pass without a word. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * What happens to what passes:
 * - `open`: it passes
 * - `cut`: connections are reset, new ones at once
 * - `silent`: connections stay open, and nothing that is sent arrives. Those that it met stay so for ever, as when a firewall has
 *   forgotten them; connections made later pass again once the network is open
 */
type Mode = 'open' | 'cut' | 'silent'

/** One connection of a client, and the one to the server behind it. */
interface Pair {
  readonly client: Socket
  readonly server: Socket
  isSilent: boolean
}

/** What became of connections. */
export interface ProxyCounts {
  accepted: number
  /** Reset while they were in use. */
  cut: number
  /** Reset before anything passed. */
  refused: number
  /** Texts that were sent and never arrived. */
  swallowed: number
  /** Texts that arrived late. */
  delayed: number
  /** Closed by the client after they had fallen silent. */
  givenUp: number
  /** Texts of the server that hold what is looked for. */
  found: number
}

/** A way to a server that a test disturbs. */
export class Proxy {
  counts: ProxyCounts = noCounts()
  private readonly listener: Server
  private readonly target: URL
  private readonly pairs = new Set<Pair>()
  private mode: Mode = 'open'
  private delayMs = 0
  private sought: string | null = null

  private constructor(target: URL) {
    this.target = target
    this.listener = createServer((client) => {
      this.accept(client)
    })
  }

  /** Opens a proxy before the server of a URL. */
  static async open(url: string): Promise<Proxy> {
    const proxy = new Proxy(new URL(url))
    proxy.listener.listen(0, '127.0.0.1')
    await once(proxy.listener, 'listening')
    return proxy
  }

  /** The URL of the server through this proxy. */
  get url(): string {
    const url = new URL(this.target)
    url.port = String((this.listener.address() as AddressInfo).port)
    return url.href
  }

  /** How many connections there are that have fallen silent. */
  get silentCount(): number {
    return [...this.pairs].filter(({ isSilent }) => isSilent).length
  }

  /** Resets all connections, and new ones at once. */
  cut(): void {
    this.mode = 'cut'
    this.counts.cut += this.pairs.size
    for (const { client, server } of this.pairs) {
      client.resetAndDestroy()
      server.destroy()
    }
  }

  /** From now on nothing arrives. */
  fallSilent(): void {
    this.mode = 'silent'
    for (const pair of this.pairs) pair.isSilent = true
  }

  /** From now on whatever is sent arrives so much later. */
  delay(ms: number): void {
    this.delayMs = ms
  }

  /** From now on what the server sends is looked at: how often it holds this. */
  lookFor(sought: string): void {
    this.sought = sought
  }

  /** From now on new connections pass, and what passes is not delayed. */
  mend(): void {
    this.mode = 'open'
    this.delayMs = 0
  }

  /** As it was at first; connections that have fallen silent are reset. */
  reset(): void {
    this.mend()
    for (const { client, isSilent } of this.pairs) if (isSilent) client.resetAndDestroy()
    this.counts = noCounts()
    this.sought = null
  }

  async close(): Promise<void> {
    for (const { client, server } of this.pairs) {
      client.destroy()
      server.destroy()
    }
    this.listener.close()
    await once(this.listener, 'close')
  }

  private accept(client: Socket): void {
    this.counts.accepted += 1
    if (this.mode === 'cut') {
      this.counts.refused += 1
      client.resetAndDestroy()
      return
    }
    const server = connect(Number(this.target.port), this.target.hostname)
    const pair: Pair = { client, server, isSilent: this.mode === 'silent' }
    this.pairs.add(pair)
    this.pass(pair, client, server)
    this.pass(pair, server, client)
    server.on('data', (text) => {
      if (this.sought !== null && text.includes(this.sought)) this.counts.found += 1
    })
    client.once('close', () => {
      if (pair.isSilent) this.counts.givenUp += 1
      this.pairs.delete(pair)
      server.destroy()
    })
    server.once('close', () => {
      // Who has fallen silent doesn't say farewell either.
      if (!pair.isSilent) client.destroy()
    })
  }

  private pass(pair: Pair, from: Socket, to: Socket): void {
    from.on('error', () => undefined)
    // In the order in which it came, also where the delay ends meanwhile.
    let last = Promise.resolve()
    let underWay = 0
    from.on('data', (text) => {
      if (pair.isSilent) {
        this.counts.swallowed += 1
      } else if (this.delayMs === 0 && underWay === 0) {
        to.write(text)
      } else {
        this.counts.delayed += 1
        underWay += 1
        last = Promise.all([last, pause(this.delayMs)]).then(() => {
          underWay -= 1
          if (!pair.isSilent) to.write(text)
        })
      }
    })
  }
}

function noCounts(): ProxyCounts {
  return { accepted: 0, cut: 0, refused: 0, swallowed: 0, delayed: 0, givenUp: 0, found: 0 }
}
