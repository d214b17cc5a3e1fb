/**
 * What the executor hands to `settle`: the guarded change of one claimed execution, and the rows that come into being with it.
 */
import type { ExecutionChange } from './change'
import type { ExecutionRecord, NewExecution } from './record'
import { isFinished, type TaskExecutionStatus } from './status'

/** One item of the storage's `settle`. */
export interface Settlement {
  readonly executionId: string
  /** Guards: the row is changed only while it has this claim count and this status, and somebody holds it. */
  readonly claimCount: number
  readonly expectedStatus: TaskExecutionStatus
  readonly rootExecutionId: string
  readonly parentExecutionId: string | null
  readonly change: ExecutionChange
  /** Rows to insert if the change applies, parents before their children. */
  readonly insertions: readonly NewExecution[]
}

/** Puts a settlement together. */
export function settlementOf(
  record: ExecutionRecord,
  change: ExecutionChange,
  insertions: readonly NewExecution[] = [],
): Settlement {
  return {
    executionId: record.executionId,
    claimCount: record.claimCount,
    expectedStatus: record.status,
    rootExecutionId: record.root.executionId,
    parentExecutionId: record.parent?.executionId ?? null,
    change,
    insertions,
  }
}

/** How many of the rows that are inserted as active have this parent. */
export function countActiveInsertions(
  insertions: readonly NewExecution[],
  parentExecutionId: string,
  refusedExecutionIds: ReadonlySet<string>,
): number {
  let count = 0
  for (const insertion of insertions) {
    if (insertion.parent?.executionId !== parentExecutionId) continue
    if (!refusedExecutionIds.has(insertion.executionId)) count += 1
  }
  return count
}

/**
 * By how much an applied settlement brings its parent's count down: 1 if it finishes, less the active rows it inserts under the
 * same parent (the next step of a chain).
 */
export function parentDelta(
  settlement: Settlement,
  refusedExecutionIds: ReadonlySet<string>,
): number {
  const { parentExecutionId, change, insertions } = settlement
  if (parentExecutionId === null) return 0
  const finished = isFinished(change.status) ? 1 : 0
  return finished - countActiveInsertions(insertions, parentExecutionId, refusedExecutionIds)
}
