/** `wake`: finishes a sleeping execution from outside. */
import {
  applyChange,
  isFinished,
  transitions,
  type ExecutionRecord,
  type WakeAnswer,
  type WakeRequest,
} from 'durable-execution'

import type { At } from '../../insertions'
import { isHandedOverTo } from '../../settling'
import { readRecords } from '../lists'
import type { Connection, Time } from '../session'
import type { Statements } from '../statements'
import { writeChanges } from './changes'
import { lockTrees } from './locks'
import { bringDown } from './parents'
import { records } from './reads'

type Woken = Omit<WakeAnswer, 'now'>

/** Finishes the active execution with this key; if there is none, answers the newest finished one. */
export async function wake(
  connection: Connection,
  statements: Statements,
  request: WakeRequest,
  time: Time,
): Promise<Woken> {
  const sleeper = await lockSleeper(connection, statements, request.sleepingKey)
  const at = { ...request, now: await time() }
  if (!sleeper) return findFinished(connection, statements, request.sleepingKey, at)
  const { executionId } = sleeper
  const change = transitions.wakeUp(sleeper, request.outcome)
  const row = { executionId, change, activeChildrenCount: 0 }
  await writeChanges(connection, statements, [row], at.now)
  const record = applyChange(sleeper, change, { now: at.now, activeChildrenCount: 0 })
  if (!record.parent) return { record, parent: null }
  const deltas = new Map([[record.parent.executionId, 1]])
  const [parent] = await bringDown(connection, statements, deltas, request.handOver, at)
  return { record, parent: parent ?? null }
}

/**
 * The active execution with this key, locked with its tree. Found without a lock, then read again: where it finished meanwhile,
 * another may have its key by now.
 */
async function lockSleeper(
  connection: Connection,
  statements: Statements,
  sleepingKey: string,
): Promise<ExecutionRecord | null> {
  for (;;) {
    const [found] = await records(connection, statements.activeSleeper, [sleepingKey])
    if (!found) return null
    const { executionId, root, parent } = found
    const parentExecutionId = parent?.executionId ?? null
    await lockTrees(connection, statements, [
      { executionId, rootExecutionId: root.executionId, parentExecutionId },
    ])
    const locked = await readRecords(connection, statements.records, [executionId])
    const sleeper = locked.get(executionId)
    if (sleeper && !isFinished(sleeper.status)) return sleeper
  }
}

async function findFinished(
  connection: Connection,
  statements: Statements,
  sleepingKey: string,
  at: At,
): Promise<Woken> {
  // ';' comes after ':', which ends the key in the key of a finished execution.
  const range = [`${sleepingKey}:`, `${sleepingKey};`]
  const [record] = await records(connection, statements.finishedSleeper, range)
  const parentId = record?.parent?.executionId
  const found =
    parentId === undefined ? null : await readRecords(connection, statements.records, [parentId])
  const parent = found?.get(parentId ?? '') ?? null
  return {
    record: record ?? null,
    parent: parent && isHandedOverTo(parent, at) ? parent : null,
  }
}
