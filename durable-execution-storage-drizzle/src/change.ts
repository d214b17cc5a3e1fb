/** What a change writes into the columns of a row. */
import {
  changedTimes,
  type ChangedAt,
  type ChangedTimes,
  type ExecutionChange,
  type TaskExecutionStatus,
} from 'durable-execution'

import { errorText } from './row'

/** What a change writes into a row. `null` in `startAt` and `startedAt`: they stay as they are. */
export interface ChangedColumns extends ChangedTimes {
  readonly status: TaskExecutionStatus
  readonly attempt: number
  readonly takeovers: number
  readonly runOutput: string | null
  readonly output: string | null
  readonly error: string | null
  readonly sleepingKey: string | null
}

/** The columns that a change writes at the storage's time `now`. */
export function changedColumns(change: ExecutionChange, at: ChangedAt): ChangedColumns {
  const { claimAt, startAt, startedAt, finishedAt } = changedTimes(change, at)
  return {
    status: change.status,
    attempt: change.attempt,
    takeovers: change.takeovers,
    runOutput: change.runOutput,
    output: change.output,
    error: errorText(change.error),
    claimAt,
    startAt,
    startedAt,
    finishedAt,
    sleepingKey: change.sleepingKey,
  }
}
