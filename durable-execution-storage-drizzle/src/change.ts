/** What a change writes into the columns of a row. */
import {
  changedTimes,
  type ChangedAt,
  type ChangedTimes,
  type ExecutionChange,
  type TaskExecutionStatus,
} from 'durable-execution'

import { errorText, type SqlValue } from './row'

/** The columns that a change gives a value of its own, in the order of {@link changeValues}. */
export const CHANGE_COLUMNS = [
  'status',
  'attempt',
  'takeovers',
  'run_output',
  'output',
  'error',
  'claim_at',
  'start_at',
  'started_at',
  'finished_at',
  'active_children_count',
  'sleeping_key',
] as const

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

/** The same, in the order of {@link CHANGE_COLUMNS}. */
export function changeValues(change: ExecutionChange, at: ChangedAt): SqlValue[] {
  const columns = changedColumns(change, at)
  return [
    columns.status,
    columns.attempt,
    columns.takeovers,
    columns.runOutput,
    columns.output,
    columns.error,
    columns.claimAt,
    columns.startAt,
    columns.startedAt,
    columns.finishedAt,
    at.activeChildrenCount,
    columns.sleepingKey,
  ]
}
