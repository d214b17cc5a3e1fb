/**
 * The one place where user code is called. Its end is a value: nothing it does can throw past here.
 *
 * At the time-out, on a lost claim and late in a shutdown its signal fires; its end is taken when the function ends, or after a
 * grace if it ignores the signal. Until then it keeps its slot and its claim, so that attempts do not overlap.
 */
import { DurableExecutionTimedOutError } from '../errors'
import type { Environment, Timer } from '../lib/environment'
import type { HeldClaim } from './held-claims'

/** How a run of user code ended. */
export type RunOutcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'timedOut'; readonly error: DurableExecutionTimedOutError }
  /** The claim is another's now: whatever the function did is not recorded. */
  | { readonly kind: 'lost' }
  /** The executor shuts down: the execution goes back with no attempt burned. */
  | { readonly kind: 'shutdown' }

type OwnEnd = Extract<RunOutcome, { kind: 'returned' | 'threw' }>

/** Calls user functions, and ends what takes too long. */
export class UserCalls {
  private readonly environment: Environment
  private readonly abortGraceMs: number
  /** Those that were begun in this turn and may still be under way. */
  private begun: UserCall[] = []

  /** @param abortGraceMs - For how long a function that was told to end may go on, in milliseconds. */
  constructor(environment: Environment, abortGraceMs: number) {
    this.environment = environment
    this.abortGraceMs = abortGraceMs
  }

  /** Calls a user function under a claim. Never rejects. */
  call(held: HeldClaim, run: () => unknown, timeoutMs: number): Promise<RunOutcome> {
    return new Promise((resolve) => {
      const call = new UserCall(held, timeoutMs, this.abortGraceMs, this.environment, resolve)
      this.limit(call)
      call.begin(run)
    })
  }

  /**
   * A timer fires in a later turn at the soonest: what has ended when this one ends needs none. Made for each call, timers would
   * cost as much as all else about a function that only computes.
   */
  private limit(call: UserCall): void {
    if (this.begun.length === 0) {
      this.environment.afterMicrotasks(() => {
        const { begun } = this
        this.begun = []
        for (const begunCall of begun) begunCall.limit()
      })
    }
    this.begun.push(call)
  }
}

/** One call of a user function. */
class UserCall {
  private readonly held: HeldClaim
  private readonly timeoutMs: number
  private readonly abortGraceMs: number
  private readonly environment: Environment
  private readonly resolve: (outcome: RunOutcome) => void
  /** On the monotonic clock. */
  private readonly begunAt: number
  private isEnded = false
  private timer: Timer | null = null
  private grace: Timer | null = null

  constructor(
    held: HeldClaim,
    timeoutMs: number,
    abortGraceMs: number,
    environment: Environment,
    resolve: (outcome: RunOutcome) => void,
  ) {
    this.held = held
    this.timeoutMs = timeoutMs
    this.abortGraceMs = abortGraceMs
    this.environment = environment
    this.resolve = resolve
    this.begunAt = environment.monotonic()
  }

  begin(run: () => unknown): void {
    const { held } = this
    held.onEnd = () => {
      this.awaitGrace()
    }
    if (held.endReason !== null) this.awaitGrace()
    void this.runToEnd(run)
  }

  private async runToEnd(run: () => unknown): Promise<void> {
    let end: OwnEnd
    try {
      end = { kind: 'returned', value: await run() }
    } catch (error) {
      end = { kind: 'threw', error }
    }
    this.finish(end)
  }

  /** Sets the time limit of a call that is still under way. */
  limit(): void {
    if (this.isEnded) return
    const { environment, timeoutMs, begunAt } = this
    const tookMs = environment.monotonic() - begunAt
    this.timer = environment.setTimer(Math.max(0, timeoutMs - tookMs), () => {
      this.held.end('timed_out', timedOut(this.timeoutMs))
    })
  }

  private awaitGrace(): void {
    this.grace = this.environment.setTimer(this.abortGraceMs, () => {
      this.finish(null)
    })
  }

  /** @param end - `null` if the function ignored its signal for longer than the grace. */
  private finish(end: OwnEnd | null): void {
    this.isEnded = true
    this.timer?.cancel()
    this.grace?.cancel()
    this.held.onEnd = null
    this.resolve(outcomeOf(this.held, end, this.timeoutMs))
  }
}

/** Made only when it is needed: an error costs more than all else here. */
function timedOut(timeoutMs: number): DurableExecutionTimedOutError {
  return new DurableExecutionTimedOutError(`Task execution timed out after ${timeoutMs} ms`)
}

function outcomeOf(held: HeldClaim, end: OwnEnd | null, timeoutMs: number): RunOutcome {
  switch (held.endReason) {
    case 'lost':
      return { kind: 'lost' }
    case 'timed_out':
      return { kind: 'timedOut', error: timedOut(timeoutMs) }
    case 'shutdown':
      // What was finished in time is kept.
      return end?.kind === 'returned' ? end : { kind: 'shutdown' }
    case null:
      return end ?? { kind: 'threw', error: timedOut(timeoutMs) }
  }
}
