/** `insert`, and the rows that come into being with a settlement. */
import type { ExecutionRecord, InsertOutcome, InsertRequest } from 'durable-execution'

import { planInsert, type At } from '../../insertions'
import { COLUMNS, toGuard, toRow, type Guard, type SqlValue } from '../../row'
import { readByList, readGuards } from '../lists'
import { writeEach, type Program } from '../program'
import {
  ALIKE_SIZE,
  INSERT_SIZE,
  OWN_COLUMNS,
  SHARED_COLUMNS,
  type Statements,
} from '../statements'

/**
 * `insert`. Under the write lock what it reads stays so until it has written: no statement of it meets a duplicate.
 */
export function* insert(
  statements: Statements,
  request: Pick<InsertRequest<never>, 'executions' | 'allOrNothing'>,
  at: At,
): Program<{ outcomes: readonly InsertOutcome[] }> {
  const { executions, allOrNothing = false } = request
  const executionIds = executions.map(({ executionId }) => executionId)
  const existing = {
    byExecutionId: yield* readGuards(statements, executionIds),
    bySleepingKey: yield* readSleepers(statements, executions),
  }
  const { outcomes, records } = planInsert(executions, existing, allOrNothing, at)
  yield* insertRecords(statements, records)
  return { outcomes }
}

/** The active executions that hold the sleeping keys of these, by key. */
export function* readSleepers(
  statements: Statements,
  executions: readonly { readonly sleepingKey: string | null }[],
): Program<Map<string, Guard>> {
  const keys = executions.flatMap(({ sleepingKey }) => sleepingKey ?? [])
  const sleepers = (yield* readByList(statements.sleepers, keys)).map(toGuard)
  return new Map(sleepers.map((sleeper) => [sleeper.sleepingKey ?? '', sleeper]))
}

/** Inserts records, parents before their children, in their order. */
export function* insertRecords(
  statements: Statements,
  records: readonly ExecutionRecord[],
): Program<void> {
  const rows = records.map(toRow)
  const { insertAlike, insertMany, insertOne } = statements
  const groups: { readonly text: string; readonly params: SqlValue[][] }[] = []
  const add = (text: string, params: SqlValue[]): void => {
    const last = groups.at(-1)
    if (last?.text === text) last.params.push(params)
    else groups.push({ text, params: [params] })
  }
  for (let start = 0; start < rows.length;) {
    const left = rows.length - start
    const first = rows[start] ?? []
    if (left >= ALIKE_SIZE && areAlike(rows, start, start + ALIKE_SIZE)) {
      add(insertAlike, [
        ...valuesOf(rows, OWN_AT, start, start + ALIKE_SIZE),
        ...SHARED_AT.map((at) => first[at] ?? null),
      ])
      start += ALIKE_SIZE
    } else if (left >= INSERT_SIZE) {
      add(insertMany, valuesOf(rows, ALL_AT, start, start + INSERT_SIZE))
      start += INSERT_SIZE
    } else {
      add(insertOne, first)
      start += 1
    }
  }
  for (const { text, params } of groups) yield writeEach(text, params)
}

const ALL_AT = COLUMNS.map((_, at) => at)
const SHARED_AT = SHARED_COLUMNS.map((column) => COLUMNS.indexOf(column))
const OWN_AT = OWN_COLUMNS.map((column) => COLUMNS.indexOf(column))
const ID_AT = COLUMNS.indexOf('execution_id')
const ROOT_AT = COLUMNS.indexOf('root_execution_id')

/** Whether rows differ in nothing but their id, which is that of their root, and their input. */
function areAlike(rows: readonly SqlValue[][], start: number, end: number): boolean {
  const first = rows[start] ?? []
  for (let index = start; index < end; index += 1) {
    const row = rows[index] ?? []
    if (row[ROOT_AT] !== row[ID_AT]) return false
    for (const at of SHARED_AT) if (row[at] !== first[at]) return false
  }
  return true
}

/** These values of several rows, one row after the other. A loop: `flatMap` took as long as the database. */
function valuesOf(
  rows: readonly SqlValue[][],
  places: readonly number[],
  start: number,
  end: number,
): SqlValue[] {
  const values: SqlValue[] = []
  for (let index = start; index < end; index += 1) {
    const row = rows[index] ?? []
    for (const at of places) values.push(row[at] ?? null)
  }
  return values
}
