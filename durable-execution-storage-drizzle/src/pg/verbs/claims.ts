/** The verbs about holding executions: `claim`, `renew`, `release`. */
import {
  isHeld,
  type ClaimAnswer,
  type ClaimRequest,
  type GuardedOutcome,
  type ReleaseRequest,
  type RenewOutcome,
  type RenewRequest,
} from 'durable-execution'

import { planReleases } from '../../releasing'
import { isStorable } from '../../text'
import { number, text } from '../../values'
import { CLAIMED_NAMES, fromClaimedRows } from '../claimed-row'
import { readClock } from '../clock'
import { readGuards, readRecords, withClock } from '../lists'
import { note, read, write, type Program } from '../program'
import type { Statements } from '../statements'
import { writeChanges } from './changes'

/** Where the last claim found so many rows, the next is likely to. */
const MANY = 32

/**
 * `claim`: one statement, which passes over the rows that others have locked. Where it expected many and found none it asks for the
 * clock.
 *
 * @param found - How many rows the claim before found.
 */
export function* claim(
  statements: Statements,
  request: ClaimRequest,
  found: number,
): Program<ClaimAnswer> {
  const { queue, suspects, takeOver, executorId, leaseMs, now: time = null } = request
  const { from = Number.MIN_SAFE_INTEGER, exceptTaskIds = [] } = request
  const limit = suspects === 'only' ? Math.min(request.limit, 1) : request.limit
  // Looked for: an id that no row can have excludes nothing, and NULL in this list would exclude all.
  const except = exceptTaskIds.filter(isStorable)
  const params = [time, isStorable(queue) ? queue : null, from, except, limit, executorId, leaseMs]
  const about = Math.min(limit, found)
  const text = statements.claim({ suspects, takeOver }, about >= MANY)
  const rows = yield { ...write(text, params), rows: about }
  const alone = rows[0]?.[CLAIMED_NAMES.length] ?? null
  if (alone !== null) return { records: [], dueFrom: null, now: number(alone) }
  const claimed = fromClaimedRows(rows, request)
  return claimed ?? { records: [], dueFrom: null, now: yield* readClock(statements, time) }
}

/** `renew`: extends what is still held; what is held but locked by others at this moment is busy. */
export function* renew(
  statements: Statements,
  request: RenewRequest,
): Program<{ outcomes: RenewOutcome[]; now: number }> {
  const { claims, leaseMs } = request
  const sorted = [...claims].sort((a, b) => (a.executionId < b.executionId ? -1 : 1))
  const params = [
    request.now ?? null,
    sorted.map(idOf),
    sorted.map(({ claimCount }) => claimCount),
    leaseMs,
  ]
  const { now, rows } = withClock(yield read(statements.renew, params), 1)
  const renewed = new Set(rows.map((row) => text(row[0])))
  const others = claims.filter(({ executionId }) => !renewed.has(executionId))
  const guards = yield* readGuards(
    statements.guards,
    claims.length > renewed.size ? claims.map(idOf) : others.map(idOf),
  )
  const outcomes = claims.map((claim): RenewOutcome => {
    const guard = guards.get(claim.executionId)
    if (renewed.has(claim.executionId) && (!guard || isHeld(guard, claim))) return 'renewed'
    return isHeld(guard, claim) ? 'busy' : 'lost'
  })
  return { outcomes, now }
}

/** `release`: a settlement to `ready`; a resuming parent and a sleeping execution keep their status. */
export function* release(
  statements: Statements,
  { claims, now: time }: ReleaseRequest,
): Program<{ outcomes: GuardedOutcome[]; now: number }> {
  const rows = yield* readRecords(statements.lockRecords, claims.map(idOf))
  const now = yield* readClock(statements, time ?? null)
  const { outcomes, changes } = planReleases(claims, rows)
  yield* writeChanges(statements, changes, now)
  yield note({
    due: changes.map(({ executionId, change }) => [
      rows.get(executionId)?.queue ?? null,
      change.claimInMs ?? 0,
    ]),
  })
  return { outcomes, now }
}

function idOf({ executionId }: { readonly executionId: string }): string {
  return executionId
}
