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

/** The waits for locks, in milliseconds. Statements that did not wait are not among them. */
export interface LockWaits {
  readonly count: number
  readonly p50Ms: number
  /** Of a hundred statements that waited at all, one waited longer. */
  readonly p99Ms: number
  readonly longestMs: number
}

/** How often the probe is asked, in milliseconds. */
const INTERVAL_MS = 5

/**
 * Asks a probe until the work is done, and once more.
 *
 * @throws What the work throws, and what the probe throws.
 * @example
 * const waits = await watchLocks(probe, runMixedLoad())
 * expect(waits.p99Ms).toBeLessThanOrEqual(100)
 */
export async function watchLocks(probe: LockProbe, work: Promise<unknown>): Promise<LockWaits> {
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
  return sumUp(waits)
}

function sumUp(waits: readonly number[]): LockWaits {
  const sorted = [...waits].sort((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), longestMs: at(1) }
}
