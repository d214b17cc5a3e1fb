/**
 * Claimed rows as they travel. A value of its own costs the server, the driver and the executor as much as the whole text of a small
 * input: numbers go together as one text, and what the caller knows, or what repeats the row itself, does not go at all.
 */
import type { ClaimAnswer, ExecutionRecord } from 'durable-execution'

import { COLUMNS, fromRow, NUMBER_COLUMNS, type Column, type SqlRow } from '../row'
import { number, text } from '../values'

/** What the caller knows of a row it claimed. */
export interface KnownOfClaim {
  readonly queue: string
  readonly executorId: string
}

const KNOWN: Partial<Record<Column, keyof KnownOfClaim>> = {
  queue: 'queue',
  executor_id: 'executorId',
}

const NUMBERS = COLUMNS.filter((column) => NUMBER_COLUMNS.has(column))
const OTHERS = COLUMNS.filter((column) => !NUMBER_COLUMNS.has(column) && !(column in KNOWN))

/** Columns that repeat another one in a row that is its own root. */
const REPEATED: Partial<Record<Column, Column>> = {
  root_task_id: 'task_id',
  root_execution_id: 'execution_id',
}

/** The names of the columns of {@link claimedColumns}. */
export const CLAIMED_NAMES = ['numbers', ...OTHERS] as const

/** The columns of a claimed row `t` as SQL: after its numbers comes what the clock says, and after that the dues, if there are any. */
export function claimedColumns(now: string, dues: string): string {
  const others = OTHERS.map((column) => {
    const repeated = REPEATED[column]
    return repeated === undefined
      ? `t.${column}`
      : `nullif(t.${column}, t.${repeated}) AS ${column}`
  })
  const numbers = NUMBERS.map((column) => `coalesce(t.${column}::text, 'null')`)
  return `'[' || concat_ws(',', ${[...numbers, now, dues].join(', ')}) || ']' AS numbers, ${others.join(', ')}`
}

/** A claimed row as it was read. */
interface ClaimedRow {
  readonly record: ExecutionRecord
  readonly now: number
  /** When each of the rows was due: beside one of them, most often. */
  readonly dues: readonly number[]
}

/** A row, its numbers read. */
interface Travelled {
  readonly row: SqlRow
  readonly numbers: readonly (number | null)[]
  readonly known: KnownOfClaim
}

/** How each column of a row is found. */
const READERS = COLUMNS.map((column): ((of: Travelled) => unknown) => {
  const known = KNOWN[column]
  if (known) return (of) => of.known[known]
  const numberAt = NUMBERS.indexOf(column)
  if (numberAt !== -1) return ({ numbers }) => numbers[numberAt]
  const at = placeOf(column)
  const repeated = REPEATED[column]
  if (repeated === undefined) return ({ row }) => row[at]
  const repeatedAt = placeOf(repeated)
  return ({ row }) => row[at] ?? row[repeatedAt]
})

/**
 * Reads rows that were claimed, and puts them in the order in which they were due. Where that is not known of each (one of them moved
 * before it was locked) it is when they were to start, which is no later.
 */
export function fromClaimedRows(rows: readonly SqlRow[], known: KnownOfClaim): ClaimAnswer | null {
  const claimed = rows.map((row) => fromClaimedRow(row, known))
  const [first] = claimed
  if (!first) return null
  const told = claimed.flatMap(({ dues }) => dues)
  const isToldOfEach = told.length === claimed.length
  const inOrder = claimed
    .map(({ record }, index) => ({
      record,
      dueAt: (isToldOfEach ? told[index] : undefined) ?? record.startAt,
    }))
    .sort((a, b) => a.dueAt - b.dueAt)
  return {
    records: inOrder.map(({ record }) => record),
    dueFrom: inOrder[0]?.dueAt ?? null,
    now: first.now,
  }
}

function fromClaimedRow(row: SqlRow, known: KnownOfClaim): ClaimedRow {
  const numbers = JSON.parse(text(row[0])) as (number | null)[]
  const of = { row, numbers, known }
  return {
    record: fromRow(READERS.map((read) => read(of))),
    now: number(numbers[NUMBERS.length]),
    dues: numbers.slice(NUMBERS.length + 1).map(number),
  }
}

/** Behind the numbers. */
function placeOf(column: Column): number {
  return 1 + OTHERS.indexOf(column)
}
