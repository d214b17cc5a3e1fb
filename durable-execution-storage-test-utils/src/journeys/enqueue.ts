/** Journeys of enqueues. */
import { same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

export const enqueueJourneys: readonly Journey[] = [
  {
    name: 'an enqueue that is repeated with its execution id runs once, also at the same moment from two executors',
    run: async (context) => {
      const executors = [await context.executor(), await context.executor()]
      const runs: string[] = []
      const tasks = executors.map((executor) => ({
        executor,
        task: executor.task({
          id: 'charge',
          timeoutMs: LONG_MS,
          run: (_context, amount: number) => {
            runs.push(executor.id)
            return amount
          },
        }),
      }))
      const enqueue = (): Promise<number>[] =>
        tasks.flatMap(({ executor, task }) =>
          Array.from({ length: 10 }, async (_, amount) => {
            const handle = await executor.enqueueTask(task, amount, { executionId: 'charge_42' })
            same(handle.getExecutionId(), 'charge_42', 'execution id')
            return handle.waitAndGetOutput()
          }),
        )
      const outputs = await Promise.all(enqueue())
      const later = await Promise.all(enqueue())
      same(new Set([...outputs, ...later]).size, 1, 'different outputs seen')
      same([runs.length, (await context.rows()).length], [1, 1], 'runs and rows')
    },
  },
  {
    name: 'an execution id of another task is refused',
    run: async (context) => {
      const executor = await context.executor()
      const one = executor.task({ id: 'one', timeoutMs: LONG_MS, run: () => 1 })
      const two = executor.task({ id: 'two', timeoutMs: LONG_MS, run: () => 2 })
      const handle = await executor.enqueueTask(one, undefined, { executionId: 'taken' })
      const refused = await executor
        .enqueueTask(two, undefined, { executionId: 'taken' })
        .catch((error: unknown) => error)
      same(refused instanceof Error && 'code' in refused && refused.code, 'already_exists', 'code')
      same(await handle.waitAndGetOutput(), 1, 'output')
    },
  },
  {
    name: 'delayed executions start when they are due, the others at once',
    run: async (context) => {
      const executor = await context.executor()
      const order: number[] = []
      const task = executor.task({
        id: 'task',
        timeoutMs: LONG_MS,
        run: (_context, delayMs: number) => {
          order.push(delayMs)
          return context.now()
        },
      })
      const enqueuedAt = context.now()
      const delays = [1000, 0, 500]
      const startedAt = await Promise.all(
        delays.map(async (delayMs) => {
          const handle = await executor.enqueueTask(task, delayMs, { sleepMsBeforeRun: delayMs })
          return handle.waitAndGetOutput()
        }),
      )
      same(order, [0, 500, 1000], 'order')
      const tooEarly = startedAt.filter((at, index) => at - enqueuedAt < (delays[index] ?? 0) - 2)
      same(tooEarly, [], 'started too early')
    },
  },
  {
    name: 'executors take work only from their own queues',
    run: async (context) => {
      const client = context.client()
      const define = (executor: typeof client) =>
        executor.task({ id: 'task', timeoutMs: LONG_MS, run: () => executor.id })
      const task = define(client)
      const mails = await context.executor({ executorId: 'mails', queues: ['mails'] })
      const rest = await context.executor({ executorId: 'rest', queues: ['default', 'reports'] })
      define(mails)
      define(rest)
      const queues = ['mails', undefined, 'reports', 'mails', 'reports']
      const outputs = await Promise.all(
        queues.map(async (queue) => {
          const handle = await client.enqueueTask(task, undefined, { queue })
          return handle.waitAndGetOutput()
        }),
      )
      same(outputs, ['mails', 'rest', 'rest', 'mails', 'rest'], 'who ran them')
    },
  },
]
