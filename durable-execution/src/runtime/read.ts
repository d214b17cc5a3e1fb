/** Reads one execution for a handle. */
import { DurableExecutionError, DurableExecutionNotFoundError } from '../errors'
import type { ExecutionRecord } from '../execution/record'
import { delay } from '../lib/environment'
import { show } from '../lib/validation'
import type { TaskExecutionsStorage } from '../storage/storage'
import { isExecutionId } from '../task/options'
import type { Runtime } from './runtime'
import { notFound } from './wait'

/** Between two looks for a row whose transaction is not committed yet, in milliseconds. */
const COMMIT_LOOK_MS = 20

/**
 * @param mayBeMissingUntil - Until when a missing row means "not committed yet", on the monotonic clock.
 * @throws `DurableExecutionNotFoundError`
 */
export async function readExecution<TTransaction>(
  runtime: Runtime<TTransaction>,
  executionId: string,
  mayBeMissingUntil = -Infinity,
): Promise<ExecutionRecord> {
  const { environment } = runtime
  for (;;) {
    const record = await readOnce(runtime, executionId)
    if (record) return record
    if (environment.monotonic() >= mayBeMissingUntil) throw notFound(executionId)
    await delay(environment, COMMIT_LOOK_MS)
  }
}

/**
 * Finds an execution of a task, by an id that comes from users without types too.
 *
 * @throws `DurableExecutionNotFoundError`, also for an id that none can have; a non-retryable `DurableExecutionError` for what is no
 * text: a database might refuse it in a way that looks like an outage.
 * @returns The row as it was read, or as it was claimed, if it runs here: it is there then, and of one task, without a look.
 */
export async function readExecutionOf<TTransaction>(
  runtime: Runtime<TTransaction>,
  taskId: string,
  executionId: unknown,
): Promise<ExecutionRecord> {
  if (typeof executionId !== 'string') {
    throw DurableExecutionError.nonRetryable(
      `Invalid execution id for task ${taskId}: expected text, got ${show(executionId)}`,
      { code: 'invalid_task' },
    )
  }
  if (!isExecutionId(executionId)) throw notFound(show(executionId))
  const record = runtime.held.recordOf(executionId) ?? (await readExecution(runtime, executionId))
  if (record.taskId === taskId) return record
  throw new DurableExecutionNotFoundError(
    `Execution ${executionId} of task ${taskId} not found: it is one of another task`,
  )
}

async function readOnce<TTransaction>(
  { storage, lifecycle }: Runtime<TTransaction>,
  executionId: string,
): Promise<ExecutionRecord | null> {
  const get = (verbs: TaskExecutionsStorage<TTransaction>, signal: AbortSignal) =>
    verbs.get({ executionIds: [executionId], signal })
  // After the shutdown nothing is repeated for long: the caller sees that the storage is away.
  const { records } = await (lifecycle === 'stopped'
    ? storage.fewTimes('get', get)
    : storage.untilAnswered('get', get))
  return records[0] ?? null
}
