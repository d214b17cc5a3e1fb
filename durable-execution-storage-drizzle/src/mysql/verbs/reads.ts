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
import type { Connection, Time } from '../session'
import type { Statements } from '../statements'

/** The most queues that one statement asks for. */
const MAX_QUEUES = 32

/** `get`: rows in the order asked. */
export async function get(
  connection: Connection,
  statements: Statements,
  request: { readonly executionIds: readonly string[] },
): Promise<{ records: (ExecutionRecord | null)[] }> {
  const found = await readRecords(connection, statements.records, request.executionIds)
  return { records: request.executionIds.map((executionId) => found.get(executionId) ?? null) }
}

/** `getChildren`: a page of children, and the finalize. */
export async function getChildren(
  connection: Connection,
  statements: Statements,
  request: {
    readonly parentExecutionId: string
    readonly after?: number | undefined
    readonly limit: number
  },
): Promise<{ children: ExecutionRecord[]; finalize: ExecutionRecord | null }> {
  const { parentExecutionId, after = -1, limit } = request
  const children = await records(connection, statements.children, [parentExecutionId, after, limit])
  const [finalize] = await records(connection, statements.finalize, [parentExecutionId])
  return { children, finalize: finalize ?? null }
}

/** `lostClaims`: claims whose row is held by nobody or under another claim. */
export async function lostClaims(
  connection: Connection,
  statements: Statements,
  { claims }: { readonly claims: readonly Claim[] },
): Promise<{ lost: LostClaim[] }> {
  const executionIds = claims.map(({ executionId }) => executionId)
  const guards = await readGuards(connection, statements.guards, executionIds)
  const lost = claims.filter((claim) => !isHeld(guards.get(claim.executionId), claim))
  return {
    lost: lost.map(({ executionId }) => ({
      executionId,
      status: guards.get(executionId)?.status ?? null,
    })),
  }
}

/** `recover`: rows this executor holds and does not know of. */
export async function recover(
  connection: Connection,
  statements: Statements,
  request: RecoverRequest,
  time: Time,
): Promise<{ records: ExecutionRecord[] }> {
  const now = await time()
  const { executorId, leaseMs, queues, from = Number.MIN_SAFE_INTEGER } = request
  const known = new Set(request.exceptExecutionIds)
  const found: ExecutionRecord[] = []
  for (const queue of queues) {
    const params = [queue, from, now + leaseMs, executorId]
    for (const record of await records(connection, statements.heldBy, params)) {
      if (!known.has(record.executionId)) found.push(record)
    }
  }
  return { records: found }
}

/** `nextClaimAt`: the first row of each queue. */
export async function nextClaimAt(
  connection: Connection,
  statements: Statements,
  { queues }: { readonly queues: readonly string[] },
  time: Time,
): Promise<{ next: NextClaim[] }> {
  const now = await time()
  const rows = await readByList(connection, statements.nextClaimAt, queues, MAX_QUEUES)
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
export async function records(
  connection: Connection,
  statement: string,
  params: readonly (string | number)[],
): Promise<ExecutionRecord[]> {
  return (await connection.read(statement, params)).map(fromRow)
}
