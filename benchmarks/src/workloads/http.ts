/**
 * HTTP: tasks enqueued and waited for over HTTP on loopback, beside what that is made of: bare oRPC procedures that get and answer the
 * same values, and the executor's own calls; and beside procedures written by hand around those calls, without any of what the router
 * does. Server, client and executor share one process, so that its processor time is that of all.
 *
 * Single calls take turns: what else the machine does meets all of them, and none finds the caches of the processor full of its own
 * kind, as the parts of the whole don't. The next call begins when the task of the last has ended: what it costs after the answer
 * counts to the call that caused it, and delays no other.
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

const TURNS = 1000
const WARM_UP_TURNS = 500
const AT_ONCE = 50
const ROUNDS_AT_ONCE = 10
const CALLS_AT_ONCE = 500
const taskName = 'bench'

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
      settings: `defaults; ${opened.settings}; http.createServer and fetch in one process; bare: procedures without schemas that get and answer what the router's do, for a result a second one that streams one event; own: enqueueTask, for a result getTaskExecutionHandle and a wait with the id; by hand: the bare procedures around own; single calls by turns for p50, p99 and CPU; ${AT_ONCE} at once for calls/s, in blocks by turns`,
    }
  },
}

const WAYS = ['bare', 'own', 'by_hand', 'remote'] as const

/** `bare`: oRPC alone. `own`: the executor alone. `by_hand`: one within the other. `remote`: the router and its client. */
type Way = (typeof WAYS)[number]

type Call = (input: Input) => Promise<unknown>

type Ways = Readonly<Record<Way, Call>>

/** Tasks that were enqueued, and how many of them have ended. */
class Enqueued {
  private count = 0
  private lastNumber = 0
  private readonly ended: Counter

  constructor(ended: Counter) {
    this.ended = ended
  }

  /** A number that no other call has. */
  next(): number {
    this.lastNumber += 1
    return this.lastNumber
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
    id: taskName,
    timeoutMs: 60_000,
    run: async (_context, input: Input) => outputOf(input),
  })
  const tasks = { [taskName]: bench }
  const { url, close } = await serve({ tasks: createTasksRouter(os, executor, tasks) })
  const client: RouterClient<{ tasks: ReturnType<typeof createTasksRouter> }> = createORPCClient(
    new RPCLink({ url, plugins: [keepFailedResponses()] }),
  )
  const remote = createTaskClientHandles<typeof tasks>(client.tasks).bench

  const first = await remote.enqueue(inputOf(0))
  await remote.waitAndGetOutput(first)
  const sample = await client.tasks.getTaskExecution({ taskName, executionId: first })
  const own = async (executionId: string, input: unknown): Promise<void> => {
    await executor.enqueueTask(bench, input as Input, { executionId })
  }
  const ownResult = async (executionId: string) =>
    (await executor.getTaskExecutionHandle(bench, executionId)).waitAndGetOutput()
  const bare = await openBare(sample, { enqueue: noop, wait: noop })
  const byHand = await openBare(sample, { enqueue: own, wait: ownResult })

  const idOf = ({ n }: Input): string => `${first}${n}`
  const enqueues: Ways = {
    bare: (input) => bare.enqueue(idOf(input), input),
    own: (input) => own(idOf(input), input),
    by_hand: (input) => byHand.enqueue(idOf(input), input),
    remote: (input) => remote.enqueue(input),
  }
  const results: Ways = {
    bare: (input) => bare.enqueue(idOf(input), input).then((id) => bare.wait(id)),
    own: (input) => own(idOf(input), input).then(() => ownResult(idOf(input))),
    by_hand: (input) => byHand.enqueue(idOf(input), input).then((id) => byHand.wait(id)),
    remote: async (input) => remote.waitAndGetOutput(await remote.enqueue(input)),
  }
  return {
    enqueues,
    results,
    close: async () => {
      await Promise.all([close(), bare.close(), byHand.close()])
    },
  }
}

/** What is done behind a bare procedure. */
interface Behind {
  readonly enqueue: (executionId: string, input: unknown) => Promise<void>
  readonly wait: (executionId: string) => Promise<unknown>
}

const noop = (): Promise<void> => Promise.resolve()

/** Procedures at the same paths, with the same values there and back. */
function bareRouter(sample: WireExecution, behind: Behind) {
  return {
    tasks: {
      enqueueTask: os.handler(async (call) => {
        const { input, options } = call.input as WireEnqueue
        const executionId = String(options?.executionId)
        await behind.enqueue(executionId, input)
        return { executionId }
      }),
      waitForTaskExecution: os.handler(async function* ({ input }): AsyncGenerator<WireWaitEvent> {
        const { executionId } = input as WireTarget
        await behind.wait(executionId)
        yield { type: 'finished', execution: { ...sample, executionId } }
      }),
    },
  }
}

/** Serves them, and calls them without our client. */
async function openBare(sample: WireExecution, behind: Behind) {
  const { url, close } = await serve(bareRouter(sample, behind))
  const { tasks }: RouterClient<ReturnType<typeof bareRouter>> = createORPCClient(
    new RPCLink({ url }),
  )
  return {
    close,
    async enqueue(executionId: string, input: Input): Promise<string> {
      const call = { taskName, input, options: { executionId } }
      return (await tasks.enqueueTask(call)).executionId
    },
    async wait(executionId: string): Promise<void> {
      const events = await tasks.waitForTaskExecution({ taskName, executionId })
      for await (const event of events) void event
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
  const times: Record<Way, number[]> = { bare: [], own: [], by_hand: [], remote: [] }
  const cpu: Record<Way, number> = { bare: 0, own: 0, by_hand: 0, remote: 0 }
  const turns = scaled(context, TURNS, 2)
  const first = -scaled(context, WARM_UP_TURNS, 1)
  for (let turn = first; turn < turns; turn += 1) {
    for (const way of shuffled(WAYS)) {
      const input = inputOf(tasks.next())
      let ms = 0
      const used = await cpuOf(async () => {
        ms = await timed(() => ways[way](input))
        if (way !== 'bare') tasks.add(1)
        await tasks.whenEnded()
      })
      if (turn < 0) continue
      times[way].push(ms)
      cpu[way] += used / turns
    }
  }
  const p50 = (way: Way): number => percentile(times[way], 0.5)
  const figures = WAYS.flatMap((way) => {
    const key = `http${name}${way === 'remote' ? '' : `_${way}`}`
    return [
      [`${key}_p50`, p50(way)],
      [`${key}_p99`, percentile(times[way], 0.99)],
      [`${key}_cpu`, cpu[way]],
    ] as const
  })
  return {
    ...Object.fromEntries(figures),
    [`http${name}_ratio`]: p50('remote') / (p50('bare') + p50('own')),
    [`http${name}_cpu_ratio`]: cpu.remote / (cpu.bare + cpu.own),
  }
}

/** So that none always comes after the same other. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

/** Many calls at a time. */
async function atOnce(context: BenchContext, ways: Ways, tasks: Enqueued): Promise<Figures> {
  const calls = scaled(context, CALLS_AT_ONCE, AT_ONCE)
  const rounds = scaled(context, ROUNDS_AT_ONCE, 1)
  const ms: Record<Way, number> = { bare: 0, own: 0, by_hand: 0, remote: 0 }
  const callAll = async (call: Call): Promise<void> => {
    let left = calls
    const loop = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        await call(inputOf(tasks.next()))
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
    http_by_hand_calls: rate(calls * rounds, ms.by_hand),
  }
}
