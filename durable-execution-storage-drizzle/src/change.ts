/** What a change writes into the columns of a row. */
import {
  applyChange,
  transitions,
  type ExecutionChange,
  type ExecutionRecord,
  type TaskExecutionStatus,
} from 'durable-execution'

import { errorText } from './row'

/** What a change writes into a row. `null` in `startAt` and `startedAt`: they stay as they are. */
export interface ChangedColumns {
  readonly status: TaskExecutionStatus
  readonly attempt: number
  readonly takeovers: number
  readonly runOutput: string | null
  readonly output: string | null
  readonly error: string | null
  readonly claimAt: number | null
  readonly startAt: number | null
  readonly startedAt: number | null
  readonly finishedAt: number | null
  readonly sleepingKey: string | null
}

/** Stands for the row in `applyChange`: what a change keeps of it comes out as it is here. */
const UNTOUCHED: ExecutionRecord = Object.freeze({
  ...transitions.createRecord(
    {
      executionId: '',
      taskId: '',
      queue: '',
      root: { taskId: '', executionId: '' },
      parent: null,
      retryOptions: {
        maxAttempts: 0,
        baseDelayMs: 0,
        delayMultiplier: 1,
        maxDelayMs: 0,
        jitter: 0,
      },
      sleepMsBeforeRun: 0,
      timeoutMs: null,
      input: null,
      sleepingKey: null,
      start: 'ready',
    },
    { now: 0, executorId: '', leaseMs: 0, activeChildrenCount: 0 },
  ),
  startAt: -1,
})

/** The columns that a change writes at the storage's time `now`. */
export function changedColumns(
  change: ExecutionChange,
  at: { now: number; activeChildrenCount: number },
): ChangedColumns {
  const after = applyChange(UNTOUCHED, change, at)
  return {
    status: after.status,
    attempt: after.attempt,
    takeovers: after.takeovers,
    runOutput: after.runOutput,
    output: after.output,
    error: errorText(after.error),
    claimAt: after.claimAt,
    startAt: after.startAt === UNTOUCHED.startAt ? null : after.startAt,
    startedAt: after.startedAt,
    finishedAt: after.finishedAt,
    sleepingKey: after.sleepingKey,
  }
}
