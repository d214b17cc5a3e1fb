/**
 * How long statements wait for locks while other things happen. Each database tells it in another way, so the storage's own test
 * passes a probe in; it is asked again and again, and what it tells is summed up.
 */
import { systemEnvironment } from 'durable-execution'

/**
 * Answers how long the waits for locks took that have ended since it was asked last, in milliseconds. A wait still under way
 * counts when it has ended.
 */
export type LockProbe = () => Promise<readonly number[]>

/** How long statements waited for locks, in milliseconds. */
export interface LockWaits {
  /** How many statements waited at all. */
  readonly count: number
  /** Of a hundred statements one waited longer; those that did not wait are among the hundred. */
  readonly p99Ms: number
  /** Of a hundred statements that waited, one waited longer. */
  readonly p99OfWaitsMs: number
  readonly longestMs: number
}

/** How often the probe is asked, in milliseconds. */
const INTERVAL_MS = 5

/**
 * Asks a probe until the work is done, and once more. Answers how long each wait took, in milliseconds.
 *
 * @throws What the work throws, and what the probe throws.
 * @example
 * const waits = await watchLocks(probe, runMixedLoad())
 * expect(sumUpLocks(waits, statementsOfTheLoad).p99Ms).toBeLessThanOrEqual(100)
 */
export async function watchLocks(probe: LockProbe, work: Promise<unknown>): Promise<number[]> {
  const waits: number[] = []
  let isOver = false
  const over = work.finally(() => {
    isOver = true
  })
  const watching = async (): Promise<void> => {
    for (;;) {
      const isLast = isOver
      waits.push(...(await probe()))
      if (isLast) return
      await new Promise<void>((resolve) => {
        systemEnvironment.setTimer(INTERVAL_MS, resolve)
      })
    }
  }
  await Promise.all([over, watching()])
  return waits
}

/**
 * Sums waits up.
 *
 * @param statements - How many statements were sent while they were watched, or the least it can have been.
 */
export function sumUpLocks(waitsMs: readonly number[], statements: number): LockWaits {
  const sorted = [...waitsMs].sort((a, b) => b - a)
  const exceededBy = (share: number, of: number): number => sorted[Math.floor(of * share)] ?? 0
  return {
    count: sorted.length,
    p99Ms: exceededBy(0.01, Math.max(statements, sorted.length)),
    p99OfWaitsMs: exceededBy(0.01, sorted.length),
    longestMs: sorted[0] ?? 0,
  }
}
