/** A network of the test's own: a TCP proxy that can cut, refuse, swallow answers and fall silent. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

import { onTestFinished } from 'vitest'

/**
 * - `open`: all goes through
 * - `refusing`: connections are closed as soon as they are made
 * - `silent`: connections stay, nothing goes through, as when a cable is pulled
 * - `swallowing`: requests go through; instead of the answer the connection breaks
 */
export type ProxyMode = 'open' | 'refusing' | 'silent' | 'swallowing'

export interface Proxy {
  readonly url: string
  mode: ProxyMode
  /** Connections made so far. */
  readonly connections: number
  /** Connections that were refused. */
  readonly refused: number
  /** Answers that were swallowed. */
  readonly swallowed: number
  /** Breaks every connection that is open. */
  cut(): void
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const counts = { connections: 0, refused: 0, swallowed: 0 }
  const proxy = { mode: 'open' as ProxyMode }
  const server = createServer((client) => {
    counts.connections += 1
    if (proxy.mode === 'refusing') {
      counts.refused += 1
      client.destroy()
      return
    }
    const target = connect(targetPort, '127.0.0.1')
    const end = (): void => {
      sockets.delete(client)
      sockets.delete(target)
      client.destroy()
      target.destroy()
    }
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
    client.on('data', (chunk) => {
      if (proxy.mode !== 'silent') target.write(chunk)
    })
    target.on('data', (chunk) => {
      if (proxy.mode === 'open') client.write(chunk)
      if (proxy.mode !== 'swallowing') return
      counts.swallowed += 1
      end()
    })
  })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    cut()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    cut,
    get mode() {
      return proxy.mode
    },
    set mode(mode) {
      proxy.mode = mode
    },
    get connections() {
      return counts.connections
    },
    get refused() {
      return counts.refused
    },
    get swallowed() {
      return counts.swallowed
    },
  }
}
