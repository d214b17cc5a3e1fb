/**
 * `settle`. What touches nothing but its own row is one guarded statement. All else happens under locks, which every call takes in
 * the same order: the roots of the trees, shared; then parents and own rows, by id. Then the guards are read, and the changes,
 * the insertions and the parents are written.
 */
import {
  guardSettlement,
  type ExecutionRecord,
  type SettleAnswer,
  type Settlement,
  type SettleRequest,
} from 'durable-execution'

import { planInsertions, type At } from '../../insertions'
import type { Guard } from '../../row'
import { changeOf, deltasOf, isHandedOverTo, isNewClaim, outcomeOf } from '../../settling'
import { readClock } from '../clock'
import { settledNote } from '../hints'
import { readGuards, readRecords, sortedIds } from '../lists'
import { note, read, type Program } from '../program'
import type { Statements } from '../statements'
import { writeChanges, writeGuarded, type SettledPlainly } from './changes'
import { insertRecords, readSleepers } from './insert'
import { bringDown } from './parents'

/** Writes plain settlements in one statement. What it did not apply is for {@link settle}. */
export function* settlePlain(
  statements: Statements,
  { settlements, handOver, now }: SettleRequest,
): Program<SettledPlainly> {
  const sorted = [...settlements].sort((a, b) => (a.executionId < b.executionId ? -1 : 1))
  const settled = yield* writeGuarded(statements, sorted, now ?? null)
  yield note(settledNote(settled.applied, handOver !== null))
  return settled
}

/** Writes the settlements that still hold their claim. */
export function* settle(statements: Statements, request: SettleRequest): Program<SettleAnswer> {
  const { settlements, handOver, executorId, leaseMs } = request
  const guards = yield* lock(statements, settlements)
  const at = { executorId, leaseMs, now: yield* readClock(statements, request.now ?? null) }
  const guarded = settlements.map((settlement) =>
    guardSettlement(guards.get(settlement.executionId), settlement),
  )
  const applied = settlements.filter((_, index) => guarded[index] === 'applied')
  const repeated = settlements.filter((_, index) => guarded[index] === 'repeated')
  const inserted = yield* planFor(statements, applied, guards, at)
  const changes = applied.map((settlement) => changeOf(settlement, inserted.refused))
  yield* writeChanges(statements, changes, at.now)
  yield* insertRecords(statements, inserted.records, at.now)
  const deltas = deltasOf(applied, changes, inserted.refused)
  const handedOver = yield* bringDown(statements, deltas, handOver, at)
  const parents = new Map(handedOver.map((parent) => [parent.executionId, parent]))
  for (const parent of yield* handedOverBefore(statements, repeated, at)) {
    parents.set(parent.executionId, parent)
  }
  yield note(settledNote(applied, handOver !== null))
  const claimed = yield* claimedBefore(statements, repeated, at)
  for (const record of inserted.records) if (isNewClaim(record, at)) claimed.add(record.executionId)
  return {
    outcomes: settlements.map((settlement, index) =>
      outcomeOf(settlement, guarded[index] ?? 'lost', claimed),
    ),
    parents: [...parents.values()],
    now: at.now,
  }
}

/**
 * Locks the trees of settlements that have a parent against a cancel, then all rows that will be written. Answers who holds them,
 * read under the locks.
 */
function* lock(
  statements: Statements,
  settlements: readonly Settlement[],
): Program<Map<string, Guard>> {
  const children = settlements.filter(({ parentExecutionId }) => parentExecutionId !== null)
  const roots = sortedIds(children.map(({ rootExecutionId }) => rootExecutionId))
  if (roots.length > 0) yield read(statements.lockRootsShared, [roots])
  const rows = settlements.flatMap(({ executionId, parentExecutionId }) =>
    parentExecutionId === null ? executionId : [executionId, parentExecutionId],
  )
  return yield* readGuards(statements.lockGuards, rows)
}

interface Insertions {
  readonly records: readonly ExecutionRecord[]
  /** Sleeping executions whose key is taken: they are inserted as failed. */
  readonly refused: ReadonlySet<string>
}

function* planFor(
  statements: Statements,
  applied: readonly Settlement[],
  guards: ReadonlyMap<string, Guard>,
  { executorId, leaseMs }: At,
): Program<Insertions> {
  const executions = applied.flatMap(({ insertions }) => insertions)
  const taken = yield* readSleepers(statements, executions)
  for (const { executionId, change } of applied) {
    const key = guards.get(executionId)?.sleepingKey ?? null
    if (key !== null && key !== change.sleepingKey) taken.delete(key)
  }
  // Times count from the moment of the insert.
  const records = planInsertions(executions, taken, { executorId, leaseMs, now: 0 })
  const refused = records.filter(({ status }) => status === 'failed')
  return { records, refused: new Set(refused.map(({ executionId }) => executionId)) }
}

/** What the first, lost answer to these settlements handed over. */
function* handedOverBefore(
  statements: Statements,
  repeated: readonly Settlement[],
  at: At,
): Program<ExecutionRecord[]> {
  const executionIds = repeated.flatMap(({ executionId, parentExecutionId }) =>
    parentExecutionId === null ? executionId : [executionId, parentExecutionId],
  )
  const found = yield* readRecords(statements.records, executionIds)
  return [...found.values()].filter((record) => isHandedOverTo(record, at))
}

/** What the first, lost answer to these settlements inserted as claimed and is still the caller's own. */
function* claimedBefore(
  statements: Statements,
  repeated: readonly Settlement[],
  at: At,
): Program<Set<string>> {
  const insertions = repeated.flatMap((settlement) => settlement.insertions)
  const guards = yield* readGuards(
    statements.guards,
    insertions.map(({ executionId }) => executionId),
  )
  const claimed = [...guards.values()].filter((guard) => isNewClaim(guard, at))
  return new Set(claimed.map(({ executionId }) => executionId))
}
