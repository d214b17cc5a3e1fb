/** The stream of a wait: says soon and then now and again that it goes on, in the end the finished execution. */
import type { Environment, FinishedTaskExecution, TaskExecutionHandle } from 'durable-execution'

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
  const gone = (): void => {
    end.abort(signal?.reason)
  }
  signal?.addEventListener('abort', gone, { once: true })
  if (signal?.aborted === true) gone()
  const finished = handle.waitAndGetFinishedExecution({ signal: end.signal })
  // Nobody may be looking when it fails.
  finished.catch(() => undefined)
  let isFinished = false
  try {
    let pauseMs = Math.min(heartbeatMs, FIRST_HEARTBEAT_MS)
    for (let ms = 0; ms < longestStreamMs && !isFinished; ms += pauseMs, pauseMs = heartbeatMs) {
      const execution = await within(environment, pauseMs, finished)
      isFinished = execution !== null
      yield execution === null
        ? { type: 'waiting', heartbeatMs }
        : { type: 'finished', execution: show(execution) }
    }
  } catch (error) {
    // The caller is gone: there's nobody to tell.
    if (signal?.aborted !== true) throw toAnswer(error)
  } finally {
    signal?.removeEventListener('abort', gone)
    if (!isFinished) end.abort()
  }
}

/** What is waited for, or `null` after so many milliseconds. Leaves no timer behind. */
function within<T>(environment: Environment, ms: number, promise: Promise<T>): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const timer = environment.setTimer(ms, () => {
      resolve(null)
    })
    promise.then(resolve, reject).finally(() => {
      timer.cancel()
    })
  })
}
