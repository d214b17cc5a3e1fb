/** `settle` in one statement, where everything holds: the usual case, and a single trip to the server. */
import type { ExecutionRecord, SettleAnswer, Settlement, SettleRequest } from 'durable-execution'

import { planInsertions } from '../../insertions'
import { COLUMNS, fromRow, type SqlRow } from '../../row'
import { changeOf, deltasOf, isHandedOverTo, isNewClaim, outcomeOf } from '../../settling'
import { number } from '../../values'
import { settledNote } from '../hints'
import { sortedIds } from '../lists'
import { note, write, type PgValue, type Program } from '../program'
import type { Statements } from '../statements'
import { changedParameters, insertedParameters } from './changes'

const NONE: ReadonlySet<string> = new Set()

/**
 * Writes all of the settlements, or none where one of them doesn't hold its claim, or met another call: then it answers `null`. It also
 * does where a sleeping key has to be looked for among the rows of others, or a row would be written twice: one that has just begun
 * to wait, for nothing.
 */
export function* settleTogether(
  statements: Statements,
  request: SettleRequest,
): Program<SettleAnswer | null> {
  const { settlements, handOver, executorId, leaseMs } = request
  const executions = settlements.flatMap(({ insertions }) => insertions)
  if (executions.some(({ sleepingKey }) => sleepingKey !== null)) return null
  // Times count from the moment of the write.
  const records = planInsertions(executions, new Map(), { executorId, leaseMs, now: 0 })
  const changes = settlements.map((settlement) => changeOf(settlement, NONE))
  const deltas = deltasOf(settlements, changes, NONE)
  if (changes.some(({ executionId }) => deltas.has(executionId))) return null
  const changed = changedParameters(changes)
  const inserted = records.length === 0 ? null : insertedParameters(records)
  const text = statements.settleTogether({
    rows: changed.form,
    insertions: inserted?.form ?? null,
    hasParents: deltas.size > 0,
  })
  const rows = yield write(text, [
    request.now ?? null,
    ...locksOf(settlements, deltas),
    ...changed.values,
    ...(inserted?.values ?? []),
    ...(deltas.size === 0 ? [] : parentsOf(deltas, request)),
  ])
  const [first] = rows
  if (number(first?.[0]) === 0) return null
  const parents = Array.from(rows, parentOf).filter((parent) => parent !== null)
  const handedOver = parents.filter((parent) => isHandedOverTo(parent, request))
  const due = parents.filter((parent) => !isHandedOverTo(parent, request))
  yield note({ due: due.map(({ queue }) => [queue, 0]) })
  yield note(settledNote(settlements, handOver !== null))
  const mine = records.filter((record) => isNewClaim(record, request))
  const claimed = new Set(mine.map((record) => record.executionId))
  return {
    outcomes: settlements.map((settlement) => outcomeOf(settlement, 'applied', claimed)),
    parents: handedOver,
    now: number(first?.[1]),
  }
}

/** The roots of the trees; the rows that are written, with the claims that must be held; how many these are. */
function locksOf(
  settlements: readonly Settlement[],
  deltas: ReadonlyMap<string, number>,
): PgValue[] {
  const children = settlements.filter(({ parentExecutionId }) => parentExecutionId !== null)
  const byId = new Map(settlements.map((settlement) => [settlement.executionId, settlement]))
  const ids = sortedIds([...byId.keys(), ...deltas.keys()])
  return [
    sortedIds(children.map(({ rootExecutionId }) => rootExecutionId)),
    ids,
    ids.map((executionId) => byId.get(executionId)?.claimCount ?? null),
    ids.map((executionId) => byId.get(executionId)?.expectedStatus ?? null),
    ids.length,
  ]
}

function parentsOf(
  deltas: ReadonlyMap<string, number>,
  { handOver, executorId, leaseMs }: SettleRequest,
): PgValue[] {
  return [[...deltas.keys()], [...deltas.values()], handOver?.queues ?? [], executorId, leaseMs]
}

/** The parent of a row of the answer, after whether all was written and the clock. */
function parentOf(row: SqlRow): ExecutionRecord | null {
  const columns = Array.from(row).slice(2)
  return columns.length < COLUMNS.length || columns[0] === null ? null : fromRow(columns)
}
