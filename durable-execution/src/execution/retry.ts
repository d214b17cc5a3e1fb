/** When a failed run is tried again. Pure. */

/** How often and how fast a failed run is tried again. */
export interface RetryOptions {
  /** Retries after the first run. @default 0 */
  maxAttempts?: number | undefined
  /** Delay before the first retry, in milliseconds. @default 0 */
  baseDelayMs?: number | undefined
  /** Factor by which each delay is longer than the one before. @default 1 */
  delayMultiplier?: number | undefined
  /** The longest delay, in milliseconds. @default 100 years */
  maxDelayMs?: number | undefined
  /** Share of the delay that is random, from 0 (none) to 1 (all of it). @default 0 */
  jitter?: number | undefined
}

/** {@link RetryOptions} with every default filled in. */
export interface ResolvedRetryOptions {
  readonly maxAttempts: number
  readonly baseDelayMs: number
  readonly delayMultiplier: number
  readonly maxDelayMs: number
  readonly jitter: number
}

/** The longest duration the suite accepts: 100 years, in milliseconds. */
export const MAX_DURATION_MS = 100 * 365 * 24 * 60 * 60 * 1000

/** Whether this is a delay that every storage can reckon with, in milliseconds. */
export function isDelay(ms: unknown): ms is number {
  return typeof ms === 'number' && ms >= 0 && ms <= MAX_DURATION_MS
}

/** The retry options of a task that gives none: no retry. */
export const NO_RETRIES: ResolvedRetryOptions = Object.freeze({
  maxAttempts: 0,
  baseDelayMs: 0,
  delayMultiplier: 1,
  maxDelayMs: MAX_DURATION_MS,
  jitter: 0,
})

/**
 * Milliseconds to wait before retry `retry` (1, 2, …):
 * `min(baseDelayMs · delayMultiplier^(retry − 1), maxDelayMs)`, of which the share `jitter` is random. With `jitter: 1`
 * this is the "full jitter" of M. Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
 *
 * @param random - A number in [0, 1).
 */
export function retryDelayMs(options: ResolvedRetryOptions, retry: number, random: number): number {
  const { baseDelayMs, delayMultiplier, maxDelayMs, jitter } = options
  // 0 · Infinity is NaN: no base, no delay.
  if (baseDelayMs === 0) return 0
  const full = Math.min(baseDelayMs * delayMultiplier ** (retry - 1), maxDelayMs, MAX_DURATION_MS)
  return Math.round(full * (1 - jitter * random))
}
