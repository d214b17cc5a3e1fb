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

/** The times that a change writes. `null` in `startAt` and `startedAt`: they stay as they are. */
export interface ChangedTimes {
  readonly claimAt: number | null
  readonly startAt: number | null
  readonly startedAt: number | null
  readonly finishedAt: number | null
}

/** When a change is written at the storage's time `now`, with so many active children below. */
export interface ChangedAt {
  readonly now: number
  readonly activeChildrenCount: number
}

/** What a change makes of a record. The executor holds it no more. */
export function applyChange(
  record: ExecutionRecord,
  applied: ExecutionChange,
  at: ChangedAt,
): ExecutionRecord {
  const { claimAt, startAt, startedAt, finishedAt } = changedTimes(applied, at)
  return {
    ...record,
    status: applied.status,
    attempt: applied.attempt,
    takeovers: applied.takeovers,
    runOutput: applied.runOutput,
    output: applied.output,
    error: applied.error,
    sleepingKey: applied.sleepingKey,
    executorId: null,
    claimAt,
    startAt: startAt ?? record.startAt,
    startedAt: startedAt ?? record.startedAt,
    finishedAt,
    activeChildrenCount: at.activeChildrenCount,
    updatedAt: at.now,
  }
}

/** The times that a change writes, whatever the record: storages write them without knowing it. */
export function changedTimes(
  { status, claimInMs, startsNow }: ExecutionChange,
  at: ChangedAt,
): ChangedTimes {
  const dueAt = claimInMs === null ? null : at.now + claimInMs
  return {
    claimAt: claimAtAfter(status, dueAt, at),
    startAt: status === 'ready' ? dueAt : null,
    startedAt: startsNow ? at.now : null,
    finishedAt: isFinished(status) ? at.now : null,
  }
}

function claimAtAfter(
  status: TaskExecutionStatus,
  dueAt: number | null,
  at: ChangedAt,
): number | null {
  if (isFinished(status)) return null
  // A waiting parent with nothing left to wait for is due at once.
  if (isWaiting(status) && dueAt === null) return at.activeChildrenCount === 0 ? at.now : null
  return dueAt
}
