/** Reading by lists of ids. */
import type { ExecutionRecord } from 'durable-execution'

import { fromRow, toGuard, type Guard, type SqlRow } from '../row'
import { number } from '../values'
import { read, type Program } from './program'

/** Each id once, in the order in which all lock their rows. */
export function sortedIds(executionIds: Iterable<string>): string[] {
  return [...new Set(executionIds)].sort()
}

/** Who holds each of these executions, by execution id. */
export function* readGuards(
  text: string,
  executionIds: Iterable<string>,
): Program<Map<string, Guard>> {
  const sorted = sortedIds(executionIds)
  const rows = sorted.length === 0 ? [] : yield read(text, [sorted])
  return byExecutionId(Array.from(rows, toGuard))
}

/** Whole rows by execution id. */
export function* readRecords(
  text: string,
  executionIds: Iterable<string>,
): Program<Map<string, ExecutionRecord>> {
  const sorted = sortedIds(executionIds)
  const rows = sorted.length === 0 ? [] : yield read(text, [sorted])
  return byExecutionId(Array.from(rows, fromRow))
}

/** Rows by execution id. */
export function byExecutionId<T extends { readonly executionId: string }>(
  rows: readonly T[],
): Map<string, T> {
  return new Map(rows.map((row) => [row.executionId, row]))
}

/** Rows with the clock after their columns. */
export interface Clocked {
  readonly now: number
  readonly rows: readonly SqlRow[]
}

/** Reads the clock behind the rows of a statement; a row of NULLs stands for none. */
export function withClock(rows: readonly SqlRow[], width: number): Clocked {
  const [first] = rows
  return {
    now: number(first?.[width]),
    rows: rows.filter((row) => row[0] !== null),
  }
}
