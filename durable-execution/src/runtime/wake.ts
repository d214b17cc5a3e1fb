/** Wakes sleeping executions from outside: by the task and the unique id they were enqueued with. */
import { DurableExecutionError, DurableExecutionNotFoundError, toStoredError } from '../errors'
import type { ExecutionRecord } from '../execution/record'
import { propertyOf, readOptions, show } from '../lib/validation'
import type { WakeOutcome } from '../storage/storage'
import { checkUniqueId, sleepingKey } from './plan'
import type { Flow, Runtime } from './runtime'
import { handOverOf } from './runtime'

/** How a sleeping execution is woken. */
export type WakeupOptions<TOutput> =
  | { readonly status: 'completed'; readonly output: TOutput }
  | { readonly status: 'failed'; readonly error: unknown }

/** Answers the finished execution: the one woken, or the newest that had finished before. */
export async function wakeExecution<TTransaction>(
  runtime: Runtime<TTransaction>,
  flow: Flow,
  target: { taskId: string; uniqueId: string },
  options: WakeupOptions<unknown>,
): Promise<ExecutionRecord> {
  const { storage, claimant } = runtime
  const key = sleepingKey(target.taskId, checkUniqueId(target.taskId, target.uniqueId))
  const outcome = toWakeOutcome(runtime, target.taskId, options)
  const { record, parent } = await runtime.gate.shared(() =>
    storage.untilAnswered(
      'wake',
      (verbs, signal) =>
        verbs.wake({
          sleepingKey: key,
          outcome,
          ...claimant,
          handOver: handOverOf(runtime),
          signal,
        }),
      {
        onFailure: (failedSentAt) => {
          flow.answerLost(failedSentAt)
        },
      },
    ),
  )
  if (parent) flow.resume(parent)
  if (record === null) {
    throw new DurableExecutionNotFoundError(
      `No execution of sleeping task ${target.taskId} with unique id ${JSON.stringify(target.uniqueId)}: enqueue it before it is woken`,
    )
  }
  flow.finished(record.executionId, () => record)
  return record
}

function toWakeOutcome<TTransaction>(
  runtime: Runtime<TTransaction>,
  taskId: string,
  options: unknown,
): WakeOutcome {
  const status = propertyOf(options, 'status')
  // An error may be `undefined` (anything can be thrown), but not left out.
  const isWhole = status === 'completed' || (status === 'failed' && hasKey(options, 'error'))
  if (!isWhole) {
    throw invalid(
      taskId,
      `expected { status: 'completed', output } or { status: 'failed', error }, got ${show(options)}`,
    )
  }
  const read = readOptions(options, ['status', status === 'failed' ? 'error' : 'output'])
  if (!read.isValid) throw invalid(taskId, read.problem)
  if (status === 'failed') {
    return { status, error: { ...toStoredError(read.value.error), isRetryable: false } }
  }
  const output = runtime.codec.encode(read.value.output, `Output of task ${taskId}`, {
    bytes: runtime.options.maxSerializedOutputDataSize,
    option: 'maxSerializedOutputDataSize',
  })
  return { status, output }
}

function hasKey(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
}

function invalid(taskId: string, problem: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`Invalid wake-up of task ${taskId}: ${problem}`, {
    code: 'invalid_input',
  })
}
