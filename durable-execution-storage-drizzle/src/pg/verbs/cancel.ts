/** `cancel`: executions with all their active descendants. */
import { isFinished, type CancelOutcome, type CancelRequest } from 'durable-execution'

import { errorText } from '../../row'
import { text } from '../../values'
import { readGuards, sortedIds } from '../lists'
import { read, write, type Program } from '../program'
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
  now: number,
): Program<{ outcomes: CancelOutcome[] }> {
  const roots = yield read(statements.roots, [sortedIds(executionIds)])
  if (roots.length > 0) {
    yield read(statements.lockRoots, [sortedIds(roots.map((row) => text(row[0])))])
  }
  const guards = yield* readGuards(statements.guards, executionIds)
  const active = [...guards.values()].filter(({ status }) => !isFinished(status))
  if (active.length > 0) {
    const activeIds = sortedIds(active.map(({ executionId }) => executionId))
    yield write(statements.cancel, [activeIds, errorText(error), now])
  }
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
  return { outcomes }
}
