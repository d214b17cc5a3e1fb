/**
 * `settle`: first the guards and the changes (which may free a sleeping key), then the insertions, then the parents, each written
 * once. Under the write lock nothing of what it read changes until it has written.
 */
import {
  assertOneWritePerRow,
  guardSettlement,
  type ExecutionRecord,
  type Settlement,
  type SettleOutcome,
  type SettleRequest,
} from 'durable-execution'

import { planInsertions, type At } from '../../insertions'
import type { Guard } from '../../row'
import { changeOf, deltasOf, isHandedOverTo, isNewClaim, outcomeOf } from '../../settling'
import { readGuards, readRecords } from '../lists'
import type { Program } from '../program'
import type { Statements } from '../statements'
import { writeChanges, writePlainSettlements } from './changes'
import { insertRecords, readSleepers } from './insert'
import { bringDown } from './parents'

/** Writes the settlements that still hold their claim. */
export function* settle(
  statements: Statements,
  { settlements, handOver }: Pick<SettleRequest, 'settlements' | 'handOver'>,
  at: At,
): Program<{ outcomes: SettleOutcome[]; parents: ExecutionRecord[] }> {
  assertOneWritePerRow(settlements)
  const written = yield* writePlainSettlements(statements, settlements.filter(isPlain), at.now)
  const others = settlements.filter(({ executionId }) => !written.has(executionId))
  const guards = yield* readGuards(
    statements,
    others.map(({ executionId }) => executionId),
  )
  const guarded = settlements.map((settlement) =>
    written.has(settlement.executionId)
      ? 'applied'
      : guardSettlement(guards.get(settlement.executionId), settlement),
  )
  const applied = settlements.filter((_, index) => guarded[index] === 'applied')
  const repeated = settlements.filter((_, index) => guarded[index] === 'repeated')
  const inserted = yield* planFor(statements, applied, guards, at)
  const changes = applied.map((settlement) => changeOf(settlement, inserted.refused))
  yield* writeChanges(
    statements,
    changes.filter(({ executionId }) => !written.has(executionId)),
    at.now,
  )
  yield* insertRecords(statements, inserted.records)
  const deltas = deltasOf(applied, changes, inserted.refused)
  const handedOver = yield* bringDown(statements, deltas, handOver, at)
  const parents = new Map(handedOver.map((parent) => [parent.executionId, parent]))
  for (const parent of yield* handedOverBefore(statements, repeated, at)) {
    parents.set(parent.executionId, parent)
  }
  const claimed = yield* claimedBefore(statements, repeated, at)
  for (const record of inserted.records) if (isNewClaim(record, at)) claimed.add(record.executionId)
  return {
    outcomes: settlements.map((settlement, index) =>
      outcomeOf(settlement, guarded[index] ?? 'lost', claimed),
    ),
    parents: [...parents.values()],
  }
}

/** Whether nothing but its own row matters to what a settlement writes. */
function isPlain({ change, insertions }: Settlement): boolean {
  return insertions.length === 0 && change.sleepingKey === null
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
  at: At,
): Program<Insertions> {
  const executions = applied.flatMap(({ insertions }) => insertions)
  const taken = yield* readSleepers(statements, executions)
  for (const { executionId, change } of applied) {
    const key = guards.get(executionId)?.sleepingKey ?? null
    if (key !== null && key !== change.sleepingKey) taken.delete(key)
  }
  const records = planInsertions(executions, taken, at)
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
  const found = yield* readRecords(statements, executionIds)
  return executionIds.flatMap((executionId) => {
    const record = found.get(executionId)
    return record && isHandedOverTo(record, at) ? record : []
  })
}

/** What the first, lost answer to these settlements inserted as claimed and is still the caller's own. */
function* claimedBefore(
  statements: Statements,
  repeated: readonly Settlement[],
  at: At,
): Program<Set<string>> {
  const insertions = repeated.flatMap((settlement) => settlement.insertions)
  const guards = yield* readGuards(
    statements,
    insertions.map(({ executionId }) => executionId),
  )
  const claimed = [...guards.values()].filter((guard) => isNewClaim(guard, at))
  return new Set(claimed.map(({ executionId }) => executionId))
}
