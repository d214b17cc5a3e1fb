/** The parents of executions that finished: their counts, and handing them over when nothing is left to wait for. */
import { transitions, type ExecutionRecord, type HandOver } from 'durable-execution'

import type { At } from '../../insertions'
import type { SqlValue } from '../../row'
import { isDone } from '../../settling'
import { readRecords } from '../lists'
import { writeEach, type Program } from '../program'
import type { Statements } from '../statements'

/**
 * Brings the counts of waiting parents down, each in one write, and claims for the caller those that have nothing to wait for
 * any more and whose queue it takes. Answers the claimed.
 *
 * @param deltas - By how much, by execution id. 0: the row itself has just begun to wait, for nothing.
 */
export function* bringDown(
  statements: Statements,
  deltas: ReadonlyMap<string, number>,
  handOver: HandOver,
  at: At,
): Program<ExecutionRecord[]> {
  const found = yield* readRecords(statements, [...deltas.keys()])
  const written: ExecutionRecord[] = []
  const handedOver: ExecutionRecord[] = []
  for (const [executionId, delta] of deltas) {
    const before = found.get(executionId)
    if (!before) continue
    const broughtDown = transitions.bringDown(before, delta, at.now)
    const isTaken = isDone(broughtDown) && handOver?.queues.includes(before.queue) === true
    const after = isTaken ? transitions.claim(broughtDown, at) : broughtDown
    if (isTaken) handedOver.push(after)
    if (after !== before) written.push(after)
  }
  if (written.length > 0) yield writeEach(statements.parent, written.map(paramsOf))
  return handedOver
}

/** In the order of the placeholders of `Statements.parent`. */
function paramsOf(parent: ExecutionRecord): SqlValue[] {
  return [
    parent.takeovers,
    parent.claimCount,
    parent.executorId,
    parent.claimAt,
    parent.activeChildrenCount,
    parent.updatedAt,
    parent.executionId,
  ]
}
