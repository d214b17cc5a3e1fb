/** Waiting for conditions that announce themselves to nobody: by looking again and again, up to a generous limit. */
import { AssertionError } from 'node:assert'

/** Where waiting takes its time from. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  monotonic(): number
  /** Resolves after at least `ms` milliseconds. */
  pause(ms: number): Promise<void>
}

/** The machine's own clock. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  pause: (ms) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms)
    }),
}

/** Limits of a wait. */
export interface UntilOptions {
  /** After this the condition is held to be broken, in milliseconds. @default 30000 */
  readonly limitMs?: number | undefined
  /** Between two looks, in milliseconds. @default 5 */
  readonly intervalMs?: number | undefined
  /** @default the machine's own */
  readonly clock?: Clock | undefined
}

/**
 * Resolves when the condition holds.
 *
 * @param what - What is waited for, for the message.
 * @throws An assertion error if it does not hold within the limit, and what the condition throws.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  options: UntilOptions = {},
): Promise<void> {
  const { limitMs = 30_000, intervalMs = 5, clock = systemClock } = options
  const giveUpAt = clock.monotonic() + limitMs
  while (!(await condition())) {
    if (clock.monotonic() >= giveUpAt) {
      throw new AssertionError({ message: `Waited ${limitMs} ms in vain until ${what}` })
    }
    await clock.pause(intervalMs)
  }
}
