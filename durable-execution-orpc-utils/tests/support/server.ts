/** Servers on the loopback interface. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'

import type { AnyRouter } from '@orpc/server'
import { RPCHandler } from '@orpc/server/node'
import { BatchHandlerPlugin, ResponseHeadersPlugin } from '@orpc/server/plugins'
import { onTestFinished } from 'vitest'

/** A server that is closed with the test. */
export interface TestServer {
  readonly url: string
  readonly port: number
  /** The requests so far. */
  readonly requests: readonly IncomingMessage[]
  /** Ends every connection; from now on new ones are refused. */
  close(): Promise<void>
}

/** Listens on a free port, or on the given one. */
export async function listen(answer: RequestListener, port = 0): Promise<TestServer> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const close = (): Promise<void> => closeServer(server)
  onTestFinished(close)
  const boundPort = portOf(server)
  return { url: `http://127.0.0.1:${boundPort}`, port: boundPort, requests, close }
}

function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server has no port')
  return address.port
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}

/** Answers by a router, and with an empty `404` what is not in it, as oRPC's guides do. */
export function answerBy(router: AnyRouter, otherwise?: RequestListener): RequestListener {
  const handler = new RPCHandler(router, {
    plugins: [new ResponseHeadersPlugin(), new BatchHandlerPlugin()],
  })
  return (request, response) => {
    const context = { headers: request.headers }
    void handler.handle(request, response, { prefix: '/rpc', context }).then(({ matched }) => {
      if (matched) return
      if (otherwise) otherwise(request, response)
      else response.writeHead(404).end('No such procedure')
    })
  }
}
