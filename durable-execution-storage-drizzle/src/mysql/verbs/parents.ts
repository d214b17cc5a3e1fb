/** The parents of executions that finished: their counts, and handing them over when nothing is left to wait for. */
import { transitions, type ExecutionRecord, type HandOver } from 'durable-execution'

import type { At } from '../../insertions'
import type { SqlValue } from '../../row'
import { isDone } from '../../settling'
import { readRecords, writeRows } from '../lists'
import type { Connection } from '../session'
import type { Statements } from '../statements'

/**
 * Brings the counts of waiting parents down, each in one write, and claims for the caller those that have nothing to wait for
 * any more and whose queue it takes. Answers the claimed. The parents are locked.
 *
 * @param deltas - By how much, by execution id. 0: the row itself has just begun to wait, for nothing.
 */
export async function bringDown(
  connection: Connection,
  statements: Statements,
  deltas: ReadonlyMap<string, number>,
  handOver: HandOver,
  at: At,
): Promise<ExecutionRecord[]> {
  const found = await readRecords(connection, statements.records, [...deltas.keys()])
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
  await writeRows(connection, statements.parent, written.map(valuesOf))
  return handedOver
}

/** In the order of `PARENT_COLUMNS`, and the id. */
function valuesOf(parent: ExecutionRecord): SqlValue[] {
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
