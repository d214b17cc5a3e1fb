/**
 * What a transition changes. A change holds durations, not times: the storage fills in its own clock when it writes.
 */
import type { StoredError } from '../errors'
import type { ExecutionRecord } from './record'
import { isFinished, isWaiting, type TaskExecutionStatus } from './status'

/** Everything a transition of a claimed execution changes. */
export interface ExecutionChange {
  readonly status: TaskExecutionStatus
  readonly attempt: number
  readonly takeovers: number
  readonly runOutput: string | null
  readonly output: string | null
  readonly error: StoredError | null
  /** Milliseconds from the write until an executor should pick it up. `null`: not by time. */
  readonly claimInMs: number | null
  /** Whether a run (or a sleep) starts with this change. */
  readonly startsNow: boolean
  readonly sleepingKey: string | null
}

/** What a change makes of a record, at the storage's time `now`. The executor holds it no more. */
export function applyChange(
  record: ExecutionRecord,
  applied: ExecutionChange,
  at: { now: number; activeChildrenCount: number },
): ExecutionRecord {
  const { claimInMs, startsNow, ...columns } = applied
  const { now, activeChildrenCount } = at
  const dueAt = claimInMs === null ? null : now + claimInMs
  return {
    ...record,
    ...columns,
    executorId: null,
    claimAt: claimAtAfter(applied.status, dueAt, at),
    startAt: applied.status === 'ready' && dueAt !== null ? dueAt : record.startAt,
    startedAt: startsNow ? now : record.startedAt,
    finishedAt: isFinished(applied.status) ? now : null,
    activeChildrenCount,
    updatedAt: now,
  }
}

function claimAtAfter(
  status: TaskExecutionStatus,
  dueAt: number | null,
  at: { now: number; activeChildrenCount: number },
): number | null {
  if (isFinished(status)) return null
  // A waiting parent with nothing left to wait for is due at once.
  if (isWaiting(status) && dueAt === null) return at.activeChildrenCount === 0 ? at.now : null
  return dueAt
}
