/** `wake`: finishes a sleeping execution from outside. */
import {
  applyChange,
  transitions,
  type ExecutionRecord,
  type WakeAnswer,
  type WakeRequest,
} from 'durable-execution'

import type { At } from '../../insertions'
import { fromRow } from '../../row'
import { isHandedOverTo } from '../../settling'
import { readClock } from '../clock'
import { ConflictError } from '../errors'
import { readRecords, sortedIds } from '../lists'
import { note, read, type Program } from '../program'
import type { Statements } from '../statements'
import { writeChanges } from './changes'
import { bringDown } from './parents'

/** Finishes the active execution with this key; if there is none, answers the newest finished one. */
export function* wake(statements: Statements, request: WakeRequest): Program<WakeAnswer> {
  const { executorId, leaseMs } = request
  const sleeper = yield* lockSleeper(statements, request.sleepingKey)
  const now = yield* readClock(statements, request.now ?? null)
  const at = { executorId, leaseMs, now }
  if (!sleeper) return yield* findFinished(statements, request.sleepingKey, at)
  const { executionId } = sleeper
  const change = transitions.wakeUp(sleeper, request.outcome)
  yield* writeChanges(statements, [{ executionId, change, activeChildrenCount: 0 }], at.now)
  const record = applyChange(sleeper, change, { now: at.now, activeChildrenCount: 0 })
  yield note({ finished: [executionId] })
  if (!record.parent) return { record, parent: null, now }
  const deltas = new Map([[record.parent.executionId, 1]])
  const [parent] = yield* bringDown(statements, deltas, request.handOver, at)
  return { record, parent: parent ?? null, now }
}

/** Locks the tree, the parent and the sleeper, as `settle` does. Meanwhile another may have woken it. */
function* lockSleeper(
  statements: Statements,
  sleepingKey: string,
): Program<ExecutionRecord | undefined> {
  const before = yield* sleeperOf(statements, sleepingKey)
  if (!before) return undefined
  const { executionId, root, parent } = before
  const own = parent ? [executionId, parent.executionId] : [executionId]
  if (parent) yield read(statements.lockRootsShared, [[root.executionId]])
  const locked = yield* readRecords(statements.lockRecords, sortedIds(own))
  const sleeper = locked.get(executionId)
  if (sleeper?.sleepingKey === sleepingKey && sleeper.finishedAt === null) return sleeper
  const after = yield* sleeperOf(statements, sleepingKey)
  if (after) throw new ConflictError('Another execution fell asleep with the same key')
  return undefined
}

function* sleeperOf(
  statements: Statements,
  sleepingKey: string,
): Program<ExecutionRecord | undefined> {
  const [row] = yield read(statements.activeSleeper, [sleepingKey])
  return row ? fromRow(row) : undefined
}

function* findFinished(statements: Statements, sleepingKey: string, at: At): Program<WakeAnswer> {
  // ';' comes after ':', which ends the key in the key of a finished execution.
  const [row] = yield read(statements.finishedSleeper, [`${sleepingKey}:`, `${sleepingKey};`])
  if (!row) return { record: null, parent: null, now: at.now }
  const record = fromRow(row)
  const parentId = record.parent?.executionId
  if (parentId === undefined) return { record, parent: null, now: at.now }
  const parent = (yield* readRecords(statements.records, [parentId])).get(parentId)
  return { record, parent: parent && isHandedOverTo(parent, at) ? parent : null, now: at.now }
}
