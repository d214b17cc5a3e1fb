/** The verbs that change nothing: one statement each, with the clock behind its rows. */
import {
  isHeld,
  type Claim,
  type ExecutionRecord,
  type LostClaim,
  type NextClaim,
  type RecoverRequest,
  type StorageAnswer,
  type StorageCall,
} from 'durable-execution'

import { COLUMNS, fromRow, GUARD_COLUMNS, toGuard } from '../../row'
import { nullableNumber, text } from '../../values'
import { byExecutionId, sortedIds, withClock } from '../lists'
import { read, type PgValue, type Program } from '../program'
import type { Statements } from '../statements'

/** `get`: rows in the order asked. */
export function* get(
  statements: Statements,
  request: StorageCall & { readonly executionIds: readonly string[] },
): Program<StorageAnswer & { records: (ExecutionRecord | null)[] }> {
  const { executionIds } = request
  const params = [timeOf(request), sortedIds(executionIds)]
  const { now, records } = yield* readClocked(statements.get, params)
  const found = byExecutionId(records)
  return { records: executionIds.map((executionId) => found.get(executionId) ?? null), now }
}

/** `getChildren`: a page of children, and the finalize. */
export function* getChildren(
  statements: Statements,
  request: StorageCall & {
    readonly parentExecutionId: string
    readonly after?: number | undefined
    readonly limit: number
  },
): Program<StorageAnswer & { children: ExecutionRecord[]; finalize: ExecutionRecord | null }> {
  const { parentExecutionId, after = -1, limit, now: time = null } = request
  const params = [time, parentExecutionId, after, limit]
  const { now, records } = yield* readClocked(statements.children, params)
  const children = records.filter(({ parent }) => parent?.isFinalize === false)
  const finalize = records.find(({ parent }) => parent?.isFinalize === true) ?? null
  return { children: children.sort((a, b) => indexOf(a) - indexOf(b)), finalize, now }
}

/** `lostClaims`: claims whose row is held by nobody or under another claim. */
export function* lostClaims(
  statements: Statements,
  request: StorageCall & { readonly claims: readonly Claim[] },
): Program<StorageAnswer & { lost: LostClaim[] }> {
  const { claims } = request
  const executionIds = sortedIds(claims.map(({ executionId }) => executionId))
  const answer = yield read(statements.getGuards, [timeOf(request), executionIds])
  const { now, rows } = withClock(answer, GUARD_COLUMNS.length)
  const guards = byExecutionId(rows.map(toGuard))
  const lost = claims.filter((claim) => !isHeld(guards.get(claim.executionId), claim))
  return {
    lost: lost.map(({ executionId }) => ({
      executionId,
      status: guards.get(executionId)?.status ?? null,
    })),
    now,
  }
}

/** `recover`: rows this executor holds and does not know of. */
export function* recover(
  statements: Statements,
  request: RecoverRequest,
): Program<StorageAnswer & { records: ExecutionRecord[] }> {
  const { executorId, leaseMs, queues, now: time = null } = request
  const { from = Number.MIN_SAFE_INTEGER } = request
  const known = new Set(request.exceptExecutionIds)
  const params = [time, sortedIds(queues), from, leaseMs, executorId]
  const { now, records } = yield* readClocked(statements.heldBy, params)
  return { records: records.filter(({ executionId }) => !known.has(executionId)), now }
}

/** `nextClaimAt`: the first row of each queue. */
export function* nextClaimAt(
  statements: Statements,
  request: StorageCall & { readonly queues: readonly string[] },
): Program<StorageAnswer & { next: NextClaim[] }> {
  const { queues } = request
  const answer = yield read(statements.nextClaimAt, [timeOf(request), sortedIds(queues)])
  const { now, rows } = withClock(answer, 2)
  const claimAtOf = new Map(rows.map((row) => [text(row[0]), nullableNumber(row[1])]))
  const next = queues.map((queue): NextClaim => {
    const claimAt = claimAtOf.get(queue) ?? null
    return { queue, claimAt, dueInMs: claimAt === null ? null : Math.max(0, claimAt - now) }
  })
  return { next, now }
}

function* readClocked(
  sql: string,
  params: readonly PgValue[],
): Program<{ records: ExecutionRecord[]; now: number }> {
  const { now, rows } = withClock(yield read(sql, params), COLUMNS.length)
  return { records: rows.map(fromRow), now }
}

function timeOf({ now }: StorageCall): number | null {
  return now ?? null
}

function indexOf({ parent }: ExecutionRecord): number {
  return parent?.indexInParent ?? 0
}
