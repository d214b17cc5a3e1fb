/** What a journey needs: an executor here, a shop there, HTTP between them. */
import { createORPCClient, type ClientContext } from '@orpc/client'
import { RPCLink, type RPCLinkOptions } from '@orpc/client/fetch'
import type { RouterClient } from '@orpc/server'
import { DurableExecutor, InMemoryTaskExecutionsStorage } from 'durable-execution'
import { expect, onTestFinished } from 'vitest'

import { keepFailedResponses } from '../../src/server'
import { answerBy, listen, type TestServer } from './server'
import { createShop, Seen, type Failure, type Shop } from './shop'

/** A started executor over a storage in memory, until the test ends. */
export async function startExecutor(): Promise<{
  executor: DurableExecutor
  storage: InMemoryTaskExecutionsStorage
}> {
  const storage = new InMemoryTaskExecutionsStorage()
  const executor = new DurableExecutor(storage, { logLevel: 'silent', pollIntervalMs: 10 })
  onTestFinished(() => executor.shutdown({ graceMs: 0 }))
  await executor.start()
  return { executor, storage }
}

/** A client of the shop at this address. Its link keeps failed responses, if nothing else is said. */
export function clientAt<TContext extends ClientContext = Record<never, never>>(
  address: string,
  options: Omit<RPCLinkOptions<TContext>, 'url'> = {},
): RouterClient<Shop, TContext> {
  const plugins = [keepFailedResponses<TContext>()]
  return createORPCClient(new RPCLink<TContext>({ url: `${address}/rpc`, plugins, ...options }))
}

export interface World {
  readonly executor: DurableExecutor
  readonly storage: InMemoryTaskExecutionsStorage
  readonly server: TestServer
  readonly client: RouterClient<Shop>
  readonly seen: Seen
}

/** A world in which the procedure `fail` first fails like this. */
export async function createWorld({
  failures = [],
}: { failures?: Failure[] } = {}): Promise<World> {
  const seen = new Seen()
  const server = await listen(answerBy(createShop(seen, failures)))
  return { ...(await startExecutor()), server, client: clientAt(server.url), seen }
}

/** Waits for what announces itself to nobody, with a generous limit. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(holds, { timeout: 30_000, interval: 5, message: what }).toBe(true)
}
