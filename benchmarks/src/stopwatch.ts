/** Times, and processor time of this process and of the machine. */
import { cpus } from 'node:os'

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

/** How long some work takes, in milliseconds, and the share of the machine's processors in use meanwhile, by whatever, in percent. */
export async function timedWithBusy(
  work: () => Promise<unknown>,
): Promise<{ readonly ms: number; readonly busy: number }> {
  const before = busyMs()
  const ms = await timed(work)
  return { ms, busy: (100 * (busyMs() - before)) / (ms * cpus().length) }
}

/** What all processors were busy for so far, in milliseconds. */
function busyMs(): number {
  return cpus().reduce((ms, { times }) => ms + times.user + times.nice + times.sys + times.irq, 0)
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
