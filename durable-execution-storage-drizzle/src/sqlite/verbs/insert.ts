/** `insert`, and the rows that come into being with a settlement. */
import type { ExecutionRecord, InsertOutcome, InsertRequest } from 'durable-execution'

import { planInsert, type At } from '../../insertions'
import { COLUMNS, toGuard, toRow, type Guard, type SqlValue } from '../../row'
import { areAlike, paramsOfAlike, valuesAt } from '../alike'
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
    const hundred = rows.slice(start, start + ALIKE_SIZE)
    if (left >= ALIKE_SIZE && areRootsAlike(hundred)) {
      add(insertAlike, paramsOfAlike(hundred, OWN_AT, SHARED_AT))
      start += ALIKE_SIZE
    } else if (left >= INSERT_SIZE) {
      add(insertMany, valuesAt(hundred.slice(0, INSERT_SIZE), ALL_AT))
      start += INSERT_SIZE
    } else {
      add(insertOne, rows[start] ?? [])
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
function areRootsAlike(rows: readonly SqlValue[][]): boolean {
  const [first = []] = rows
  return rows.every((row) => row[ROOT_AT] === row[ID_AT] && areAlike(first, row, SHARED_AT))
}
