/** Wakes sleeping executions from outside: by the task and the unique id they were enqueued with. */
import { DurableExecutionError, DurableExecutionNotFoundError, toStoredError } from '../errors'
import type { ExecutionRecord } from '../execution/record'
import { show } from '../lib/validation'
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
        onFailure: () => {
          flow.answerLost()
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
  flow.finished(record)
  return record
}

function toWakeOutcome<TTransaction>(
  runtime: Runtime<TTransaction>,
  taskId: string,
  options: WakeupOptions<unknown>,
): WakeOutcome {
  const status: unknown =
    typeof options === 'object' && options !== null ? options.status : undefined
  if (status !== 'completed' && status !== 'failed') {
    throw DurableExecutionError.nonRetryable(
      `Invalid wake-up of task ${taskId}: expected { status: 'completed', output } or { status: 'failed', error }, got ${show(options)}`,
      { code: 'invalid_input' },
    )
  }
  if (options.status === 'failed') {
    return { status: 'failed', error: { ...toStoredError(options.error), isRetryable: false } }
  }
  const output = runtime.codec.encode(options.output, `Output of task ${taskId}`, {
    bytes: runtime.options.maxSerializedOutputDataSize,
    option: 'maxSerializedOutputDataSize',
  })
  return { status: 'completed', output }
}
