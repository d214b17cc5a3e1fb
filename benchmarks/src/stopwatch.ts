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

/** The share of the machine's processors that is in use during some work, by whatever, in percent. */
export async function busyDuring(work: () => Promise<unknown>): Promise<number> {
  const before = processorTimes()
  await work()
  const after = processorTimes()
  return (100 * (after.busy - before.busy)) / (after.all - before.all)
}

function processorTimes(): { readonly busy: number; readonly all: number } {
  let busy = 0
  let idle = 0
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq
    idle += times.idle
  }
  return { busy, all: busy + idle }
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
