/** The verbs about holding executions: `claim`, `renew`, `release`. */
import {
  isHeld,
  transitions,
  type ClaimAnswer,
  type ClaimRequest,
  type GuardedOutcome,
  type ReleaseRequest,
  type RenewOutcome,
  type RenewRequest,
} from 'durable-execution'

import { planReleases } from '../../releasing'
import { fromRow, type SqlRow } from '../../row'
import { isStorable } from '../../text'
import { text } from '../../values'
import { filledUp, readGuards, readRecords, writeByList } from '../lists'
import { read, type Program, type ReadStep } from '../program'
import { LARGE_COLUMNS, type Statements } from '../statements'
import { writeChanges } from './changes'

/** `claim`: reads what is due under the write lock, so that nobody else takes it, then takes it. */
export function* claim(
  statements: Statements,
  request: ClaimRequest,
  now: number,
): Program<Omit<ClaimAnswer, 'now'>> {
  const { executorId, leaseMs } = request
  const rows = yield dueStep(statements, request, now)
  const due = Array.from(rows, (row) => fromRow(unpacked(row)))
  yield* writeByList(statements.claim, [executorId, now + leaseMs, now, now], due.map(idOf))
  const at = { now, executorId, leaseMs }
  return {
    records: due.map((record) => transitions.claim(record, at)),
    dueFrom: due[0]?.claimAt ?? null,
  }
}

/** A row whose small columns are one JSON text, as values in the order of `COLUMNS`. */
function unpacked(row: SqlRow): SqlRow {
  const values = JSON.parse(text(row[0])) as unknown[]
  for (let large = 1; large <= LARGE_COLUMNS.length; large += 1) values.push(row[large])
  return values
}

/** Reads due rows, the one due first at the front, packed. */
function dueStep(statements: Statements, request: ClaimRequest, now: number): ReadStep {
  const { queue, suspects, takeOver, from = Number.MIN_SAFE_INTEGER } = request
  const except = filledUp((request.exceptTaskIds ?? []).filter(isStorable))
  const limit = suspects === 'only' ? Math.min(request.limit, 1) : request.limit
  const due = statements.due({ suspects, takeOver, exceptCount: except.length })
  return read(due, [queue, from, now, ...except, limit])
}

/** `renew`: extends what is still held. */
export function* renew(
  statements: Statements,
  { claims, leaseMs }: RenewRequest,
  now: number,
): Program<{ outcomes: RenewOutcome[] }> {
  const guards = yield* readGuards(statements, claims.map(idOf))
  const held = claims.filter((claim) => isHeld(guards.get(claim.executionId), claim))
  yield* writeByList(statements.renew, [now + leaseMs, now], held.map(idOf))
  const stillHeld = new Set(held)
  return { outcomes: claims.map((claim) => (stillHeld.has(claim) ? 'renewed' : 'lost')) }
}

/** `release`: a settlement to `ready`; a resuming parent and a sleeping execution keep their status. */
export function* release(
  statements: Statements,
  { claims }: ReleaseRequest,
  now: number,
): Program<{ outcomes: GuardedOutcome[] }> {
  const rows = yield* readRecords(statements, claims.map(idOf))
  const { outcomes, changes } = planReleases(claims, rows)
  yield* writeChanges(statements, changes, now)
  return { outcomes }
}

function idOf({ executionId }: { readonly executionId: string }): string {
  return executionId
}
