/** Journeys of tasks that fail. */
import { DurableExecutionError } from 'durable-execution'

import { holds, same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

/** Times are whole milliseconds on the storage's clock and fractions on ours. */
const ROUNDING_MS = 2

export const retryJourneys: readonly Journey[] = [
  {
    name: 'a failing task is retried with backoff until it completes',
    run: async (context) => {
      const executor = await context.executor()
      const startedAt: number[] = []
      const seen: unknown[] = []
      const flaky = executor.task({
        id: 'flaky',
        timeoutMs: LONG_MS,
        retryOptions: { maxAttempts: 5, baseDelayMs: 30, delayMultiplier: 3, maxDelayMs: 120 },
        run: ({ attempt, prevError }) => {
          startedAt.push(context.now())
          seen.push([attempt, prevError?.message])
          if (attempt < 4) throw new Error(`failure ${attempt}`)
          return 'done'
        },
      })
      const handle = await executor.enqueueTask(flaky)
      same(await handle.waitAndGetOutput(), 'done', 'output')
      const expected = [undefined, 'failure 0', 'failure 1', 'failure 2', 'failure 3']
      same(seen, [...expected.entries()], 'attempts, with the error before each')
      const pauses = startedAt.slice(1).map((at, index) => at - (startedAt[index] ?? 0))
      const isBackoff = [30, 90, 120, 120].every(
        (delayMs, index) => (pauses[index] ?? 0) >= delayMs - ROUNDING_MS,
      )
      holds(isBackoff, `pauses of at least 30, 90, 120 and 120 ms, got ${pauses.join(', ')}`)
      const { attempt, claimCount, takeovers } = await context.row(handle.getExecutionId())
      same({ attempt, claimCount, takeovers }, { attempt: 4, claimCount: 5, takeovers: 0 }, 'row')
    },
  },
  {
    name: 'a task that fails in every attempt ends failed with its last error',
    run: async (context) => {
      const executor = await context.executor()
      let runs = 0
      const failing = executor.task({
        id: 'failing',
        timeoutMs: LONG_MS,
        retryOptions: { maxAttempts: 3, baseDelayMs: 1 },
        run: () => {
          runs += 1
          throw new Error(`failure ${runs}`)
        },
      })
      const handle = await executor.enqueueTask(failing)
      const execution = await handle.waitAndGetFinishedExecution()
      same(execution.status, 'failed', 'status')
      same('error' in execution && execution.error.message, 'failure 4', 'message of the error')
      same(runs, 4, 'runs')
    },
  },
  {
    name: 'a task that throws a non-retryable error is not retried',
    run: async (context) => {
      const executor = await context.executor()
      let runs = 0
      const refusing = executor.task({
        id: 'refusing',
        timeoutMs: LONG_MS,
        retryOptions: { maxAttempts: 3 },
        run: () => {
          runs += 1
          throw DurableExecutionError.nonRetryable('no use in trying again')
        },
      })
      const handle = await executor.enqueueTask(refusing)
      const execution = await handle.waitAndGetFinishedExecution()
      same([execution.status, runs], ['failed', 1], 'status and runs')
    },
  },
  {
    name: 'many tasks that each fail once are all retried',
    run: async (context) => {
      const executor = await context.executor({ maxConcurrentTaskExecutions: 50 })
      const runs = new Map<number, number>()
      const task = executor.task({
        id: 'fails_once',
        timeoutMs: LONG_MS,
        retryOptions: { maxAttempts: 1, baseDelayMs: 5, jitter: 1 },
        run: ({ attempt }, index: number) => {
          runs.set(index, (runs.get(index) ?? 0) + 1)
          if (attempt === 0) throw new Error('not at the first time')
          return index
        },
      })
      const indexes = Array.from({ length: 300 }, (_, index) => index)
      const handles = await Promise.all(indexes.map((index) => executor.enqueueTask(task, index)))
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(outputs, indexes, 'outputs')
      same([...new Set(runs.values())], [2], 'runs of each')
    },
  },
]
