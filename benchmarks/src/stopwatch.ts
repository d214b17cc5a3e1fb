/** Times and processor time of this process. */

/** Milliseconds since some moment. */
export function now(): number {
  return performance.now()
}

/** How long some work takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = now()
  await work()
  return now() - startedAt
}

/** The processor time that this process uses during some work, in microseconds, all threads together. */
export async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Resolves after so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** Tasks a second. */
export function rate(count: number, ms: number): number {
  return (1000 * count) / ms
}
