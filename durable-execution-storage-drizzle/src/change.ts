/** What a change writes into the columns of a row. */
import { changedTimes, type ChangedAt, type ExecutionChange } from 'durable-execution'

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

/**
 * What a change writes into these columns at the storage's time `now`. `null` for `start_at` and `started_at`: they stay as they are.
 */
export function changeValues(change: ExecutionChange, at: ChangedAt): SqlValue[] {
  const { claimAt, startAt, startedAt, finishedAt } = changedTimes(change, at)
  return [
    change.status,
    change.attempt,
    change.takeovers,
    change.runOutput,
    change.output,
    errorText(change.error),
    claimAt,
    startAt,
    startedAt,
    finishedAt,
    at.activeChildrenCount,
    change.sleepingKey,
  ]
}
