/**
 * The locks of trees. A root's lock stands for its tree: whoever changes what is under it, other than by a claim, has it. Without
 * it, a cancel misses the child that a settle inserts while the cancel waits for a row.
 */
import type { Guard } from '../../row'
import { inLockOrder, readGuards } from '../lists'
import type { Connection } from '../session'
import type { Statements } from '../statements'

/** Where an execution is. */
export interface Place {
  readonly executionId: string
  readonly rootExecutionId: string
  readonly parentExecutionId: string | null
}

/**
 * Locks the roots of these executions, then their parents, then the executions themselves, each set in the order of its ids.
 * Answers who holds each.
 */
export async function lockTrees(
  connection: Connection,
  statements: Statements,
  places: readonly Place[],
): Promise<Map<string, Guard>> {
  const locked = new Map<string, Guard>()
  const lock = async (executionIds: readonly string[]): Promise<void> => {
    const missing = inLockOrder(executionIds.filter((id) => !locked.has(id)))
    const guards = await readGuards(connection, statements.lockedGuards, missing)
    for (const [executionId, guard] of guards) locked.set(executionId, guard)
  }
  await lock(places.map(({ rootExecutionId }) => rootExecutionId))
  await lock(places.flatMap(({ parentExecutionId }) => parentExecutionId ?? []))
  await lock(places.map(({ executionId }) => executionId))
  return locked
}
