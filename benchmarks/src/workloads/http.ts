/**
 * HTTP: tasks enqueued and waited for over HTTP, beside what that is made of: a bare oRPC procedure with the same payload, and the
 * executor's own calls. Server, client and executor share one process, so that its processor time is that of all.
 *
 * One kind of call after the other in small blocks, so that what else the machine does meets all of them.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import { os, type RouterClient } from '@orpc/server'
import { RPCHandler } from '@orpc/server/node'
import type { DurableExecutor } from 'durable-execution'
import { createTaskClientHandles, keepFailedResponses } from 'durable-execution-orpc-utils/client'
import { createTasksRouter } from 'durable-execution-orpc-utils/server'

import { percentile, type Figures } from '../measurement'
import { cpuOf, rate, timed } from '../stopwatch'
import { openExecutor } from '../systems/durable-execution'
import { inputOf, outputOf, type Input } from '../systems/queue'
import { scaled, type BenchContext, type Workload } from '../workload'

const BLOCKS = 150
const BLOCK = 10
const WARM_UP_BLOCKS = 100
const AT_ONCE = 50
const CALLS_AT_ONCE = 5000

export const http: Workload = {
  id: 'HTTP',
  title: 'Enqueue, and enqueue and wait, over HTTP on loopback',
  storages: ['pg'],
  systems: ['durable-execution'],
  async run(context) {
    const { executor, opened, close } = await openExecutor(context)
    const calls = await openCalls(executor)
    await executor.start()
    const figures = {
      ...(await oneByOne(context, calls.enqueues, '')),
      ...(await oneByOne(context, calls.results, '_result')),
      ...(await atOnce(context, calls.enqueues)),
    }
    await calls.close()
    await close()
    return {
      figures,
      settings: `defaults; ${opened.settings}; http.createServer and fetch in one process; bare: a procedure that answers an id, and for a result a second one that streams one event; one by one for p50 and CPU, ${AT_ONCE} at once for calls/s`,
    }
  },
}

/** The same call in three ways. */
interface Ways {
  /** oRPC alone. */
  readonly bare: Call
  /** The executor alone. */
  readonly own: Call
  /** Both: the router and its client. */
  readonly remote: Call
}

type Call = (input: Input) => Promise<unknown>

async function openCalls(executor: DurableExecutor<unknown>) {
  const bench = executor.task({
    id: 'bench',
    timeoutMs: 60_000,
    run: async (_context, input: Input) => outputOf(input),
  })
  const tasks = { bench }
  const router = {
    tasks: createTasksRouter(os, executor, tasks),
    enqueue: os.handler(({ input }) => ({ executionId: `te_${String((input as Input).n)}` })),
    wait: os.handler(async function* ({ input }) {
      yield outputOf(input as Input)
    }),
  }
  const handler = new RPCHandler(router)
  const server = createServer((request, response) => {
    void handler.handle(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const link = new RPCLink({
    url: `http://127.0.0.1:${port}`,
    plugins: [keepFailedResponses()],
  })
  const client: RouterClient<typeof router> = createORPCClient(link)
  const remote = createTaskClientHandles<typeof tasks>(client.tasks).bench
  const enqueues: Ways = {
    bare: (input) => client.enqueue(input),
    own: (input) => executor.enqueueTask(bench, input),
    remote: (input) => remote.enqueue(input),
  }
  const results: Ways = {
    async bare(input) {
      await client.enqueue(input)
      for await (const event of await client.wait(input)) void event
    },
    own: async (input) => (await executor.enqueueTask(bench, input)).waitAndGetOutput(),
    remote: async (input) => remote.waitAndGetOutput(await remote.enqueue(input)),
  }
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { enqueues, results, close }
}

/** One call at a time: how long it takes, and what it costs of the processor. */
async function oneByOne(context: BenchContext, ways: Ways, name: '' | '_result'): Promise<Figures> {
  const times = { bare: [] as number[], own: [] as number[], remote: [] as number[] }
  const cpu = { bare: 0, own: 0, remote: 0 }
  const blocks = scaled(context, BLOCKS, 2)
  let n = 0
  for (let block = -scaled(context, WARM_UP_BLOCKS, 1); block < blocks; block += 1) {
    for (const way of ['bare', 'own', 'remote'] as const) {
      const samples: number[] = []
      const used = await cpuOf(async () => {
        for (let count = 0; count < BLOCK; count += 1) {
          n += 1
          const input = inputOf(n)
          samples.push(await timed(() => ways[way](input)))
        }
      })
      if (block < 0) continue
      times[way].push(...samples)
      cpu[way] += used / BLOCK / blocks
    }
  }
  const p50 = (way: keyof Ways): number => percentile(times[way], 0.5)
  return {
    [`http${name}_p50`]: p50('remote'),
    [`http${name}_p99`]: percentile(times.remote, 0.99),
    [`http${name}_bare_p50`]: p50('bare'),
    [`http${name}_own_p50`]: p50('own'),
    [`http${name}_ratio`]: p50('remote') / (p50('bare') + p50('own')),
    [`http${name}_cpu`]: cpu.remote,
    [`http${name}_cpu_ratio`]: cpu.remote / (cpu.bare + cpu.own),
  }
}

/** Many calls at a time. */
async function atOnce(context: BenchContext, ways: Ways): Promise<Figures> {
  const calls = scaled(context, CALLS_AT_ONCE, AT_ONCE)
  let n = 1_000_000
  const rateOf = async (call: Call): Promise<number> => {
    let left = calls
    const loop = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        n += 1
        await call(inputOf(n))
      }
    }
    const ms = await timed(() => Promise.all(Array.from({ length: AT_ONCE }, loop)))
    return rate(calls, ms)
  }
  return {
    http_calls: await rateOf(ways.remote),
    http_bare_calls: await rateOf(ways.bare),
    http_own_calls: await rateOf(ways.own),
  }
}
