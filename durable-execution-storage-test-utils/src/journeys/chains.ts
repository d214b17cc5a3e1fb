/** Journeys of sequences and loops. */
import { childTask } from 'durable-execution'

import { same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

const STEPS = 1000

export const chainJourneys: readonly Journey[] = [
  {
    name: 'a sequence of 1,000 tasks runs each of them once, in order',
    run: async (context) => {
      const executor = await context.executor({ leaseMs: 15_000 })
      const seen: number[] = []
      const addOne = executor.task({
        id: 'add_one',
        timeoutMs: LONG_MS,
        run: (_context, value: number) => {
          seen.push(value)
          return value + 1
        },
      })
      const sequence = executor.sequentialTasks(
        'sequence',
        Array.from({ length: STEPS }, () => addOne),
      )
      const handle = await executor.enqueueTask(sequence, 0)
      same(await handle.waitAndGetOutput(), STEPS, 'output of the last')
      same(seen, [...Array(STEPS).keys()], 'inputs in the order of the runs')
    },
  },
  {
    name: 'a failing task ends its sequence, and the tasks after it never run',
    run: async (context) => {
      const executor = await context.executor()
      const seen: string[] = []
      const step = (id: string, isFailing: boolean) =>
        executor.task({
          id,
          timeoutMs: LONG_MS,
          retryOptions: { maxAttempts: 1 },
          run: (_context, text: string) => {
            seen.push(id)
            if (isFailing) throw new Error('this far')
            return `${text}, ${id}`
          },
        })
      const tasks = [step('first', false), step('second', true), step('third', false)] as const
      const sequence = executor.sequentialTasks('sequence', tasks)
      const execution = await (
        await executor.enqueueTask(sequence, 'start')
      ).waitAndGetFinishedExecution()
      same(execution.status, 'finalize_failed', 'status')
      same(
        'error' in execution && execution.error.message,
        'Task at index 1 failed: this far',
        'message',
      )
      same(seen, ['first', 'second', 'second'], 'what ran')
    },
  },
  {
    name: 'sequences of parents and of sequences hand outputs on, as children too',
    run: async (context) => {
      const executor = await context.executor()
      const addOne = executor.task({
        id: 'add_one',
        timeoutMs: LONG_MS,
        run: (_context, value: number) => value + 1,
      })
      const spread = executor.parentTask({
        id: 'spread',
        timeoutMs: LONG_MS,
        runParent: (_context, value: number) => ({
          output: value,
          children: [childTask(addOne, value), childTask(addOne, value + 1)],
        }),
        finalize: ({ children }) =>
          children.reduce(
            (sum, child) => sum + (child.status === 'completed' ? child.output : NaN),
            0,
          ),
      })
      const inner = executor.sequentialTasks('inner', [addOne, addOne])
      const outer = executor.sequentialTasks('outer', [addOne, spread, inner, spread])
      const top = executor.parentTask({
        id: 'top',
        timeoutMs: LONG_MS,
        runParent: () => ({ output: 0, children: [childTask(outer, 0), childTask(outer, 10)] }),
        finalize: ({ children }) =>
          children.map((child) =>
            child.status === 'completed' ? child.output : child.error.message,
          ),
      })
      const handle = await executor.enqueueTask(top)
      // 0 → 1 → 2 + 3 → 7 → 8 + 9, and 10 → 11 → 12 + 13 → 27 → 28 + 29
      same(await handle.waitAndGetOutput(), [17, 57], 'outputs')
    },
  },
  {
    name: 'a loop iterates until it is done, sleeping in between',
    run: async (context) => {
      const executor = await context.executor()
      const startedAt: number[] = []
      const iteration = executor.task({
        id: 'iteration',
        timeoutMs: LONG_MS,
        run: (_context, goal: number) => {
          startedAt.push(context.now())
          return startedAt.length === goal
            ? { isDone: true as const, output: `${goal} times` }
            : { isDone: false as const }
        },
      })
      const loop = executor.loopingTask('loop', iteration, 10, (index) => 20 * index)
      const handle = await executor.enqueueTask(loop, 4)
      same(await handle.waitAndGetOutput(), { isSuccess: true, output: '4 times' }, 'output')
      const isAfterSleep = startedAt.every((at, index) => {
        const before = startedAt[index - 1]
        return before === undefined || at - before >= 20 * index - 2
      })
      same([startedAt.length, isAfterSleep], [4, true], 'runs, each after its sleep')
    },
  },
  {
    name: 'a loop that is never done ends without success after maxIterations, a failing one finalize_failed',
    run: async (context) => {
      const executor = await context.executor()
      let runs = 0
      const iteration = executor.task({
        id: 'iteration',
        timeoutMs: LONG_MS,
        run: (_context, failing: number) => {
          runs += 1
          if (runs === failing) throw new Error('no further')
          return { isDone: false } as const
        },
      })
      const loop = executor.loopingTask('loop', iteration, 50)
      const endless = await executor.enqueueTask(loop, 0)
      same(await endless.waitAndGetOutput(), { isSuccess: false }, 'output')
      same(runs, 50, 'iterations')
      const failing = await (await executor.enqueueTask(loop, 53)).waitAndGetFinishedExecution()
      same(failing.status, 'finalize_failed', 'status')
      same('error' in failing && failing.error.message, 'Iteration 2 failed: no further', 'message')
    },
  },
]
