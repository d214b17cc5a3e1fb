/** Reads one execution for a handle. */
import type { ExecutionRecord } from '../execution/record'
import { delay } from '../lib/environment'
import type { TaskExecutionsStorage } from '../storage/storage'
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
