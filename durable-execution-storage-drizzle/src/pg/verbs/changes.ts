/** Writing the changes that transitions decided. */
import type { ExecutionRecord, Settlement } from 'durable-execution'

import { changeValues } from '../../change'
import { COLUMNS, toRow, type SqlRow, type SqlValue } from '../../row'
import type { RowChange } from '../../settling'
import { number, text } from '../../values'
import { write, type PgValue, type Program } from '../program'
import { sizeOf, valuesOfRows } from '../sql/parameter-rows'
import type { Statements } from '../statements'

const ROOT = COLUMNS.indexOf('root_execution_id')

/** Records as parameters of an insert. */
export function insertedValues(records: readonly ExecutionRecord[]): PgValue[] {
  return valuesOfRows(records.map(toRow), ROOT)
}

/** Changes as parameters of a statement that writes them. */
export function changedValues(changes: readonly RowChange[]): PgValue[] {
  return valuesOfRows(changes.map(valuesOf))
}

/** What was written, and when on the storage's clock; `null` if nothing was. */
export interface Written {
  readonly executionIds: ReadonlySet<string>
  readonly now: number | null
}

/** Writes changes of rows that this transaction has locked. */
export function* writeChanges(
  statements: Statements,
  changes: readonly RowChange[],
  now: number,
): Program<void> {
  if (changes.length === 0) return
  yield write(statements.change[sizeOf(changes)], [now, ...changedValues(changes)])
}

/**
 * Writes settlements that touch nothing but their own row, each guarded, in one statement. It says which it met; a row that moved
 * at this very moment may be missed.
 */
export function* writeGuarded(
  statements: Statements,
  settlements: readonly Settlement[],
  now: number | null,
): Program<Written> {
  const rows = settlements.map(({ executionId, change, claimCount, expectedStatus }) => [
    ...valuesOf({ executionId, change, activeChildrenCount: 0 }),
    claimCount,
    expectedStatus,
  ])
  return written(yield write(statements.guardedChange[sizeOf(rows)], [now, ...valuesOfRows(rows)]))
}

/** Inserts records whose times count from the moment of the insert. Answers those that came into being. */
export function* writeRecords(
  statements: Statements,
  records: readonly ExecutionRecord[],
  now: number | null,
): Program<Written> {
  const awake = records.filter(({ sleepingKey }) => sleepingKey === null)
  const sleepers = records.filter(({ sleepingKey }) => sleepingKey !== null)
  const executionIds = new Set<string>()
  let time = now
  for (const [statement, some] of [
    [statements.insert, awake],
    [statements.insertUnlessThere, sleepers],
  ] as const) {
    if (some.length === 0) continue
    const part = written(yield write(statement[sizeOf(some)], [time, ...insertedValues(some)]))
    for (const executionId of part.executionIds) executionIds.add(executionId)
    time = part.now ?? time
  }
  return { executionIds, now: time }
}

/** The same, where a conflict of any kind only leaves a row out. */
export function* writeUnlessThere(
  statements: Statements,
  records: readonly ExecutionRecord[],
  now: number | null,
): Program<Written> {
  if (records.length === 0) return { executionIds: new Set(), now }
  return written(
    yield write(statements.insertUnlessThere[sizeOf(records)], [now, ...insertedValues(records)]),
  )
}

/** The same, where none is inserted if the id of one is there already. */
export function* writeTogether(
  statements: Statements,
  records: readonly ExecutionRecord[],
  now: number | null,
): Program<Written> {
  const text = statements.insertTogether[sizeOf(records)]
  return written(yield write(text, [now, ...insertedValues(records)]))
}

function written(rows: readonly SqlRow[]): Written {
  const [first] = rows
  return {
    executionIds: new Set(rows.map((row) => text(row[0]))),
    now: first ? number(first[1]) : null,
  }
}

/** In the order of the columns of a change; times count from the moment of the write. */
function valuesOf({ executionId, change, activeChildrenCount }: RowChange): SqlValue[] {
  return [executionId, ...changeValues(change, { now: 0, activeChildrenCount })]
}

/** Rows as columns: each becomes one array. */
export function columnsOf(rows: readonly (readonly SqlValue[])[]): SqlValue[][] {
  const [first = []] = rows
  return first.map((_, index) => rows.map((row) => row[index] ?? null))
}
