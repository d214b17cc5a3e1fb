/** The tasks of a load: short ones, of every kind. */
import { setTimeout as pause } from 'node:timers/promises'

import {
  childTask,
  DurableExecutionError,
  type DurableExecutor,
  type Task,
} from 'durable-execution'

import { noted } from './journal'

const TIMEOUT_MS = 120_000

/** The tasks that every process defines. */
export interface LoadTasks {
  /** Takes as many milliseconds as it is told. */
  readonly work: Task<number, number>
  /** Fails once, then completes. */
  readonly flaky: Task<number, number>
  readonly tree: Task<number, number>
  readonly sequence: Task<number, number>
  readonly sleeper: Task<string, number>
}

/** Defines them; each run is noted in the journal. */
export function defineLoadTasks(executor: DurableExecutor<unknown>, journal: string): LoadTasks {
  const work = executor.task({
    id: 'work',
    timeoutMs: TIMEOUT_MS,
    run: (context, ms: number) =>
      noted(journal, context, async () => {
        await pause(ms)
        return ms
      }),
  })
  const flaky = executor.task({
    id: 'flaky',
    timeoutMs: TIMEOUT_MS,
    retryOptions: { maxAttempts: 2, baseDelayMs: 10, maxDelayMs: 20 },
    run: (context, ms: number) =>
      noted(journal, context, async () => {
        await pause(ms)
        if (context.attempt === 0) throw DurableExecutionError.retryable('as it was meant to be')
        return ms
      }),
  })
  const sequence = executor.sequentialTasks('sequence', [work, flaky, work])
  const branch = executor.parentTask({
    id: 'branch',
    timeoutMs: TIMEOUT_MS,
    runParent: (context, ms: number) =>
      noted(journal, context, async () => ({
        output: ms,
        children: [childTask(work, ms), childTask(work, 0)],
      })),
  })
  const tree = executor.parentTask({
    id: 'tree',
    timeoutMs: TIMEOUT_MS,
    runParent: (context, ms: number) =>
      noted(journal, context, async () => ({
        output: ms,
        children: [childTask(work, ms), childTask(sequence, ms), childTask(branch, ms)],
      })),
    finalize: {
      id: 'tree_finalize',
      timeoutMs: TIMEOUT_MS,
      run: (context, { children }) => noted(journal, context, async () => children.length),
    },
  })
  const sleeper = executor.sleepingTask<number>({ id: 'sleeper', timeoutMs: TIMEOUT_MS })
  return { work, flaky, tree, sequence, sleeper }
}
