/** What both processes need of HTTP: a server, and who is asking. */
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'

import { ORPCError, os } from '@orpc/server'

/** What oRPC's handlers are given of a request. */
export interface RequestContext {
  readonly headers: IncomingHttpHeaders
}

/**
 * A builder for procedures that only callers with a bearer token may use. The caller's name is in their context.
 *
 * @param callers - Names by token.
 */
export function authenticate<TCaller extends string>(callers: ReadonlyMap<string, TCaller>) {
  return os.$context<RequestContext>().use(({ context, next }) => {
    const [, token = ''] = /^Bearer (\S+)$/.exec(context.headers.authorization ?? '') ?? []
    const caller = callers.get(token)
    if (caller === undefined) throw new ORPCError('UNAUTHORIZED')
    return next({ context: { caller } })
  })
}

/** Listens on the loopback interface. Answers how to end it. */
export async function serve(port: number, answer: RequestListener): Promise<() => Promise<void>> {
  const server = createServer(answer)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve()
      })
      server.closeAllConnections()
    })
}

/** Calls back once, when the process is told to end, or when the one that started it is gone. */
export function onStop(stop: () => Promise<void>): void {
  let isStopping = false
  const stopOnce = (): void => {
    if (isStopping) return
    isStopping = true
    void stop().finally(() => {
      if (process.connected) process.disconnect()
    })
  }
  process.on('SIGTERM', stopOnce)
  process.on('disconnect', stopOnce)
  // Ctrl-C reaches every process of the terminal: the one that started this one tells it to stop.
  process.on('SIGINT', () => undefined)
}
