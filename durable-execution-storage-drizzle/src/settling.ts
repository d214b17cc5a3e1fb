/** What a batch of settlements comes to, decided between its reads and its writes: pure, and the same on every database. */
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

/** The change that a settlement makes, with the count of the active rows it inserts under its own row. */
export function changeOf(settlement: Settlement, refused: ReadonlySet<string>): RowChange {
  const { executionId, change, insertions } = settlement
  const activeChildrenCount = countActiveInsertions(insertions, executionId, refused)
  return { executionId, change, activeChildrenCount }
}

/** Whether nothing but its own row matters to a settlement: it needs no lock but that of its statement. */
export function isPlain({ change, insertions, parentExecutionId }: Settlement): boolean {
  return (
    parentExecutionId === null &&
    insertions.length === 0 &&
    change.sleepingKey === null &&
    !isWaiting(change.status)
  )
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

/** Whether a row that was inserted as claimed is still the claimant's own. */
export function isNewClaim(
  row: Pick<ExecutionRecord, 'executorId' | 'claimCount' | 'status'>,
  { executorId }: Pick<Claimant, 'executorId'>,
): boolean {
  return row.executorId === executorId && row.claimCount === 1 && row.status === 'running'
}

/** Whether this waiting parent is held by the claimant to be resumed. */
export function isHandedOverTo(
  parent: ExecutionRecord,
  { executorId }: Pick<Claimant, 'executorId'>,
): boolean {
  return isDone(parent) && parent.executorId === executorId
}

/** Whether this is a waiting parent that nothing active is left under. */
export function isDone({ status, activeChildrenCount }: ExecutionRecord): boolean {
  return isWaiting(status) && activeChildrenCount <= 0
}

/** The answer to one settlement. */
export function outcomeOf(
  { insertions }: Settlement,
  outcome: GuardedOutcome,
  claimed: ReadonlySet<string>,
): SettleOutcome {
  if (outcome === 'lost') return { outcome, claimedInsertions: [] }
  const executionIds = insertions.map(({ executionId }) => executionId)
  return { outcome, claimedInsertions: executionIds.filter((id) => claimed.has(id)) }
}
