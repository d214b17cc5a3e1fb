/** Writing the changes that transitions decided. */
import type { ExecutionRecord, Settlement } from 'durable-execution'

import { changeValues } from '../../change'
import { COLUMNS, toRow, type SqlRow, type SqlValue } from '../../row'
import type { RowChange } from '../../settling'
import { number, text } from '../../values'
import { write, type Program } from '../program'
import { CHANGED, GUARDED } from '../sql/columns'
import { parametersOf, type Parameters } from '../sql/parameter-rows'
import type { Statements } from '../statements'

/** Records as parameters of an insert. */
export function insertedParameters(records: readonly ExecutionRecord[]): Parameters {
  return parametersOf(COLUMNS, records.map(toRow))
}

/** Changes as parameters of a statement that writes them. */
export function changedParameters(changes: readonly RowChange[]): Parameters {
  return parametersOf(CHANGED, changes.map(valuesOf))
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
  const { form, values } = changedParameters(changes)
  yield write(statements.change[form], [now, ...values])
}

/** Which settlements were written, and when on the storage's clock; `null` if none was. */
export interface SettledPlainly {
  readonly applied: readonly Settlement[]
  readonly others: readonly Settlement[]
  readonly now: number | null
}

/** Writes settlements that touch nothing but their own row, each guarded, in one statement. */
export function* writeGuarded(
  statements: Statements,
  settlements: readonly Settlement[],
  time: number | null,
): Program<SettledPlainly> {
  const rows = settlements.map(({ executionId, change, claimCount, expectedStatus }) => [
    ...valuesOf({ executionId, change, activeChildrenCount: 0 }),
    claimCount,
    expectedStatus,
  ])
  const { form, values } = parametersOf(GUARDED, rows)
  const ofMany = form === 'one' ? [] : [rows.length]
  const [row] = yield write(statements.guardedChange[form], [time, ...values, ...ofMany])
  if (!row) return { applied: [], others: settlements, now: null }
  const now = number(row[0])
  if (form === 'one' || row[1] === null) return { applied: settlements, others: [], now }
  const written = new Set(JSON.parse(text(row[1])) as string[])
  const isWritten = ({ executionId }: Settlement): boolean => written.has(executionId)
  return {
    applied: settlements.filter((settlement) => isWritten(settlement)),
    others: settlements.filter((settlement) => !isWritten(settlement)),
    now,
  }
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
    const { form, values } = insertedParameters(some)
    const part = written(yield write(statement[form], [time, ...values]))
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
  const { form, values } = insertedParameters(records)
  return written(yield write(statements.insertUnlessThere[form], [now, ...values]))
}

/**
 * Inserts records in one statement, all or none. Answers when on the storage's clock; `null` if the id of one is there already.
 *
 * @param how - `insertNew`: one that is there is an error.
 */
export function* writeAtOnce(
  statements: Statements,
  how: 'insertNew' | 'insertTogether',
  records: readonly ExecutionRecord[],
  time: number | null,
): Program<number | null> {
  const { form, values } = insertedParameters(records)
  const [row] = yield write(statements[how][form], [time, ...values])
  return row ? number(row[0]) : null
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
