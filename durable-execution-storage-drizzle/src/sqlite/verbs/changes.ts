/** Writing the changes that transitions decided. */
import type { Settlement } from 'durable-execution'

import { changeValues } from '../../change'
import type { SqlValue } from '../../row'
import type { RowChange } from '../../settling'
import { number } from '../../values'
import { areAlike, paramsOfAlike } from '../alike'
import { countEach, write, writeEach, type Program } from '../program'
import { ALIKE_SIZE, OWN_AT, SHARED_AT, type Statements } from '../statements'

const SAVEPOINT = {
  begin: 'SAVEPOINT durable_execution_alike',
  release: 'RELEASE SAVEPOINT durable_execution_alike',
  undo: 'ROLLBACK TO SAVEPOINT durable_execution_alike',
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

/**
 * Writes settlements that insert nothing and hold no sleeping key, guarded by the statements that write them: what most settlements
 * are needs no read. Answers the ids of those that applied.
 */
export function* writePlainSettlements(
  statements: Statements,
  settlements: readonly Settlement[],
  now: number,
): Program<Set<string>> {
  const all = settlements.map((settlement) => guardedOf(settlement, now))
  const { alike, others } = groupsOf(all)
  const areWritten = alike.length > 0 && (yield* writeAlike(statements, alike))
  const applied = areWritten ? alike.flat() : []
  const rest = areWritten ? others : all
  if (rest.length > 0) {
    const { guardedChange, guardedChanges } = statements
    const each = rest.map(({ params }) => params)
    const counts = yield countEach(guardedChange, each, guardedChanges)
    applied.push(...rest.filter((_, index) => number(counts[index]?.[0]) > 0))
  }
  return new Set(applied.map(({ of }) => of.executionId))
}

/**
 * Writes groups of a hundred, all or nothing: which of a hundred applied, where one did not, could not be told. Answers whether they
 * were written.
 */
function* writeAlike(
  statements: Statements,
  groups: readonly (readonly Guarded[])[],
): Program<boolean> {
  yield write(SAVEPOINT.begin)
  const params = groups.map((group) => {
    const each = group.map((guarded) => guarded.params)
    return paramsOfAlike(each, OWN_AT, SHARED_AT)
  })
  const counts = yield countEach(statements.guardedAlike, params)
  const areWritten = groups.every((_, index) => number(counts[index]?.[0]) === ALIKE_SIZE)
  if (!areWritten) yield write(SAVEPOINT.undo)
  yield write(SAVEPOINT.release)
  return areWritten
}

/** A settlement with its parameters, in the order of `Statements.guardedChange`. */
interface Guarded {
  readonly of: Settlement
  readonly params: readonly SqlValue[]
}

/** Groups of a hundred that follow one another and differ in id and output only, and all that are left. */
function groupsOf(all: readonly Guarded[]): {
  readonly alike: readonly (readonly Guarded[])[]
  readonly others: readonly Guarded[]
} {
  const alike: Guarded[][] = []
  const others: Guarded[] = []
  let group: Guarded[] = []
  for (const guarded of all) {
    const [first] = group
    if (first && !areAlike(first.params, guarded.params, SHARED_AT)) others.push(...group.splice(0))
    group.push(guarded)
    if (group.length < ALIKE_SIZE) continue
    alike.push(group)
    group = []
  }
  return { alike, others: [...others, ...group] }
}

function guardedOf(settlement: Settlement, now: number): Guarded {
  const { executionId, change, claimCount, expectedStatus } = settlement
  const params = paramsOf({ executionId, change, activeChildrenCount: 0 }, now)
  params.push(claimCount, expectedStatus)
  return { of: settlement, params }
}

/** In the order of the parameters of `Statements.change`. */
function paramsOf(
  { executionId, change, activeChildrenCount }: RowChange,
  now: number,
): SqlValue[] {
  return [...changeValues(change, { now, activeChildrenCount }), now, executionId]
}
