/** Reading and writing by lists of ids, and writing rows as JSON, in pieces that fit into statements. */
import { DurableExecutionError, type ExecutionRecord } from 'durable-execution'

import { fromRow, toGuard, type Guard, type SqlRow, type SqlValue } from '../row'
import { text } from '../values'
import type { Connection, Written } from './session'
import { MAX_LIST_SIZE } from './statements'
import { assertStorable } from './texts'

type TextForSize = (size: number) => string

/** The most bytes of JSON in one statement: more would be held in memory several times over. */
const MAX_JSON_BYTES = 8 * 1024 * 1024
/** What a statement is besides its JSON. */
const STATEMENT_BYTES = 8 * 1024
/** What a value takes besides its bytes: its length or its quotes, and where it stands in the statement. */
const VALUE_BYTES = 16

/** Each id once, in the order in which locks are taken: that of their bytes, like that of the database. */
export function inLockOrder(executionIds: Iterable<string>): string[] {
  const distinct = [...new Set(executionIds)]
  // By their UTF-16 texts are in the same order, unless one has a character above the surrogates or of two of them.
  if (!distinct.some((executionId) => HIGH.test(executionId))) return distinct.sort(byUnits)
  return distinct.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

const HIGH = /[\uD800-\uFFFF]/

function byUnits(a: string, b: string): number {
  return a < b ? -1 : 1
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

/** Cuts a list into pieces whose sizes are powers of two; the last is filled up with its last value. */
function piecesOf<T>(values: readonly T[], maxSize: number): T[][] {
  const pieces: T[][] = []
  for (let start = 0; start < values.length; start += maxSize) {
    pieces.push(filledUp(values.slice(start, start + maxSize)))
  }
  return pieces
}

/** Reads the rows of a list. */
export async function readByList(
  connection: Connection,
  textFor: TextForSize,
  values: readonly SqlValue[],
  maxSize = MAX_LIST_SIZE,
): Promise<SqlRow[]> {
  const pages: (readonly SqlRow[])[] = []
  for (const piece of piecesOf(values, maxSize)) {
    pages.push(await connection.read(textFor(piece.length), piece))
  }
  return pages.flat()
}

/** Writes the rows of a list, each piece with the same parameters before it. Answers how many rows there were. */
export async function writeByList(
  connection: Connection,
  textFor: TextForSize,
  params: readonly SqlValue[],
  values: readonly SqlValue[],
): Promise<number> {
  let count = 0
  for (const piece of piecesOf(values, MAX_LIST_SIZE)) {
    count += (await connection.write(textFor(piece.length), [...params, ...piece])).count
  }
  return count
}

/** Who holds each of these executions, by execution id. */
export async function readGuards(
  connection: Connection,
  textFor: TextForSize,
  executionIds: readonly string[],
): Promise<Map<string, Guard>> {
  const guards = (await readByList(connection, textFor, executionIds)).map(toGuard)
  return new Map(guards.map((guard) => [guard.executionId, guard]))
}

/** Whole rows by execution id. */
export async function readRecords(
  connection: Connection,
  textFor: TextForSize,
  executionIds: readonly string[],
): Promise<Map<string, ExecutionRecord>> {
  const records = (await readByList(connection, textFor, executionIds)).map(fromRow)
  return new Map(records.map((record) => [record.executionId, record]))
}

/** The execution ids that a statement answers. */
export async function readIds(
  connection: Connection,
  textFor: TextForSize,
  values: readonly string[],
): Promise<string[]> {
  return (await readByList(connection, textFor, values)).map((row) => text(row[0]))
}

/** Writes rows as JSON, in as few statements as the server's limit allows. */
export async function writeRows(
  connection: Connection,
  statement: string,
  rows: readonly (readonly SqlValue[])[],
): Promise<Pick<Written, 'count' | 'warnings'>> {
  let [count, warnings] = [0, 0]
  for (const json of jsonPieces(rows, connection.maxBytes)) {
    const written = await connection.write(statement, [json])
    count += written.count
    warnings += written.warnings
  }
  return { count, warnings }
}

/** Writes rows as JSON in one statement, after `params`; `null`, and nothing is written, where that would be too large. */
export async function writeRowsAtOnce(
  connection: Connection,
  statement: string,
  params: readonly SqlValue[],
  rows: readonly (readonly SqlValue[])[],
): Promise<Written | null> {
  const [json, ...others] = jsonPieces(rows, connection.maxBytes)
  if (json === undefined || others.length > 0) return null
  return connection.write(statement, [...params, json])
}

/**
 * Whether a statement with these values is as short as the server takes, also where they are written into it: characters with a meaning
 * in SQL take two bytes.
 */
export function fits({ maxBytes }: Connection, params: readonly SqlValue[]): boolean {
  let bytes = STATEMENT_BYTES + params.length * VALUE_BYTES
  for (const param of params) if (typeof param === 'string') bytes += 2 * Buffer.byteLength(param)
  return bytes <= maxBytes
}

function jsonPieces(rows: readonly (readonly SqlValue[])[], maxBytes: number): string[] {
  const most = maxBytes - STATEMENT_BYTES
  const pieces: string[] = []
  let [piece, bytes]: [string[], number] = [[], 0]
  for (const row of rows) {
    for (const value of row) if (typeof value === 'string') assertStorable(value)
    const json = JSON.stringify(row)
    const size = Buffer.byteLength(json) + 1
    if (size > most) throw tooLarge(size, most)
    if (piece.length > 0 && bytes + size > Math.min(most, MAX_JSON_BYTES)) {
      pieces.push(`[${piece.join(',')}]`)
      piece = []
      bytes = 0
    }
    piece.push(json)
    bytes += size
  }
  if (piece.length > 0) pieces.push(`[${piece.join(',')}]`)
  return pieces
}

/** Said before it is sent: the server would break the connection, which looks like an outage. */
function tooLarge(bytes: number, most: number): DurableExecutionError {
  return DurableExecutionError.nonRetryable(
    `An execution is too large for the database (${bytes} bytes, at most ${most}): lower maxSerializedInputDataSize and maxSerializedOutputDataSize, or raise max_allowed_packet of the server`,
    { code: 'storage' },
  )
}
