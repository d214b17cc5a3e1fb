/** What the writing verbs of the in-memory storage do to its rows. */
import type { StoredError } from '../errors'
import { applyChange } from '../execution/change'
import type { ExecutionRecord, NewExecution } from '../execution/record'
import { countActiveInsertions, parentDelta, type Settlement } from '../execution/settlement'
import { isFinished, isWaiting } from '../execution/status'
import * as transitions from '../execution/transitions'
import type { Rows } from './in-memory-rows'
import { assertOneWritePerRow, guardSettlement } from './requests'
import type { Claimant, HandOver, InsertOutcome, SettleOutcome } from './storage'

/** Who writes, and when. */
export type At = Claimant & { readonly now: number }

/** `insert`: rows in their order; a row whose parent in the same call was not inserted is left out. */
export function insertNew(
  rows: Rows,
  executions: readonly NewExecution[],
  allOrNothing: boolean,
  at: At,
): InsertOutcome[] {
  const inCall = new Set(executions.map(({ executionId }) => executionId))
  const inserted = new Map<string, NewExecution>()
  const outcomes = executions.map((execution): InsertOutcome => {
    const conflict = conflictOf(rows, execution)
    if (conflict) return conflict
    const parentId = execution.parent?.executionId
    const isOrphan = parentId !== undefined && inCall.has(parentId) && !inserted.has(parentId)
    if (isOrphan) return { kind: 'skipped' }
    insertRow(rows, execution, at)
    inserted.set(execution.executionId, execution)
    return { kind: 'inserted' }
  })
  // Two rows of one call may be in conflict with each other: whether all can be inserted shows only when they have been.
  if (allOrNothing && outcomes.some(({ kind }) => kind === 'exists')) {
    takeBack(rows, inserted.keys())
    return outcomes.map((outcome) => (outcome.kind === 'inserted' ? { kind: 'skipped' } : outcome))
  }
  countChildren(rows, [...inserted.values()], at)
  return outcomes
}

function takeBack(rows: Rows, executionIds: Iterable<string>): void {
  for (const executionId of executionIds) {
    const row = rows.get(executionId)
    if (row) rows.delete(row)
  }
}

function conflictOf(
  rows: Rows,
  execution: NewExecution,
): Extract<InsertOutcome, { kind: 'exists' }> | null {
  const sameId = rows.get(execution.executionId)
  if (sameId) return { kind: 'exists', conflict: 'execution_id', existing: sameId }
  if (execution.sleepingKey === null || execution.parent !== null) return null
  const sameKey = rows.activeSleeper(execution.sleepingKey)
  return sameKey ? { kind: 'exists', conflict: 'sleeping_key', existing: sameKey } : null
}

/** Inserts one row, as failed where its sleeping key is taken. Its count of children follows in {@link countChildren}. */
function insertRow(rows: Rows, execution: NewExecution, at: At): void {
  const { sleepingKey } = execution
  const isTaken = sleepingKey !== null && rows.activeSleeper(sleepingKey) !== undefined
  rows.put(
    isTaken
      ? transitions.refuseTakenKey(execution, at)
      : transitions.createRecord(execution, { ...at, activeChildrenCount: 0 }),
  )
}

/** Gives the waiting ones among inserted rows the count of the active rows inserted under them. */
function countChildren(rows: Rows, inserted: readonly NewExecution[], at: At): void {
  const refused = refusedAmong(rows, inserted)
  for (const execution of inserted) {
    if (execution.start !== 'waiting') continue
    const activeChildrenCount = countActiveInsertions(inserted, execution.executionId, refused)
    rows.put(transitions.createRecord(execution, { ...at, activeChildrenCount }))
  }
}

function refusedAmong(rows: Rows, inserted: readonly NewExecution[]): Set<string> {
  const refused = inserted.filter(({ executionId }) => rows.get(executionId)?.status === 'failed')
  return new Set(refused.map(({ executionId }) => executionId))
}

interface Applied {
  readonly settlement: Settlement
  readonly before: ExecutionRecord
}

/**
 * `settle`: first every guard, then every change (which may free a sleeping key), then every insertion, then the counts of the
 * parents, then the hand-over.
 */
export function settleAll(
  rows: Rows,
  settlements: readonly Settlement[],
  handOver: HandOver,
  at: At,
): { outcomes: SettleOutcome[]; parents: ExecutionRecord[] } {
  assertOneWritePerRow(settlements)
  const applied: Applied[] = []
  const guarded = settlements.map((settlement) => {
    const before = rows.get(settlement.executionId)
    const outcome = guardSettlement(before, settlement)
    if (before && outcome === 'applied') applied.push({ settlement, before })
    return outcome
  })
  const changedParentIds = applySettlements(rows, applied, at)
  const parents = new Map<string, ExecutionRecord>()
  for (const executionId of changedParentIds) {
    const parent = claimIfDone(rows, executionId, handOver, at)
    if (parent) parents.set(executionId, parent)
  }
  const outcomes = settlements.map((settlement, index): SettleOutcome => {
    const outcome = guarded[index] ?? 'lost'
    if (outcome === 'lost') return { outcome, claimedInsertions: [] }
    if (outcome === 'repeated') {
      for (const parent of handedOverBefore(rows, settlement, at)) {
        parents.set(parent.executionId, parent)
      }
    }
    return { outcome, claimedInsertions: claimedAmong(rows, settlement.insertions, at) }
  })
  return { outcomes, parents: [...parents.values()] }
}

/** Answers the rows that may have nothing to wait for any more. */
function applySettlements(rows: Rows, applied: readonly Applied[], at: At): Set<string> {
  const { now } = at
  for (const { settlement, before } of applied) {
    rows.put(applyChange(before, settlement.change, { now, activeChildrenCount: 0 }))
  }
  const insertions = applied.flatMap(({ settlement }) => settlement.insertions)
  for (const insertion of insertions) insertRow(rows, insertion, at)
  countChildren(rows, insertions, at)
  const refused = refusedAmong(rows, insertions)
  const deltas = new Map<string, number>()
  const changed = new Set<string>()
  for (const { settlement, before } of applied) {
    const { executionId, parentExecutionId, change } = settlement
    const activeChildrenCount = countActiveInsertions(settlement.insertions, executionId, refused)
    rows.put(applyChange(before, change, { now, activeChildrenCount }))
    if (change.claimInMs === null) changed.add(executionId)
    if (parentExecutionId === null) continue
    const delta = parentDelta(settlement, refused)
    deltas.set(parentExecutionId, (deltas.get(parentExecutionId) ?? 0) + delta)
  }
  for (const [parentId, delta] of deltas) {
    if (delta === 0) continue
    bringDown(rows, parentId, delta, now)
    changed.add(parentId)
  }
  return changed
}

/** Brings the count of a waiting parent down. */
export function bringDown(rows: Rows, parentId: string, delta: number, now: number): void {
  const parent = rows.get(parentId)
  if (parent) rows.put(transitions.bringDown(parent, delta, now))
}

/** Claims a parent that nothing is active under for the caller, where the caller takes parents of its queue. */
export function claimIfDone(
  rows: Rows,
  executionId: string,
  handOver: HandOver,
  at: At,
): ExecutionRecord | null {
  const parent = rows.get(executionId)
  if (!parent || !isWaiting(parent.status) || parent.activeChildrenCount > 0) return null
  if (handOver?.queues.includes(parent.queue) !== true) return null
  const claimed = transitions.claim(parent, at)
  rows.put(claimed)
  return claimed
}

function handedOverBefore(rows: Rows, settlement: Settlement, at: At): ExecutionRecord[] {
  const { executionId, parentExecutionId } = settlement
  return [executionId, parentExecutionId].flatMap((id) => {
    const row = id === null ? undefined : rows.get(id)
    return row && isHandedOverTo(row, at) ? row : []
  })
}

/** Whether this waiting parent is held by the claimant to be resumed. */
export function isHandedOverTo(parent: ExecutionRecord, claimant: Claimant): boolean {
  const isDone = isWaiting(parent.status) && parent.activeChildrenCount === 0
  return isDone && parent.executorId === claimant.executorId
}

function claimedAmong(rows: Rows, insertions: readonly NewExecution[], at: At): string[] {
  return insertions.flatMap(({ executionId }) => {
    const row = rows.get(executionId)
    const isOwn = row?.executorId === at.executorId && row.claimCount === 1
    return isOwn && row.status === 'running' ? executionId : []
  })
}

/** `cancel`: the target with every active descendant; the parent of the target has one child less to wait for. */
export function cancelTarget(
  rows: Rows,
  executionId: string,
  error: StoredError,
  now: number,
): void {
  const target = rows.get(executionId)
  if (!target || isFinished(target.status)) return
  cancelTree(rows, target, error, now)
  if (target.parent) bringDown(rows, target.parent.executionId, 1, now)
}

function cancelTree(rows: Rows, top: ExecutionRecord, error: StoredError, now: number): void {
  const pending = [top]
  for (let record = pending.pop(); record !== undefined; record = pending.pop()) {
    rows.put(transitions.cancel(record, error, now))
    pending.push(...rows.childrenOf(record.executionId).filter(({ status }) => !isFinished(status)))
  }
}

/** Deletes up to `limit` rows of a finished tree, the deepest first. Answers how many, and whether the tree is gone. */
export function pruneTree(
  rows: Rows,
  root: ExecutionRecord,
  limit: number,
): { count: number; isGone: boolean } {
  const topDown = [root]
  for (let index = 0; index < topDown.length; index += 1) {
    const record = topDown[index]
    if (record) topDown.push(...rows.childrenOf(record.executionId))
  }
  const doomed = topDown.reverse().slice(0, limit)
  for (const record of doomed) rows.delete(record)
  return { count: doomed.length, isGone: doomed.length === topDown.length }
}
