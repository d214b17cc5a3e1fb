/** `cancel`: executions with all their active descendants. */
import { isFinished, type CancelOutcome, type CancelRequest } from 'durable-execution'

import { errorText, type Guard } from '../../row'
import { text } from '../../values'
import { readClock } from '../clock'
import { readGuards, sortedIds } from '../lists'
import { note, read, write, type Program } from '../program'
import type { Statements } from '../statements'
import { bringDown } from './parents'

/** Nobody is handed a parent by a cancel: who claims nothing needs neither an id nor a lease. */
const NOBODY = { executorId: '', leaseMs: 0 }

/**
 * Cancels the targets that are active. First it locks the roots of their trees against everything that inserts below them or
 * finishes; only a statement after that sees the children that were inserted while it waited. The parents of targets come down
 * at the end, when those that were cancelled themselves wait no more.
 */
export function* cancel(
  statements: Statements,
  { executionIds, error }: CancelRequest,
  time: number | null,
): Program<{ outcomes: CancelOutcome[]; now: number }> {
  const roots = yield read(statements.roots, [sortedIds(executionIds)])
  if (roots.length > 0) {
    yield read(statements.lockRoots, [sortedIds(roots.map((row) => text(row[0])))])
  }
  const guards = yield* readGuards(statements.guards, executionIds)
  const active = [...guards.values()].filter(({ status }) => !isFinished(status))
  const doomed = yield* lockActive(statements, active)
  const now = yield* readClock(statements, time)
  if (doomed.length > 0) yield write(statements.cancel, [doomed, errorText(error), now])
  yield note({ cancelled: doomed })
  const deltas = new Map<string, number>()
  for (const { parentExecutionId } of active) {
    if (parentExecutionId === null) continue
    deltas.set(parentExecutionId, (deltas.get(parentExecutionId) ?? 0) + 1)
  }
  yield* bringDown(statements, deltas, null, { ...NOBODY, now })
  const outcomes = executionIds.map((executionId): CancelOutcome => {
    const guard = guards.get(executionId)
    if (!guard) return 'missing'
    const isCancelled = guard.status === 'cancelled' || !isFinished(guard.status)
    return isCancelled ? 'cancelled' : 'finished'
  })
  return { outcomes, now }
}

/** Locks what is active of the targets and below them: claims and renewals go on meanwhile. Answers their ids. */
function* lockActive(statements: Statements, active: readonly Guard[]): Program<string[]> {
  if (active.length === 0) return []
  const activeIds = sortedIds(active.map(({ executionId }) => executionId))
  const rows = yield read(statements.doomed, [activeIds])
  const doomed = sortedIds(rows.map((row) => text(row[0])))
  yield* readGuards(statements.lockGuards, doomed)
  return doomed
}
