/**
 * Waiting for SQLite's one write lock. SQLite's own busy time-out blocks the event loop while it waits, so ours is short, and
 * what is left of the waiting is done with timers.
 */
import { Backoff, delay, DurableExecutionError, type Environment } from 'durable-execution'

import { classify } from './errors'

export { Line, lineOf } from '../line'

/** The longest SQLite may wait inside one of our statements, with the event loop blocked, in milliseconds. */
export const BUSY_TIMEOUT_MS = 10

/** How long a call waits for the lock before it fails, in milliseconds. */
export const PATIENCE_MS = 5000

const FIRST_PAUSE_MS = 4
const LONGEST_PAUSE_MS = 100

/** How a call waits. */
export interface Waiting {
  readonly environment: Environment
  /** The moment on the monotonic clock at which the call fails. */
  readonly until: number
  readonly signal?: AbortSignal | undefined
}

/** Tries again, after growing pauses, as long as the database is busy. The first try begins before this returns. */
export async function untilFree<T>(
  attempt: () => T | Promise<T>,
  { environment, until, signal }: Waiting,
): Promise<T> {
  const backoff = new Backoff({
    baseMs: FIRST_PAUSE_MS,
    maxMs: LONGEST_PAUSE_MS,
    random: () => environment.random(),
  })
  for (;;) {
    if (signal?.aborted === true) throw givenUp()
    try {
      return await attempt()
    } catch (error) {
      const pauseMs = backoff.next()
      const isWorthWaiting = environment.monotonic() + pauseMs < until
      if (classify(error) !== 'busy' || !isWorthWaiting) throw error
      await delay(environment, pauseMs, signal)
    }
  }
}

function givenUp(): DurableExecutionError {
  return DurableExecutionError.retryable('The call was given up while the database was busy', {
    code: 'storage',
  })
}
