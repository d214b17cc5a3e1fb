/** The program of a page: what a user's page would do, one function for each thing the test asks of it. */
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import type { RouterClient } from '@orpc/server'
import { createTaskClientHandles, keepFailedResponses } from 'durable-execution-orpc-utils/client'
import type { TasksRouter } from 'durable-execution-orpc-utils/server'

import type { TestTasks } from '../support/tasks'

const client: RouterClient<TasksRouter> = createORPCClient(
  new RPCLink({
    url: new URL('/rpc', import.meta.url),
    headers: { authorization: 'Bearer acme' },
    plugins: [keepFailedResponses()],
  }),
)
const tasks = createTaskClientHandles<TestTasks>(client, undefined, {
  baseDelayMs: 20,
  maxDelayMs: 100,
  maxRetries: 1000,
})

const page = {
  /** Answers what came back, and whether it still is what it was. */
  echo: async () => {
    const id = await tasks.echo.enqueue({ at: new Date(0), set: new Set([1n]) })
    const output = (await tasks.echo.waitAndGetOutput(id)) as { at: unknown; set: unknown }
    return { id, isDate: output.at instanceof Date, isSet: output.set instanceof Set }
  },
  enqueue: (name: string) => tasks.hold.enqueue(name),
  wait: (id: string) => tasks.hold.waitAndGetOutput(id),
  fail: async () => {
    const id = await tasks.fail.enqueue('not_found')
    return tasks.fail.waitAndGetOutput(id).catch((error: unknown) => String(error))
  },
  giveUp: async (id: string) => {
    const signal = AbortSignal.timeout(50)
    return tasks.hold.waitAndGetOutput(id, { signal }).catch((error: unknown) => String(error))
  },
}

/** What the test calls. */
export type Page = typeof page

Object.assign(globalThis, { page })
