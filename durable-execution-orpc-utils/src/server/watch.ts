/** The stream of a wait: says soon and then now and again that it goes on, in the end the finished execution. */
import {
  delay,
  type Environment,
  type FinishedTaskExecution,
  type TaskExecutionHandle,
} from 'durable-execution'

import type { WireExecution, WireWaitEvent } from '../wire'

/** What finishes sooner needs no heartbeat, in milliseconds. */
const FIRST_HEARTBEAT_MS = 1000

/** One wait. */
export interface Watch {
  readonly handle: TaskExecutionHandle
  readonly environment: Environment
  readonly heartbeatMs: number
  /** After about so long the stream ends, in milliseconds, whether the execution has finished or not. */
  readonly longestStreamMs: number
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal | undefined
  readonly show: (execution: FinishedTaskExecution) => WireExecution
  readonly toAnswer: (thrown: unknown) => unknown
}

/**
 * All waits of a server are one of its executor's: it looks for all of them at once, however many callers there are. Nothing is left
 * waiting when the stream ends, whichever side ends it.
 */
export async function* watchExecution(watch: Watch): AsyncGenerator<WireWaitEvent, void, void> {
  const { handle, environment, heartbeatMs, longestStreamMs, signal, show, toAnswer } = watch
  const end = new AbortController()
  const over = signal ? AbortSignal.any([signal, end.signal]) : end.signal
  const finished = handle.waitAndGetFinishedExecution({ signal: over })
  // Nobody may be looking when it fails.
  finished.catch(() => undefined)
  try {
    let pauseMs = Math.min(heartbeatMs, FIRST_HEARTBEAT_MS)
    for (let ms = 0; ms < longestStreamMs; ms += pauseMs, pauseMs = heartbeatMs) {
      const execution = await within(environment, pauseMs, over, finished)
      yield execution === null
        ? { type: 'waiting', heartbeatMs }
        : { type: 'finished', execution: show(execution) }
      if (execution !== null) return
    }
  } catch (error) {
    // The caller is gone: there's nobody to tell.
    if (signal?.aborted !== true) throw toAnswer(error)
  } finally {
    end.abort()
  }
}

/** What is waited for, or `null` after so many milliseconds. Leaves no timer behind. */
async function within<T>(
  environment: Environment,
  ms: number,
  signal: AbortSignal,
  promise: Promise<T>,
): Promise<T | null> {
  const settled = new AbortController()
  try {
    const timeout = delay(environment, ms, AbortSignal.any([signal, settled.signal]))
    return await Promise.race([promise, timeout.then(() => null)])
  } finally {
    settled.abort()
  }
}
