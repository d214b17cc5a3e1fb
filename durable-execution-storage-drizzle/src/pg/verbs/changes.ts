/** Writing the changes that transitions decided. */
import type { ExecutionRecord, Settlement } from 'durable-execution'

import { changedColumns } from '../../change'
import { COLUMNS, toRow, type SqlRow, type SqlValue } from '../../row'
import type { RowChange } from '../../settling'
import { number, text } from '../../values'
import { write, type PgValue, type Program } from '../program'
import type { Statements } from '../statements'

const ROOT = COLUMNS.indexOf('root_execution_id')

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
  yield write(statements.change, [now, ...listsOf(changes.map(valuesOf))])
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
  return written(yield write(statements.guardedChange, [now, ...listsOf(rows)]))
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
    const part = written(yield write(statement, [time, ...listsOf(some.map(toRow), ROOT)]))
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
    yield write(statements.insertUnlessThere, [now, ...listsOf(records.map(toRow), ROOT)]),
  )
}

function written(rows: readonly SqlRow[]): Written {
  const [first] = rows
  return {
    executionIds: new Set(rows.map((row) => text(row[0]))),
    now: first ? number(first[1]) : null,
  }
}

/** In the order of the parameters of `Statements.change`; times count from the moment of the write. */
function valuesOf({ executionId, change, activeChildrenCount }: RowChange): SqlValue[] {
  const columns = changedColumns(change, { now: 0, activeChildrenCount })
  return [
    executionId,
    columns.status,
    columns.attempt,
    columns.takeovers,
    columns.runOutput,
    columns.output,
    columns.error,
    columns.claimAt,
    columns.startAt,
    columns.startedAt,
    columns.finishedAt,
    activeChildrenCount,
    columns.sleepingKey,
  ]
}

/**
 * Rows as lists, one a column, and after them the values that all rows share: of a column in which all are the same the list is
 * empty. The first column has all its values: it says how many rows there are.
 *
 * @param selfId - The place of a column that is left out where it repeats the first.
 */
function listsOf(rows: readonly (readonly SqlValue[])[], selfId = -1): PgValue[] {
  const [first = []] = rows
  const lists: SqlValue[][] = []
  const shared: SqlValue[] = []
  for (let column = 0; column < first.length; column += 1) {
    const value = first[column] ?? null
    const isSelf = column === selfId && rows.every((row) => row[column] === row[0])
    const isShared = column > 0 && rows.every((row) => row[column] === value)
    lists.push(isSelf || isShared ? [] : rows.map((row) => row[column] ?? null))
    shared.push(isShared && !isSelf ? value : null)
  }
  return [...lists, ...shared]
}

/** Rows as columns: each becomes one array. */
export function columnsOf(rows: readonly (readonly SqlValue[])[]): SqlValue[][] {
  const [first = []] = rows
  return first.map((_, index) => rows.map((row) => row[index] ?? null))
}
