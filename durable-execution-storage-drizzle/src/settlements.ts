/** What settlements make of rows and of their parents: pure, and the same on every database. */
import {
  countActiveInsertions,
  isWaiting,
  parentDelta,
  type Claimant,
  type ExecutionChange,
  type ExecutionRecord,
  type GuardedOutcome,
  type Settlement,
  type SettleOutcome,
} from 'durable-execution'

/** The change of one row. */
export interface RowChange {
  readonly executionId: string
  readonly change: ExecutionChange
  readonly activeChildrenCount: number
}

/** The change of a settlement, with the count of the active rows it inserts under its own row. */
export function changeOf(settlement: Settlement, refused: ReadonlySet<string>): RowChange {
  const { executionId, change, insertions } = settlement
  const activeChildrenCount = countActiveInsertions(insertions, executionId, refused)
  return { executionId, change, activeChildrenCount }
}

/** By how much each parent comes down; first the rows that begin to wait with nothing to wait for. */
export function deltasOf(
  applied: readonly Settlement[],
  changes: readonly RowChange[],
  refused: ReadonlySet<string>,
): Map<string, number> {
  const deltas = new Map<string, number>()
  for (const { executionId, change, activeChildrenCount } of changes) {
    const isDone = isWaiting(change.status) && activeChildrenCount === 0
    if (isDone && change.claimInMs === null) deltas.set(executionId, 0)
  }
  const ofParents = new Map<string, number>()
  for (const settlement of applied) {
    const { parentExecutionId } = settlement
    if (parentExecutionId === null) continue
    const delta = (ofParents.get(parentExecutionId) ?? 0) + parentDelta(settlement, refused)
    ofParents.set(parentExecutionId, delta)
  }
  for (const [executionId, delta] of ofParents) if (delta !== 0) deltas.set(executionId, delta)
  return deltas
}

/** Whether a row was inserted as claimed by the caller and is still so. */
export function isNewClaim(
  row: Pick<ExecutionRecord, 'executorId' | 'claimCount' | 'status'>,
  { executorId }: Pick<Claimant, 'executorId'>,
): boolean {
  return row.executorId === executorId && row.claimCount === 1 && row.status === 'running'
}

/** What to answer for a settlement. */
export function outcomeOf(
  { insertions }: Settlement,
  outcome: GuardedOutcome,
  claimed: ReadonlySet<string>,
): SettleOutcome {
  if (outcome === 'lost') return { outcome, claimedInsertions: [] }
  const executionIds = insertions.map(({ executionId }) => executionId)
  return { outcome, claimedInsertions: executionIds.filter((id) => claimed.has(id)) }
}
