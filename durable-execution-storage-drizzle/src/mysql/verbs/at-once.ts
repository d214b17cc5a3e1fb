/**
 * Calls that write in one statement, which is a transaction by itself and brings the time along: that at which it began. Where it
 * could not do all of it, they answer `null`: the call is then made in a transaction of several, which finds what was written as that
 * of a call whose answer was lost.
 */
import {
  isFinished,
  type Claimant,
  type InsertOutcome,
  type InsertRequest,
  type SettleAnswer,
  type Settlement,
  type SettleRequest,
  type StorageAnswer,
} from 'durable-execution'

import { changeValues } from '../../change'
import { planNew, standAlone } from '../../insertions'
import { TIME_COLUMNS, toRow, type SqlValue } from '../../row'
import { isPlain } from '../../settling'
import { number } from '../../values'
import { classify } from '../errors'
import { fits, inLockOrder, writeRowsAtOnce } from '../lists'
import { readTime } from '../server'
import type { Connection, Written } from '../session'
import { CHANGED, type Statements } from '../statements'

/** Times are milliseconds from when the statement is executed. */
const FROM_NOW = { now: 0 }

/** Whether rows are new and stand alone: none of them has to be looked for first. */
export function mayInsertAtOnce(request: InsertRequest<unknown>): boolean {
  // Whose ids or keys may be others' too are looked for.
  return request.failsWhenHeldUp !== true && standAlone(request)
}

/**
 * Inserts rows that stand alone, all of them or none.
 *
 * @param now - The time, if it is not the server's.
 */
export async function insertAtOnce(
  connection: Connection,
  { insertFromNow }: Statements,
  request: Pick<InsertRequest<never>, 'executions'> & Claimant,
  now: number | null,
): Promise<(StorageAnswer & { outcomes: readonly InsertOutcome[] }) | null> {
  const { executorId, leaseMs } = request
  const plan = planNew(request, { executorId, leaseMs, ...FROM_NOW })
  if (plan === null) return null
  try {
    const rows = plan.records.map(toRow)
    const written = await writeRowsAtOnce(connection, insertFromNow, [now], rows)
    if (written === null) return null
    return { outcomes: plan.outcomes, now: await timeOf(connection, written, now) }
  } catch (error) {
    if (classify(error) === 'duplicate') return null
    throw error
  }
}

/**
 * Whether settlements touch nothing but their own rows, which others don't touch afterwards: a retry may be claimed again before it
 * could be seen that it was written.
 */
export function maySettleAtOnce({ settlements }: SettleRequest): boolean {
  return (
    settlements.length > 0 &&
    settlements.every((settlement) => isPlain(settlement) && isFinished(settlement.change.status))
  )
}

/**
 * Writes the ends of executions that all hold their claims. It looks first where there are several: which of them were written, where one
 * was not, could not be told afterwards.
 *
 * @param now - The time, if it is not the server's.
 */
export async function settleAtOnce(
  connection: Connection,
  statements: Statements,
  { settlements }: SettleRequest,
  now: number | null,
): Promise<SettleAnswer | null> {
  const [row, ...others] = inOrder(settlements).map((settlement) => ({
    values: [...changeValues(settlement.change, { ...FROM_NOW, activeChildrenCount: 0 }), 0],
    claim: [settlement.executionId, settlement.claimCount, settlement.expectedStatus],
  }))
  if (row === undefined) return null
  const written =
    others.length === 0
      ? await changeOne(connection, statements, now, row)
      : await changeAll(connection, statements, now, [row, ...others])
  // Another was faster since: its claim, or a cancel.
  if (written?.count !== settlements.length) return null
  const outcomes = settlements.map(() => ({ outcome: 'applied' as const, claimedInsertions: [] }))
  return { outcomes, parents: [], now: await timeOf(connection, written, now) }
}

/** What is written to a row, in the order of `CHANGED`, and the claim that has to be held. */
interface HeldRow {
  readonly values: readonly SqlValue[]
  readonly claim: readonly SqlValue[]
}

async function changeOne(
  connection: Connection,
  { changeOneHeld }: Statements,
  now: number | null,
  { values, claim }: HeldRow,
): Promise<Written | null> {
  const ofColumns = CHANGED.flatMap((column, place) => {
    const value = values[place] ?? null
    return TIME_COLUMNS.has(column) ? [value, now] : [value]
  })
  const params = [...ofColumns, ...claim]
  return fits(connection, params) ? connection.write(changeOneHeld, params) : null
}

async function changeAll(
  connection: Connection,
  { held, changeHeld }: Statements,
  now: number | null,
  rows: readonly HeldRow[],
): Promise<Written | null> {
  const json = JSON.stringify(rows.map(({ claim }) => claim))
  if (!fits(connection, [json])) return null
  const [row] = await connection.read(held, [json])
  if (number(row?.[0]) < rows.length) return null
  const values = rows.map((each) => [...each.values, ...each.claim])
  return writeRowsAtOnce(connection, changeHeld, [now], values)
}

/**
 * When a statement was executed, unless a time was given. An engine that does not tell is asked, and so is one that tells something else:
 * the first number of a column that counts up by itself, which users may have added.
 */
async function timeOf(
  connection: Connection,
  { lastInsertId }: Written,
  given: number | null,
): Promise<number> {
  return given ?? (lastInsertId > EARLIEST ? lastInsertId : readTime(connection))
}

/** September 2001: no server's clock is before it. */
const EARLIEST = 10 ** 12

/** Settlements in the order in which their rows are locked. */
function inOrder(settlements: readonly Settlement[]): Settlement[] {
  const byId = new Map(settlements.map((settlement) => [settlement.executionId, settlement]))
  return inLockOrder(byId.keys()).flatMap((executionId) => byId.get(executionId) ?? [])
}
