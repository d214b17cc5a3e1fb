/**
 * Calls that need no more than one statement, which is a transaction by itself. Where it could not do all of it, they answer `null`:
 * the call is then made in a transaction of several, which finds what was written as that of a call whose answer was lost.
 */
import {
  isFinished,
  type Claimant,
  type InsertOutcome,
  type InsertRequest,
  type SettleAnswer,
  type Settlement,
  type SettleRequest,
} from 'durable-execution'

import { changeValues } from '../../change'
import { planNew, standAlone } from '../../insertions'
import { toRow } from '../../row'
import { isPlain } from '../../settling'
import { number } from '../../values'
import { classify } from '../errors'
import { inLockOrder, writeRowsAtOnce } from '../lists'
import type { Connection, Time } from '../session'
import type { Statements } from '../statements'

/** Whether rows are new and stand alone: none of them has to be looked for first. */
export function mayInsertAtOnce(request: InsertRequest<unknown>): boolean {
  // Whose ids or keys may be others' too are looked for.
  return request.failsWhenHeldUp !== true && standAlone(request)
}

/** Inserts rows that stand alone, all of them or none. */
export async function insertAtOnce(
  connection: Connection,
  statements: Statements,
  request: Pick<InsertRequest<never>, 'executions'> & Claimant,
  time: Time,
): Promise<{ outcomes: readonly InsertOutcome[] } | null> {
  const { executorId, leaseMs } = request
  const plan = planNew(request, { executorId, leaseMs, now: await time() })
  if (plan === null) return null
  try {
    const written = await writeRowsAtOnce(connection, statements.insert, plan.records.map(toRow))
    return written === null ? null : { outcomes: plan.outcomes }
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
 * Writes the ends of executions that all hold their claims. It looks first: which of several were written, where one was not, could not
 * be told afterwards.
 */
export async function settleAtOnce(
  connection: Connection,
  statements: Statements,
  { settlements }: SettleRequest,
  time: Time,
): Promise<Omit<SettleAnswer, 'now'> | null> {
  const ordered = inOrder(settlements)
  const claims = ordered.map(({ executionId, claimCount, expectedStatus }) => [
    executionId,
    claimCount,
    expectedStatus,
  ])
  const json = JSON.stringify(claims)
  if (Buffer.byteLength(json) > connection.maxBytes / 2) return null
  const [row] = await connection.read(statements.held, [json])
  if (number(row?.[0]) < settlements.length) return null
  const now = await time()
  const rows = ordered.map(({ change }, index) => [
    ...changeValues(change, { now, activeChildrenCount: 0 }),
    now,
    ...(claims[index] ?? []),
  ])
  const written = await writeRowsAtOnce(connection, statements.changeHeld, rows)
  // Another was faster since: its claim, or a cancel.
  if (written?.count !== settlements.length) return null
  const outcomes = settlements.map(() => ({ outcome: 'applied' as const, claimedInsertions: [] }))
  return { outcomes, parents: [] }
}

/** Settlements in the order in which their rows are locked. */
function inOrder(settlements: readonly Settlement[]): Settlement[] {
  const byId = new Map(settlements.map((settlement) => [settlement.executionId, settlement]))
  return inLockOrder(byId.keys()).flatMap((executionId) => byId.get(executionId) ?? [])
}
