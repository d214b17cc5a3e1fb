/** A server of tasks on the loopback interface, and clients of it. */
import type { IncomingHttpHeaders, RequestListener } from 'node:http'

import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import { ORPCError, os, type RouterClient } from '@orpc/server'
import {
  DurableExecutor,
  InMemoryTaskExecutionsStorage,
  type DurableExecutorOptions,
  type TaskExecutionsStorage,
} from 'durable-execution'
import { onTestFinished } from 'vitest'

import {
  createTaskClientHandles,
  keepFailedResponses,
  type TaskClientHandles,
  type TaskClientOptions,
} from '../../src/client'
import { createTasksRouter, type TasksRouterOptions } from '../../src/server'
import { answerBy, listen, type TestServer } from './server'
import { defineTasks, Runs, type TestTasks } from './tasks'

/** What a request is asked by. */
export interface Caller {
  readonly tenant: string
}

interface RequestContext {
  readonly headers: IncomingHttpHeaders
}

/** Tokens are the names of tenants: `Bearer acme`. */
const authenticated = os.$context<RequestContext>().use(({ context, next }) => {
  const [, tenant] = /^Bearer (\w+)$/.exec(context.headers.authorization ?? '') ?? []
  if (tenant === undefined) throw new ORPCError('UNAUTHORIZED', { message: 'Who are you?' })
  return next({ context: { tenant } satisfies Caller })
})

export interface ServerOptions<TTransaction> {
  readonly storage?: TaskExecutionsStorage<TTransaction>
  readonly port?: number
  readonly router?: TasksRouterOptions<RequestContext & Caller>
  readonly executor?: DurableExecutorOptions
  /** Whether it runs what is due. */
  readonly isStarted?: boolean
  readonly runs?: Runs
  /** Answers what is not of the router. */
  readonly pages?: RequestListener
}

export interface TasksServer extends TestServer {
  readonly executor: DurableExecutor<unknown>
  readonly tasks: TestTasks
  readonly runs: Runs
  /** As a process that is told to end: what is under way is handed back, connections are closed. */
  stop(): Promise<void>
}

function createRouter(
  executor: DurableExecutor<unknown>,
  tasks: TestTasks,
  options?: TasksRouterOptions<RequestContext & Caller>,
) {
  return createTasksRouter(authenticated, executor, tasks, options)
}

export type TestClient = RouterClient<ReturnType<typeof createRouter>>

/** A server of the tasks, until the test ends. */
export async function serveTasks<TTransaction = never>(
  options: ServerOptions<TTransaction> = {},
): Promise<TasksServer> {
  const { runs = new Runs(), isStarted = true } = options
  const storage = (options.storage ??
    new InMemoryTaskExecutionsStorage()) as TaskExecutionsStorage<unknown>
  const executor = new DurableExecutor(storage, {
    logLevel: 'silent',
    pollIntervalMs: 20,
    ...options.executor,
  })
  const tasks = defineTasks(executor, runs)
  if (isStarted) await executor.start()
  const router = createRouter(executor, tasks, options.router)
  const server = await listen(answerBy(router, options.pages), options.port)
  const stop = async (): Promise<void> => {
    await executor.shutdown({ graceMs: 0 })
    await server.close()
  }
  onTestFinished(stop)
  return { ...server, executor, tasks, runs, stop }
}

/** A client at this address, with a tenant's token. */
export function clientOf(url: string, tenant = 'acme'): TestClient {
  return createORPCClient(
    new RPCLink({
      url: `${url}/rpc`,
      headers: { authorization: `Bearer ${tenant}` },
      plugins: [keepFailedResponses()],
    }),
  )
}

/** Handles at this address. */
export function handlesOf(
  url: string,
  options: TaskClientOptions = {},
  tenant = 'acme',
): TaskClientHandles<TestTasks> {
  return createTaskClientHandles<TestTasks>(clientOf(url, tenant), undefined, options)
}
