/** Writing the changes that transitions decided. */
import type { ExecutionChange } from 'durable-execution'

import { changedColumns } from '../../change'
import type { SqlValue } from '../../row'
import { writeEach, type Program } from '../program'
import type { Statements } from '../statements'

/** The change of one row. */
export interface RowChange {
  readonly executionId: string
  readonly change: ExecutionChange
  readonly activeChildrenCount: number
}

/** Writes changes of rows whose guards were checked in this transaction. */
export function* writeChanges(
  statements: Statements,
  changes: readonly RowChange[],
  now: number,
): Program<void> {
  if (changes.length === 0) return
  yield writeEach(
    statements.change,
    changes.map((change) => paramsOf(change, now)),
  )
}

/** In the order of the placeholders of `Statements.change`. */
function paramsOf(
  { executionId, change, activeChildrenCount }: RowChange,
  now: number,
): SqlValue[] {
  const columns = changedColumns(change, { now, activeChildrenCount })
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
    activeChildrenCount,
    columns.sleepingKey,
    now,
    executionId,
  ]
}
