/** `insert`, and the rows that come into being with a settlement. */
import type { Claimant, ExecutionRecord, InsertOutcome, InsertRequest } from 'durable-execution'

import { heldUp } from '../../held-up'
import { planInsert, type At, type ExistingRows, type InsertPlan } from '../../insertions'
import { toGuard, toRow, type Guard } from '../../row'
import { isNotFree } from '../errors'
import { readByList, readGuards, writeRows } from '../lists'
import type { Connection, Time } from '../session'
import type { Statements } from '../statements'

type Insert = Pick<InsertRequest<never>, 'executions' | 'allOrNothing' | 'failsWhenHeldUp'>

/**
 * `insert` in a transaction of its own. What it read may be outdated when it writes: a row that another transaction has inserted
 * since fails the statement, and the session begins anew and finds it. Who does not want to wait looks under locks, which sees
 * also what is not committed yet: a statement that waits could not be called back.
 */
export async function insert(
  connection: Connection,
  statements: Statements,
  request: Insert & Claimant,
  time: Time,
): Promise<{ outcomes: readonly InsertOutcome[] }> {
  const { guards, sleepers } = statements
  const at = { ...request, now: await time() }
  const { outcomes, records } =
    request.failsWhenHeldUp === true
      ? await planUnlessHeldUp(connection, statements, request, at)
      : await plan(connection, { guards, sleepers }, request, at)
  await insertRecords(connection, statements, records)
  return { outcomes }
}

/** How often an insert in a user's transaction looks for the rows that were in its way. */
const LOOKS = 3

/**
 * `insert` in a transaction of the user, of whatever isolation. No statement fails on a duplicate: rows in the way are left out,
 * and when fewer were inserted than planned, they are taken back and looked for under locks, past the transaction's snapshot.
 */
export async function insertInUsers(
  connection: Connection,
  statements: Statements,
  request: Insert,
  at: At,
): Promise<{ outcomes: readonly InsertOutcome[] }> {
  await connection.define(SAVEPOINT.begin)
  try {
    for (let look = 0; ; look += 1) {
      const outcomes = await tryInsert(connection, statements, request, at, look)
      if (outcomes) {
        await connection.define(SAVEPOINT.release)
        return { outcomes }
      }
      await connection.define(SAVEPOINT.undo)
    }
  } catch (error) {
    // Some errors (a deadlock) end the whole transaction, and the savepoint with it.
    await connection.define(SAVEPOINT.undo).catch(() => undefined)
    throw error
  }
}

/** Answers null if something else was in the way than what was read. */
async function tryInsert(
  connection: Connection,
  statements: Statements,
  request: Insert,
  at: At,
  look: number,
): Promise<readonly InsertOutcome[] | null> {
  const { guards, sleepers, sharedGuards, sharedSleepers } = statements
  const texts =
    look === 0 ? { guards, sleepers } : { guards: sharedGuards, sleepers: sharedSleepers }
  const { outcomes, records } = await plan(connection, texts, request, at)
  // What is in the way after all looks is no row: this statement says what it is.
  const text = look < LOOKS ? statements.insertOthers : statements.insert
  const { count, warnings } = await writeRows(connection, text, records.map(toRow))
  return count === records.length && warnings === 0 ? outcomes : null
}

/** What surrounds an insert in a user's transaction, so that nothing of it stays if it fails and the user commits nevertheless. */
const SAVEPOINT = {
  begin: 'SAVEPOINT durable_execution',
  release: 'RELEASE SAVEPOINT durable_execution',
  undo: 'ROLLBACK TO SAVEPOINT durable_execution',
} as const

type Texts = Pick<Statements, 'guards' | 'sleepers'>

async function plan(
  connection: Connection,
  texts: Texts,
  { executions, allOrNothing = false }: Insert,
  at: At,
): Promise<InsertPlan> {
  const executionIds = executions.map(({ executionId }) => executionId)
  const existing: ExistingRows = {
    byExecutionId: await readGuards(connection, texts.guards, executionIds),
    bySleepingKey: await readSleepers(connection, texts, executions),
  }
  return planInsert(executions, existing, allOrNothing, at)
}

/** Plans with what nobody else holds, and locks it. */
async function planUnlessHeldUp(
  connection: Connection,
  { unheldGuards: guards, unheldSleepers: sleepers }: Statements,
  request: Insert,
  at: At,
): Promise<InsertPlan> {
  try {
    return await plan(connection, { guards, sleepers }, request, at)
  } catch (error) {
    throw isNotFree(error) ? heldUp(error) : error
  }
}

/** The active executions that hold the sleeping keys of these, by key. */
export async function readSleepers(
  connection: Connection,
  { sleepers }: Pick<Texts, 'sleepers'>,
  executions: readonly { readonly sleepingKey: string | null }[],
): Promise<Map<string, Guard>> {
  const keys = executions.flatMap(({ sleepingKey }) => sleepingKey ?? [])
  const found = (await readByList(connection, sleepers, keys)).map(toGuard)
  return new Map(found.map((sleeper) => [sleeper.sleepingKey ?? '', sleeper]))
}

/** Inserts records. */
export async function insertRecords(
  connection: Connection,
  statements: Statements,
  records: readonly ExecutionRecord[],
): Promise<void> {
  await writeRows(connection, statements.insert, records.map(toRow))
}
