/**
 * Calls a procedure until somebody answers: what failed on the way is made again, a bounded number of times, with growing, jittered
 * pauses. Every procedure of the router may be called twice: a second enqueue with the same id is the first.
 */
import type { DurableExecutionError } from 'durable-execution/errors'

import { isRepeatable, toDurableError } from '../errors'
import { pause, type ClientEnvironment } from '../lib/environment'
import type { ResolvedClientOptions } from './options'
import type { ProcedureOptions } from './router-client'

/** A server asks for a longer pause than this: that is for the caller to wait. */
const LONGEST_PAUSE_MS = 60_000

/** How the handles call. */
export interface Caller {
  readonly environment: ClientEnvironment
  readonly options: ResolvedClientOptions
}

/** Pauses between tries of the same thing. */
export class Pauses {
  private tries = 0
  private readonly caller: Caller

  constructor(caller: Caller) {
    this.caller = caller
  }

  /** Ends after the next pause, or when the signal is aborted. */
  async next(error: DurableExecutionError | null, signal: AbortSignal | undefined): Promise<void> {
    const { environment, options } = this.caller
    const full = Math.min(options.baseDelayMs * 2 ** this.tries, options.maxDelayMs)
    this.tries += 1
    const ms = Math.max(full * (1 - environment.random() / 2), error?.retryAfterMs ?? 0)
    await pause(environment, Math.min(ms, LONGEST_PAUSE_MS), signal)
  }

  /** The thing worked: the next pause is the shortest again. */
  reset(): void {
    this.tries = 0
  }
}

/**
 * @throws The signal's reason when it is aborted; the answer of the server as a `DurableExecutionError`; a retryable one when there
 * was none after all repetitions.
 */
export async function callUntilAnswered<T>(
  caller: Caller,
  signal: AbortSignal | undefined,
  call: (options: ProcedureOptions) => Promise<T>,
): Promise<T> {
  const pauses = new Pauses(caller)
  for (let retries = 0; ; retries += 1) {
    signal?.throwIfAborted()
    try {
      return await callOnce(caller, signal, call)
    } catch (error) {
      signal?.throwIfAborted()
      const failure = toDurableError(error, caller.environment.now())
      const isLast = retries >= caller.options.maxRetries || failure.retryAfterMs > LONGEST_PAUSE_MS
      if (isLast || !isRepeatable(error)) throw failure
      await pauses.next(failure, signal)
    }
  }
}

/** One call, with a limit of time. */
async function callOnce<T>(
  { environment, options }: Caller,
  signal: AbortSignal | undefined,
  call: (options: ProcedureOptions) => Promise<T>,
): Promise<T> {
  const attempt = new Attempt(environment, signal)
  attempt.expectWithin(options.callTimeoutMs)
  try {
    const context = await contextOf(options)
    return await attempt.orEnd(call({ signal: attempt.signal, ...context }))
  } finally {
    attempt.end()
  }
}

/** The context of a call, as oRPC takes it. */
export async function contextOf({
  context,
}: Pick<ResolvedClientOptions, 'context'>): Promise<{ context?: object }> {
  if (context === undefined) return {}
  const make = typeof context === 'function' ? (context as () => object | Promise<object>) : null
  return { context: make === null ? context : await make() }
}

/** One try: aborted by the caller's signal, or when what is expected doesn't come in time. */
export class Attempt {
  private readonly controller = new AbortController()
  private readonly environment: ClientEnvironment
  private readonly outer: AbortSignal | undefined
  private timer: { cancel(): void } | null = null
  /** Fails what is waited for. A listener on the signal would cost more than all else here. */
  private fail: (reason: Error) => void = () => undefined

  constructor(environment: ClientEnvironment, signal: AbortSignal | undefined) {
    this.environment = environment
    this.outer = signal
    signal?.addEventListener('abort', this.abortWithOuter, { once: true })
    if (signal?.aborted === true) this.abortWithOuter()
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** Fails unless this is called again, or the attempt ends, within so many milliseconds. */
  expectWithin(ms: number): void {
    this.timer?.cancel()
    this.timer = this.environment.setTimer(ms, () => {
      this.abort(new NoAnswer(ms))
    })
  }

  /**
   * The same as the promise, or the reason of the abort as soon as there is one: not every link heeds a signal, and of an abort a link
   * says only that there was one.
   */
  orEnd<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this
    return new Promise((resolve, reject) => {
      this.fail = reject
      if (signal.aborted) reject(signal.reason as Error)
      promise.then(resolve, reject)
    })
  }

  /** Leaves neither a timer nor a listener behind. What is still under way goes on. */
  end(): void {
    this.timer?.cancel()
    this.outer?.removeEventListener('abort', this.abortWithOuter)
  }

  /** Ends it with all that is under way. */
  breakOff(): void {
    this.end()
    this.abort(undefined)
  }

  private abort(reason: unknown): void {
    this.controller.abort(reason)
    this.fail(this.signal.reason as Error)
  }

  private readonly abortWithOuter = (): void => {
    this.abort(this.outer?.reason)
  }
}

/** Counts as a failure of the network, which it most often is. */
class NoAnswer extends Error {
  override readonly name = 'TimeoutError'

  constructor(ms: number) {
    super(`No answer within ${ms} ms`)
  }
}
