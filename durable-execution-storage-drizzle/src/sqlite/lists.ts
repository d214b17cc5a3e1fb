/** Reading and writing by lists of ids, in pieces that fit into statements. */
import type { ExecutionRecord } from 'durable-execution'

import { fromRow, toGuard, type Guard, type SqlRow, type SqlValue } from '../row'
import { read, writeEach, type Program } from './program'
import { MAX_LIST_SIZE } from './statements'

/** Cuts a list into pieces whose sizes are powers of two; the last is filled up with its last value. */
function piecesOf<T>(values: readonly T[]): T[][] {
  const pieces: T[][] = []
  for (let start = 0; start < values.length; start += MAX_LIST_SIZE) {
    pieces.push(filledUp(values.slice(start, start + MAX_LIST_SIZE)))
  }
  return pieces
}

/** The list itself, filled up with its last value to the next power of two. */
export function filledUp<T>(values: readonly T[]): T[] {
  const filled = [...values]
  const last = values.at(-1)
  if (last === undefined) return filled
  const size = 2 ** Math.ceil(Math.log2(values.length))
  while (filled.length < size) filled.push(last)
  return filled
}

/** Reads the rows of a list. */
export function* readByList(
  textFor: (size: number) => string,
  values: readonly SqlValue[],
): Program<SqlRow[]> {
  const pages: (readonly SqlRow[])[] = []
  for (const piece of piecesOf(values)) pages.push(yield read(textFor(piece.length), piece))
  return pages.flat()
}

/** Writes the rows of a list, each piece with the same parameters before it. */
export function* writeByList(
  textFor: (size: number) => string,
  params: readonly SqlValue[],
  values: readonly SqlValue[],
): Program<void> {
  for (const piece of piecesOf(values)) {
    yield writeEach(textFor(piece.length), [[...params, ...piece]])
  }
}

/** Who holds each of these executions, by execution id. */
export function* readGuards(
  statements: { guards: (size: number) => string },
  executionIds: readonly string[],
): Program<Map<string, Guard>> {
  const guards = (yield* readByList(statements.guards, executionIds)).map(toGuard)
  return new Map(guards.map((guard) => [guard.executionId, guard]))
}

/** Whole rows by execution id. */
export function* readRecords(
  statements: { records: (size: number) => string },
  executionIds: readonly string[],
): Program<Map<string, ExecutionRecord>> {
  const records = (yield* readByList(statements.records, executionIds)).map(fromRow)
  return new Map(records.map((record) => [record.executionId, record]))
}
