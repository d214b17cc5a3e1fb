/**
 * HTTP: tasks enqueued and waited for over HTTP on loopback, beside what that is made of: bare oRPC procedures that get and answer the
 * same values, and the executor's own calls. Server, client and executor share one process, so that its processor time is that of all.
 *
 * One kind of call after the other in small blocks, so that what else the machine does meets all of them. The next call waits until
 * the task of the last one has ended: what it costs after the answer counts to the call that caused it, and delays no other.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import { os, type AnyRouter, type RouterClient } from '@orpc/server'
import { RPCHandler } from '@orpc/server/node'
import type { DurableExecutor } from 'durable-execution'
import {
  createTaskClientHandles,
  keepFailedResponses,
  type WireEnqueue,
  type WireExecution,
  type WireTarget,
  type WireWaitEvent,
} from 'durable-execution-orpc-utils/client'
import { createTasksRouter } from 'durable-execution-orpc-utils/server'

import { percentile, type Figures } from '../measurement'
import { cpuOf, rate, timed } from '../stopwatch'
import { openExecutor } from '../systems/durable-execution'
import { inputOf, outputOf, type Counter, type Input } from '../systems/queue'
import { scaled, type BenchContext, type Workload } from '../workload'

const BLOCKS = 150
const BLOCK = 10
const WARM_UP_BLOCKS = 100
const AT_ONCE = 50
const ROUNDS_AT_ONCE = 10
const CALLS_AT_ONCE = 500

export const http: Workload = {
  id: 'HTTP',
  title: 'Enqueue, and enqueue and wait, over HTTP on loopback',
  storages: ['pg'],
  systems: ['durable-execution'],
  async run(context) {
    const { executor, ended, opened, close } = await openExecutor(context)
    await executor.start()
    const calls = await openCalls(executor)
    const tasks = new Enqueued(ended)
    // One has run: the bare procedures answer with it.
    tasks.add(1)
    const figures = {
      ...(await oneByOne(context, calls.enqueues, tasks, '')),
      ...(await oneByOne(context, calls.results, tasks, '_result')),
      ...(await atOnce(context, calls.enqueues, tasks)),
    }
    await calls.close()
    await close()
    return {
      figures,
      settings: `defaults; ${opened.settings}; http.createServer and fetch in one process; bare: procedures without schemas that get and answer what the router's do, for a result a second one that streams one event; own: enqueueTask, for a result getTaskExecutionHandle and a wait with the id; one by one for p50, p99 and CPU, ${AT_ONCE} at once for calls/s, in blocks by turns; each call waits for the task of the one before`,
    }
  },
}

const WAYS = ['bare', 'own', 'remote'] as const

/** `bare`: oRPC alone. `own`: the executor alone. `remote`: both, the router and its client. */
type Way = (typeof WAYS)[number]

type Call = (input: Input) => Promise<unknown>

type Ways = Readonly<Record<Way, Call>>

/** Tasks that were enqueued, and how many of them have ended. */
class Enqueued {
  private count = 0
  private readonly ended: Counter

  constructor(ended: Counter) {
    this.ended = ended
  }

  /** So many more were. */
  add(tasks: number): void {
    this.count += tasks
  }

  whenEnded(): Promise<void> {
    return this.ended.whenAt(this.count)
  }
}

async function openCalls(executor: DurableExecutor<unknown>) {
  const bench = executor.task({
    id: 'bench',
    timeoutMs: 60_000,
    run: async (_context, input: Input) => outputOf(input),
  })
  const tasks = { bench }
  const taskName = 'bench'
  const { url, close } = await serve({ tasks: createTasksRouter(os, executor, tasks) })
  const client: RouterClient<{ tasks: ReturnType<typeof createTasksRouter> }> = createORPCClient(
    new RPCLink({ url, plugins: [keepFailedResponses()] }),
  )
  const remote = createTaskClientHandles<typeof tasks>(client.tasks).bench

  const first = await remote.enqueue(inputOf(0))
  await remote.waitAndGetOutput(first)
  const sample = await client.tasks.getTaskExecution({ taskName, executionId: first })
  const bareServer = await serve(bareRouter(sample))
  const bare: RouterClient<ReturnType<typeof bareRouter>> = createORPCClient(
    new RPCLink({ url: bareServer.url }),
  )
  const bareEnqueue = (input: Input) =>
    bare.tasks.enqueueTask({ taskName, input, options: { executionId: `${first}${input.n}` } })

  const enqueues: Ways = {
    bare: bareEnqueue,
    own: (input) => executor.enqueueTask(bench, input),
    remote: (input) => remote.enqueue(input),
  }
  const results: Ways = {
    async bare(input) {
      const { executionId } = await bareEnqueue(input)
      const events = await bare.tasks.waitForTaskExecution({ taskName, executionId })
      for await (const event of events) void event
    },
    async own(input) {
      const executionId = (await executor.enqueueTask(bench, input)).getExecutionId()
      return (await executor.getTaskExecutionHandle(bench, executionId)).waitAndGetOutput()
    },
    remote: async (input) => remote.waitAndGetOutput(await remote.enqueue(input)),
  }
  return {
    enqueues,
    results,
    close: async () => {
      await close()
      await bareServer.close()
    },
  }
}

/** Procedures at the same paths, with the same values there and back, and nothing behind them. */
function bareRouter(sample: WireExecution) {
  return {
    tasks: {
      enqueueTask: os.handler(({ input }) => ({
        executionId: String((input as WireEnqueue).options?.executionId),
      })),
      waitForTaskExecution: os.handler(async function* ({ input }): AsyncGenerator<WireWaitEvent> {
        const { executionId } = input as WireTarget
        yield { type: 'finished', execution: { ...sample, executionId } }
      }),
    },
  }
}

/** Serves a router on a port of its own. */
async function serve(router: AnyRouter): Promise<{ url: string; close: () => Promise<void> }> {
  const handler = new RPCHandler(router)
  const server = createServer((request, response) => {
    void handler.handle(request, response)
  })
  // Who measures may stop this process for a while: a connection that was idle meanwhile is not closed under a request.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** One call at a time: how long it takes, and what it costs of the processor. */
async function oneByOne(
  context: BenchContext,
  ways: Ways,
  tasks: Enqueued,
  name: '' | '_result',
): Promise<Figures> {
  const times = { bare: [] as number[], own: [] as number[], remote: [] as number[] }
  const cpu = { bare: 0, own: 0, remote: 0 }
  const blocks = scaled(context, BLOCKS, 2)
  let n = 0
  for (let block = -scaled(context, WARM_UP_BLOCKS, 1); block < blocks; block += 1) {
    for (const way of WAYS) {
      const samples: number[] = []
      const used = await cpuOf(async () => {
        for (let count = 0; count < BLOCK; count += 1) {
          n += 1
          const input = inputOf(n)
          samples.push(await timed(() => ways[way](input)))
          // The next call meets nothing of this one's, whichever way is faster.
          if (way !== 'bare') tasks.add(1)
          await tasks.whenEnded()
        }
      })
      if (block < 0) continue
      times[way].push(...samples)
      cpu[way] += used / BLOCK / blocks
    }
  }
  const p50 = (way: Way): number => percentile(times[way], 0.5)
  const p99 = (way: Way): number => percentile(times[way], 0.99)
  return {
    [`http${name}_p50`]: p50('remote'),
    [`http${name}_bare_p50`]: p50('bare'),
    [`http${name}_own_p50`]: p50('own'),
    [`http${name}_ratio`]: p50('remote') / (p50('bare') + p50('own')),
    [`http${name}_p99`]: p99('remote'),
    [`http${name}_bare_p99`]: p99('bare'),
    [`http${name}_own_p99`]: p99('own'),
    [`http${name}_cpu`]: cpu.remote,
    [`http${name}_bare_cpu`]: cpu.bare,
    [`http${name}_own_cpu`]: cpu.own,
    [`http${name}_cpu_ratio`]: cpu.remote / (cpu.bare + cpu.own),
  }
}

/** Many calls at a time. */
async function atOnce(context: BenchContext, ways: Ways, tasks: Enqueued): Promise<Figures> {
  const calls = scaled(context, CALLS_AT_ONCE, AT_ONCE)
  const rounds = scaled(context, ROUNDS_AT_ONCE, 1)
  const ms = { bare: 0, own: 0, remote: 0 }
  let n = 1_000_000
  const callAll = async (call: Call): Promise<void> => {
    let left = calls
    const loop = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        n += 1
        await call(inputOf(n))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, loop))
  }
  // The first round warms up.
  for (let round = -1; round < rounds; round += 1) {
    for (const way of WAYS) {
      const took = await timed(async () => {
        await callAll(ways[way])
        if (way !== 'bare') tasks.add(calls)
        await tasks.whenEnded()
      })
      if (round >= 0) ms[way] += took
    }
  }
  return {
    http_calls: rate(calls * rounds, ms.remote),
    http_bare_calls: rate(calls * rounds, ms.bare),
    http_own_calls: rate(calls * rounds, ms.own),
  }
}
