/**
 * `settle`: locks first (the trees' roots, the parents, the rows, each by id), then the guards, decided in code, the changes
 * (which may free a sleeping key), the insertions, and the parents, each written once.
 */
import {
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
import type { Connection, Time } from '../session'
import type { Statements } from '../statements'
import { writeChanges } from './changes'
import { insertRecords, readSleepers } from './insert'
import { lockTrees } from './locks'
import { bringDown } from './parents'

/** Writes the settlements that still hold their claim. */
export async function settle(
  connection: Connection,
  statements: Statements,
  request: SettleRequest,
  time: Time,
): Promise<{ outcomes: SettleOutcome[]; parents: ExecutionRecord[] }> {
  const { settlements, handOver } = request
  const guards = await lockTrees(connection, statements, settlements)
  const at = { ...request, now: await time() }
  const guarded = settlements.map((settlement) =>
    guardSettlement(guards.get(settlement.executionId), settlement),
  )
  const applied = settlements.filter((_, index) => guarded[index] === 'applied')
  const repeated = settlements.filter((_, index) => guarded[index] === 'repeated')
  const inserted = await planFor(connection, statements, applied, guards, at)
  const changes = applied.map((settlement) => changeOf(settlement, inserted.refused))
  await writeChanges(connection, statements, changes, at.now)
  await insertRecords(connection, statements, inserted.records)
  const deltas = deltasOf(applied, changes, inserted.refused)
  const handedOver = await bringDown(connection, statements, deltas, handOver, at)
  const parents = new Map(handedOver.map((parent) => [parent.executionId, parent]))
  for (const parent of await handedOverBefore(connection, statements, repeated, at)) {
    parents.set(parent.executionId, parent)
  }
  const claimed = await claimedBefore(connection, statements, repeated, at)
  for (const record of inserted.records) if (isNewClaim(record, at)) claimed.add(record.executionId)
  return {
    outcomes: settlements.map((settlement, index) =>
      outcomeOf(settlement, guarded[index] ?? 'lost', claimed),
    ),
    parents: [...parents.values()],
  }
}

interface Insertions {
  readonly records: readonly ExecutionRecord[]
  /** Sleeping executions whose key is taken: they are inserted as failed. */
  readonly refused: ReadonlySet<string>
}

async function planFor(
  connection: Connection,
  statements: Statements,
  applied: readonly Settlement[],
  guards: ReadonlyMap<string, Guard>,
  at: At,
): Promise<Insertions> {
  const executions = applied.flatMap(({ insertions }) => insertions)
  const taken = await readSleepers(connection, statements, executions)
  for (const { executionId, change } of applied) {
    const key = guards.get(executionId)?.sleepingKey ?? null
    if (key !== null && key !== change.sleepingKey) taken.delete(key)
  }
  const records = planInsertions(executions, taken, at)
  const refused = records.filter(({ status }) => status === 'failed')
  return { records, refused: new Set(refused.map(({ executionId }) => executionId)) }
}

/** What the first, lost answer to these settlements handed over. */
async function handedOverBefore(
  connection: Connection,
  statements: Statements,
  repeated: readonly Settlement[],
  at: At,
): Promise<ExecutionRecord[]> {
  const executionIds = repeated.flatMap(({ executionId, parentExecutionId }) =>
    parentExecutionId === null ? executionId : [executionId, parentExecutionId],
  )
  const found = await readRecords(connection, statements.records, executionIds)
  return executionIds.flatMap((executionId) => {
    const record = found.get(executionId)
    return record && isHandedOverTo(record, at) ? record : []
  })
}

/** What the first, lost answer to these settlements inserted as claimed and is still the caller's own. */
async function claimedBefore(
  connection: Connection,
  statements: Statements,
  repeated: readonly Settlement[],
  at: At,
): Promise<Set<string>> {
  const executionIds = repeated.flatMap(({ insertions }) =>
    insertions.map(({ executionId }) => executionId),
  )
  const guards = await readGuards(connection, statements.guards, executionIds)
  const claimed = [...guards.values()].filter((guard) => isNewClaim(guard, at))
  return new Set(claimed.map(({ executionId }) => executionId))
}
