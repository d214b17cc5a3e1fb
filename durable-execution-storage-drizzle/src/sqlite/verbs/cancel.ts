/** `cancel`: executions with all their active descendants. */
import { isFinished, type CancelOutcome, type CancelRequest } from 'durable-execution'

import { errorText } from '../../row'
import { readGuards, writeByList } from '../lists'
import type { Program } from '../program'
import type { Statements } from '../statements'
import { bringDown } from './parents'

/** Nobody is handed a parent by a cancel: who claims nothing needs neither an id nor a lease. */
const NOBODY = { executorId: '', leaseMs: 0 }

/**
 * Cancels the targets that are active. The parents of targets come down only afterwards, when those that were cancelled
 * themselves wait no more.
 */
export function* cancel(
  statements: Statements,
  { executionIds, error }: CancelRequest,
  now: number,
): Program<{ outcomes: CancelOutcome[] }> {
  const guards = yield* readGuards(statements, executionIds)
  const active = [...guards.values()].filter(({ status }) => !isFinished(status))
  yield* writeByList(
    statements.cancel,
    [errorText(error), now, now],
    active.map(({ executionId }) => executionId),
  )
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
