/** `insert`, and the rows that come into being with a settlement. */
import type { ExecutionRecord, InsertOutcome, InsertRequest } from 'durable-execution'

import { planInsert, type At } from '../../insertions'
import { toGuard, toRow, type Guard, type SqlValue } from '../../row'
import { readByList, readGuards } from '../lists'
import { writeEach, type Program } from '../program'
import { INSERT_SIZE, type Statements } from '../statements'

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

/** Inserts records, parents before their children. */
export function* insertRecords(
  statements: Statements,
  records: readonly ExecutionRecord[],
): Program<void> {
  const groups: SqlValue[][] = []
  let start = 0
  for (; start + INSERT_SIZE <= records.length; start += INSERT_SIZE) {
    groups.push(valuesOf(records, start, start + INSERT_SIZE))
  }
  if (groups.length > 0) yield writeEach(statements.insertMany, groups)
  const rest = records.slice(start).map(toRow)
  if (rest.length > 0) yield writeEach(statements.insertOne, rest)
}

/** The values of several rows, one after the other. A loop: `flatMap` took as long as the database. */
function valuesOf(records: readonly ExecutionRecord[], start: number, end: number): SqlValue[] {
  const values: SqlValue[] = []
  for (const record of records.slice(start, end)) {
    for (const value of toRow(record)) values.push(value)
  }
  return values
}
