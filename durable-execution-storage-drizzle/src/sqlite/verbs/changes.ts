/** Writing the changes that transitions decided. */
import type { Settlement } from 'durable-execution'

import { changeValues } from '../../change'
import type { SqlValue } from '../../row'
import type { RowChange } from '../../settling'
import { number } from '../../values'
import { countEach, writeEach, type Program } from '../program'
import type { Statements } from '../statements'

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

/**
 * Writes settlements that insert nothing and hold no sleeping key, each guarded by its own statement: what most settlements are
 * needs no read. Answers the ids of those that applied.
 */
export function* writePlainSettlements(
  statements: Statements,
  settlements: readonly Settlement[],
  now: number,
): Program<Set<string>> {
  if (settlements.length === 0) return new Set()
  const counts = yield countEach(
    statements.guardedChange,
    statements.guardedChanges,
    settlements.map(({ executionId, change, claimCount, expectedStatus }) => [
      ...paramsOf({ executionId, change, activeChildrenCount: 0 }, now),
      claimCount,
      expectedStatus,
    ]),
  )
  const applied = settlements.filter((_, index) => number(counts[index]?.[0]) > 0)
  return new Set(applied.map(({ executionId }) => executionId))
}

/** In the order of the parameters of `Statements.change`. */
function paramsOf(
  { executionId, change, activeChildrenCount }: RowChange,
  now: number,
): SqlValue[] {
  return [...changeValues(change, { now, activeChildrenCount }), now, executionId]
}
