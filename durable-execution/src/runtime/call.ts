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

/** Time limits of a run, in milliseconds. */
export interface RunLimits {
  readonly timeoutMs: number
  readonly abortGraceMs: number
}

/** Calls a user function under a claim. Never rejects. */
export function callUserFunction(
  held: HeldClaim,
  call: () => unknown,
  limits: RunLimits,
  environment: Environment,
): Promise<RunOutcome> {
  return new Promise((resolve) => {
    let grace: Timer | null = null
    const timer = environment.setTimer(limits.timeoutMs, () => {
      held.end('timed_out', timedOut(limits))
    })
    const finish = (end: OwnEnd | null): void => {
      timer.cancel()
      grace?.cancel()
      held.onEnd = null
      resolve(outcomeOf(held, end, limits))
    }
    const awaitGrace = (): void => {
      grace = environment.setTimer(limits.abortGraceMs, () => {
        finish(null)
      })
    }
    held.onEnd = awaitGrace
    if (held.endReason !== null) awaitGrace()
    void endOf(call).then(finish)
  })
}

/** Made only when it is needed: an error costs more than all else here. */
function timedOut({ timeoutMs }: RunLimits): DurableExecutionTimedOutError {
  return new DurableExecutionTimedOutError(`Task execution timed out after ${timeoutMs} ms`)
}

async function endOf(call: () => unknown): Promise<OwnEnd> {
  try {
    return { kind: 'returned', value: await call() }
  } catch (error) {
    return { kind: 'threw', error }
  }
}

/** `end` is `null` if the function ignored its signal for longer than the grace. */
function outcomeOf(held: HeldClaim, end: OwnEnd | null, limits: RunLimits): RunOutcome {
  switch (held.endReason) {
    case 'lost':
      return { kind: 'lost' }
    case 'timed_out':
      return { kind: 'timedOut', error: timedOut(limits) }
    case 'shutdown':
      // What was finished in time is kept.
      return end?.kind === 'returned' ? end : { kind: 'shutdown' }
    case null:
      return end ?? { kind: 'threw', error: timedOut(limits) }
  }
}
