/** The verbs about holding executions: `claim`, `renew`, `release`. */
import {
  isFinished,
  isHeld,
  transitions,
  type ClaimAnswer,
  type ClaimRequest,
  type GuardedOutcome,
  type ReleaseRequest,
  type RenewOutcome,
  type RenewRequest,
} from 'durable-execution'

import { fromRow, type SqlRow } from '../../row'
import { filledUp, inLockOrder, readGuards, readRecords, writeByList } from '../lists'
import type { Connection, Time } from '../session'
import type { Statements } from '../statements'
import { isStorable } from '../texts'
import { writeChanges } from './changes'

/** `claim`: locks what is due, but for what others have locked, then takes it. */
export async function claim(
  connection: Connection,
  statements: Statements,
  request: ClaimRequest,
  time: Time,
): Promise<Omit<ClaimAnswer, 'now'>> {
  const { executorId, leaseMs } = request
  const now = await time()
  const due = (await readDue(connection, statements, request, now)).map(fromRow)
  const params = [now, executorId, now + leaseMs, now]
  await writeByList(connection, statements.claim, params, due.map(idOf))
  const at = { now, executorId, leaseMs }
  return {
    records: due.map((record) => transitions.claim(record, at)),
    dueFrom: due[0]?.claimAt ?? null,
  }
}

/** Reads and locks due rows, the one due first at the front. */
async function readDue(
  connection: Connection,
  statements: Statements,
  request: ClaimRequest,
  now: number,
): Promise<readonly SqlRow[]> {
  const { queue, suspects, takeOver, from = Number.MIN_SAFE_INTEGER } = request
  const except = filledUp((request.exceptTaskIds ?? []).filter(isStorable))
  const limit = suspects === 'only' ? Math.min(request.limit, 1) : request.limit
  const text = statements.due({ suspects, takeOver, exceptCount: except.length })
  return connection.read(text, [queue, from, now, ...except, limit])
}

/** `renew`: extends what is still held. It waits for no lock: a lease must not lapse behind another's. */
export async function renew(
  connection: Connection,
  statements: Statements,
  { claims, leaseMs }: RenewRequest,
  time: Time,
): Promise<{ outcomes: RenewOutcome[] }> {
  const now = await time()
  const executionIds = inLockOrder(claims.map(idOf))
  const free = await readGuards(connection, statements.freeGuards, executionIds)
  const locked = executionIds.filter((executionId) => !free.has(executionId))
  const busy = await readGuards(connection, statements.guards, locked)
  const outcomes = claims.map((claim): RenewOutcome => {
    if (isHeld(free.get(claim.executionId), claim)) return 'renewed'
    return isHeld(busy.get(claim.executionId), claim) ? 'busy' : 'lost'
  })
  const held = claims.filter((_, index) => outcomes[index] === 'renewed')
  await writeByList(connection, statements.renew, [now + leaseMs, now], inLockOrder(held.map(idOf)))
  return { outcomes }
}

/** `release`: a settlement to `ready`; a resuming parent and a sleeping execution keep their status. */
export async function release(
  connection: Connection,
  statements: Statements,
  { claims }: ReleaseRequest,
  time: Time,
): Promise<{ outcomes: GuardedOutcome[] }> {
  const executionIds = inLockOrder(claims.map(idOf))
  const rows = await readRecords(connection, statements.lockedRecords, executionIds)
  const released = new Set<string>()
  const changes = []
  const outcomes: GuardedOutcome[] = []
  for (const claim of claims) {
    const row = rows.get(claim.executionId)
    if (row?.claimCount !== claim.claimCount || isFinished(row.status)) {
      outcomes.push('lost')
    } else if (!isHeld(row, claim) || released.has(claim.executionId)) {
      outcomes.push('repeated')
    } else {
      const { executionId, activeChildrenCount } = row
      const change = transitions.release(row, claim.dueInMs)
      changes.push({ executionId, change, activeChildrenCount })
      released.add(executionId)
      outcomes.push('applied')
    }
  }
  await writeChanges(connection, statements, changes, await time())
  return { outcomes }
}

function idOf({ executionId }: { readonly executionId: string }): string {
  return executionId
}
