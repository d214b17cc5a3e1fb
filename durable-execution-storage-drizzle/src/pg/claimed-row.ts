/**
 * Claimed rows as they travel. A value of its own costs the server, the driver and the executor as much as the whole text of a small
 * input: numbers go together as one text, and what the caller knows, or what repeats the row itself, does not go at all.
 */
import type { ExecutionRecord } from 'durable-execution'

import { COLUMNS, fromRow, type SqlRow } from '../row'
import { number, text } from '../values'

type Column = (typeof COLUMNS)[number]

/** Columns of numbers that most rows have. */
const NUMBERS = [
  'claim_at',
  'claim_count',
  'attempt',
  'takeovers',
  'active_children_count',
  'sleep_ms_before_run',
  'timeout_ms',
  'start_at',
  'started_at',
  'finished_at',
  'created_at',
  'updated_at',
] as const satisfies readonly Column[]

/** All others but those that the caller knows. */
const OTHERS = [
  'execution_id',
  'task_id',
  'status',
  'root_task_id',
  'root_execution_id',
  'parent_task_id',
  'parent_execution_id',
  'index_in_parent',
  'is_finalize',
  'sleeping_key',
  'retry_options',
  'error',
  'input',
  'run_output',
  'output',
] as const satisfies readonly Column[]

/** Columns that repeat another one in a row that is its own root. */
const REPEATED: Partial<Record<Column, Column>> = {
  root_task_id: 'task_id',
  root_execution_id: 'execution_id',
}

/** The names of the columns of {@link claimedColumns}. */
export const CLAIMED_NAMES = ['numbers', ...OTHERS] as const

/** The columns of a claimed row `t` as SQL: at last when it was due and what the clock says, which {@link momentsOf} reads. */
export function claimedColumns(dueAt: string, now: string): string {
  const others = OTHERS.map((column) => {
    const repeated = REPEATED[column]
    return repeated === undefined
      ? `t.${column}`
      : `nullif(t.${column}, t.${repeated}) AS ${column}`
  })
  const numbers = NUMBERS.map((column) => `coalesce(t.${column}::text, 'null')`)
  return `'[' || concat_ws(',', ${[...numbers, dueAt, now].join(', ')}) || ']' AS numbers, ${others.join(', ')}`
}

/** What the caller knows of a row it claimed. */
export interface KnownOfClaim {
  readonly queue: string
  readonly executorId: string
}

/** Where each column of a row comes from: a number, another value, one that it repeats, or what the caller knows. */
const SOURCES = COLUMNS.map((column) => ({
  number: placeIn(NUMBERS, column),
  other: placeIn(OTHERS, column),
  repeated: placeIn(OTHERS, REPEATED[column]),
  isQueue: column === 'queue',
}))

/** Reads a claimed row. */
export function fromClaimedRow(row: SqlRow, known: KnownOfClaim): ExecutionRecord {
  const numbers = numbersOf(row)
  const columns = SOURCES.map((source) => {
    if (source.number !== null) return numbers[source.number]
    if (source.other === null) return source.isQueue ? known.queue : known.executorId
    const value = row[1 + source.other]
    return value === null && source.repeated !== null ? row[1 + source.repeated] : value
  })
  return fromRow(columns)
}

/** When a claimed row was due, and when it was claimed. */
export function momentsOf(row: SqlRow): { readonly dueAt: number; readonly now: number } {
  const [dueAt, now] = numbersOf(row).slice(NUMBERS.length)
  return { dueAt: number(dueAt), now: number(now) }
}

function numbersOf(row: SqlRow): (number | null)[] {
  return JSON.parse(text(row[0])) as (number | null)[]
}

function placeIn(columns: readonly Column[], column: Column | undefined): number | null {
  const place = columns.findIndex((candidate) => candidate === column)
  return place === -1 ? null : place
}
