/** The verbs that change nothing. */
import {
  isHeld,
  type Claim,
  type ExecutionRecord,
  type LostClaim,
  type NextClaim,
  type RecoverRequest,
} from 'durable-execution'

import { fromRow, type SqlRow } from '../../row'
import { nullableNumber, text } from '../../values'
import { readByList, readGuards, readRecords } from '../lists'
import { read, type Program } from '../program'
import type { Statements } from '../statements'

/** `get`: rows in the order asked. */
export function* get(
  statements: Statements,
  request: { readonly executionIds: readonly string[] },
): Program<{ records: (ExecutionRecord | null)[] }> {
  const found = yield* readRecords(statements, request.executionIds)
  return { records: request.executionIds.map((executionId) => found.get(executionId) ?? null) }
}

/** `getChildren`: a page of children, and the finalize. */
export function* getChildren(
  statements: Statements,
  request: {
    readonly parentExecutionId: string
    readonly after?: number | undefined
    readonly limit: number
  },
): Program<{ children: ExecutionRecord[]; finalize: ExecutionRecord | null }> {
  const { parentExecutionId, after = -1, limit } = request
  const children = yield read(statements.children, [parentExecutionId, after, limit])
  const [finalize] = yield* records(statements.finalize, [parentExecutionId])
  return { children: Array.from(children, fromRow), finalize: finalize ?? null }
}

/** `lostClaims`: claims whose row is held by nobody or under another claim. */
export function* lostClaims(
  statements: Statements,
  { claims }: { readonly claims: readonly Claim[] },
): Program<{ lost: LostClaim[] }> {
  const guards = yield* readGuards(
    statements,
    claims.map(({ executionId }) => executionId),
  )
  const lost = claims.filter((claim) => !isHeld(guards.get(claim.executionId), claim))
  return {
    lost: lost.map(({ executionId }) => ({
      executionId,
      status: guards.get(executionId)?.status ?? null,
    })),
  }
}

/** `recover`: rows this executor holds and does not know of. */
export function* recover(
  statements: Statements,
  request: RecoverRequest,
  now: number,
): Program<{ records: ExecutionRecord[] }> {
  const { executorId, leaseMs, queues, from = Number.MIN_SAFE_INTEGER } = request
  const known = new Set(request.exceptExecutionIds)
  const found: ExecutionRecord[] = []
  for (const queue of queues) {
    const params = [queue, from, now + leaseMs, executorId]
    for (const record of yield* records(statements.heldBy, params)) {
      if (!known.has(record.executionId)) found.push(record)
    }
  }
  return { records: found }
}

/** `nextClaimAt`: the first row of each queue. */
export function* nextClaimAt(
  statements: Statements,
  { queues }: { readonly queues: readonly string[] },
  now: number,
): Program<{ next: NextClaim[] }> {
  const rows = yield* readByList(statements.nextClaimAt, queues)
  const claimAtOf = new Map(rows.map(queueAndTime))
  return {
    next: queues.map((queue) => {
      const claimAt = claimAtOf.get(queue) ?? null
      return { queue, claimAt, dueInMs: claimAt === null ? null : Math.max(0, claimAt - now) }
    }),
  }
}

function queueAndTime(row: SqlRow): [string, number | null] {
  return [text(row[0]), nullableNumber(row[1])]
}

/** The records a statement answers. */
export function* records(
  sql: string,
  params: readonly (string | number)[],
): Program<ExecutionRecord[]> {
  return Array.from(yield read(sql, params), fromRow)
}
