/** `cancel`: executions with all their active descendants. */
import { isFinished, type CancelOutcome, type CancelRequest } from 'durable-execution'

import { errorText, type Guard } from '../../row'
import { text } from '../../values'
import { inLockOrder, readByList, readGuards, readIds, writeByList } from '../lists'
import type { Connection, Time } from '../session'
import type { Statements } from '../statements'
import { bringDown } from './parents'

/** Nobody is handed a parent by a cancel: who claims nothing needs neither an id nor a lease. */
const NOBODY = { executorId: '', leaseMs: 0 }

/**
 * Cancels the targets that are active. The parents of targets come down only afterwards, when those that were cancelled
 * themselves wait no more.
 */
export async function cancel(
  connection: Connection,
  statements: Statements,
  { executionIds, error }: CancelRequest,
  time: Time,
): Promise<{ outcomes: CancelOutcome[] }> {
  await lockRoots(connection, statements, executionIds)
  const targets = await readGuards(connection, statements.guards, inLockOrder(executionIds))
  const active = [...targets.values()].filter(({ status }) => !isFinished(status))
  const doomed = await readTrees(connection, statements, active)
  const parentIds = active.flatMap(({ parentExecutionId }) => parentExecutionId ?? [])
  // A claim or a release, which need no root, may have come before: what they wrote is kept where the cancel leaves it.
  const locked = inLockOrder([...doomed, ...parentIds])
  const guards = await readGuards(connection, statements.lockedGuards, locked)
  const now = await time()
  await writeByList(connection, statements.cancel, [errorText(error), now, now], [...doomed])
  await bringDown(connection, statements, deltasOf(active), null, { ...NOBODY, now })
  return {
    outcomes: executionIds.map((executionId) =>
      outcomeOf(guards.get(executionId) ?? targets.get(executionId)),
    ),
  }
}

/** The roots are found without a lock: no execution ever gets another root. */
async function lockRoots(
  connection: Connection,
  statements: Statements,
  executionIds: readonly string[],
): Promise<void> {
  const rows = await readByList(connection, statements.roots, executionIds)
  const rootIds = inLockOrder(rows.map((row) => text(row[1])))
  await readGuards(connection, statements.lockedGuards, rootIds)
}

/** The targets and every active execution under them, level by level. Nothing is inserted meanwhile: the roots are locked. */
async function readTrees(
  connection: Connection,
  statements: Statements,
  targets: readonly Guard[],
): Promise<Set<string>> {
  const doomed = new Set<string>()
  let level = targets.map(({ executionId }) => executionId)
  while (level.length > 0) {
    for (const executionId of level) doomed.add(executionId)
    const below = await readIds(connection, statements.activeChildren, level)
    level = [...new Set(below)].filter((executionId) => !doomed.has(executionId))
  }
  return doomed
}

function deltasOf(cancelled: readonly Guard[]): Map<string, number> {
  const deltas = new Map<string, number>()
  for (const { parentExecutionId } of cancelled) {
    if (parentExecutionId === null) continue
    deltas.set(parentExecutionId, (deltas.get(parentExecutionId) ?? 0) + 1)
  }
  return deltas
}

function outcomeOf(guard: Guard | undefined): CancelOutcome {
  if (!guard) return 'missing'
  const isCancelled = guard.status === 'cancelled' || !isFinished(guard.status)
  return isCancelled ? 'cancelled' : 'finished'
}
