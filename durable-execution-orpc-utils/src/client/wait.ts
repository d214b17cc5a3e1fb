/**
 * Waits for a remote execution: listens to a stream of the server's, and opens a new one where it breaks off, whatever the reason:
 * a connection cut or gone silent, a server that restarts, a proxy with a time limit.
 */
import { isRepeatable, toDurableError } from '../errors'
import type { WireExecution, WireWaitEvent } from '../wire'
import { Attempt, contextOf, Pauses, type Caller } from './calls'
import type { ProcedureOptions } from './router-client'

/** A stream that lasted so long was a good one: the next pause is short. */
const GOOD_STREAM_MS = 5000
/** How long the end of a stream may take after the last event. */
const END_MS = 1000
/** How many heartbeats may be late before the connection counts as dead. */
const LATE_HEARTBEATS = 2

type OpenStream = (options: ProcedureOptions) => Promise<AsyncIterable<WireWaitEvent>>

/**
 * @throws The signal's reason when it is aborted; the answer of the server as a `DurableExecutionError` where it says no; a retryable
 * one when it could not be reached for longer than `longestOutageMs`.
 */
export async function waitUntilFinished(
  caller: Caller,
  signal: AbortSignal | undefined,
  open: OpenStream,
): Promise<WireExecution> {
  const { environment, options } = caller
  const pauses = new Pauses(caller)
  let lastContact = environment.monotonic()
  for (;;) {
    signal?.throwIfAborted()
    const openedAt = environment.monotonic()
    let failure = null
    try {
      const execution = await listen(caller, signal, open, () => {
        lastContact = environment.monotonic()
      })
      if (execution !== null) return execution
    } catch (error) {
      signal?.throwIfAborted()
      failure = toDurableError(error, environment.now())
      const isOver = environment.monotonic() - lastContact >= options.longestOutageMs
      if (isOver || !isRepeatable(error)) throw failure
    }
    if (lastContact - openedAt >= GOOD_STREAM_MS) pauses.reset()
    await pauses.next(failure, signal)
  }
}

/** Listens to one stream. Answers `null` if it ended before the execution did. */
async function listen(
  { environment, options }: Caller,
  signal: AbortSignal | undefined,
  open: OpenStream,
  heard: () => void,
): Promise<WireExecution | null> {
  const attempt = new Attempt(environment, signal)
  attempt.expectWithin(options.callTimeoutMs)
  try {
    const context = await contextOf(options)
    const stream = await attempt.orEnd(open({ signal: attempt.signal, ...context }))
    const events = stream[Symbol.asyncIterator]()
    for (;;) {
      const next = await attempt.orEnd(events.next())
      if (next.done === true) {
        attempt.end()
        return null
      }
      heard()
      if (next.value.type === 'finished') {
        void readToEnd(events, attempt)
        return next.value.execution
      }
      attempt.expectWithin(next.value.heartbeatMs * LATE_HEARTBEATS + options.callTimeoutMs)
    }
  } catch (error) {
    attempt.breakOff()
    throw error
  }
}

/** The server ends the stream now. A connection that is read to its end serves the next call; one that is broken off is lost. */
async function readToEnd(events: AsyncIterator<unknown>, attempt: Attempt): Promise<void> {
  attempt.expectWithin(END_MS)
  try {
    await attempt.orEnd(events.next())
    attempt.end()
  } catch {
    // What was waited for has come.
    attempt.breakOff()
  }
}
