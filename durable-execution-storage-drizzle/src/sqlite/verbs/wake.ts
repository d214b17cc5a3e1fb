/** `wake`: finishes a sleeping execution from outside. */
import {
  applyChange,
  transitions,
  type ExecutionRecord,
  type WakeAnswer,
  type WakeRequest,
} from 'durable-execution'

import type { At } from '../../insertions'
import { isHandedOverTo } from '../../settling'
import { readRecords } from '../lists'
import type { Program } from '../program'
import type { Statements } from '../statements'
import { writeChanges } from './changes'
import { bringDown } from './parents'
import { records } from './reads'

type Woken = Omit<WakeAnswer, 'now'>

/** Finishes the active execution with this key; if there is none, answers the newest finished one. */
export function* wake(
  statements: Statements,
  request: Pick<WakeRequest, 'sleepingKey' | 'outcome' | 'handOver'>,
  at: At,
): Program<Woken> {
  const [sleeper] = yield* records(statements.activeSleeper, [request.sleepingKey])
  if (!sleeper) return yield* findFinished(statements, request.sleepingKey, at)
  const { executionId } = sleeper
  const change = transitions.wakeUp(sleeper, request.outcome)
  const row = { executionId, change, activeChildrenCount: 0 }
  yield* writeChanges(statements, [row], at.now)
  const record = applyChange(sleeper, change, { now: at.now, activeChildrenCount: 0 })
  if (!record.parent) return { record, parent: null }
  const deltas = new Map([[record.parent.executionId, 1]])
  const [parent] = yield* bringDown(statements, deltas, request.handOver, at)
  return { record, parent: parent ?? null }
}

function* findFinished(statements: Statements, sleepingKey: string, at: At): Program<Woken> {
  // ';' comes after ':', which ends the key in the key of a finished execution.
  const range = [`${sleepingKey}:`, `${sleepingKey};`]
  const [record] = yield* records(statements.finishedSleeper, range)
  const parent = record ? yield* parentOf(statements, record) : null
  return {
    record: record ?? null,
    parent: parent && isHandedOverTo(parent, at) ? parent : null,
  }
}

function* parentOf(
  statements: Statements,
  { parent }: ExecutionRecord,
): Program<ExecutionRecord | null> {
  if (!parent) return null
  const found = yield* readRecords(statements, [parent.executionId])
  return found.get(parent.executionId) ?? null
}
