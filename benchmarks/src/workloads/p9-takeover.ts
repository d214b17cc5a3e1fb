/** P9: a worker is killed in the midst of 50 running tasks; another takes them over. */
import { childTask } from 'durable-execution'

import { percentile } from '../measurement'
import { WORKER_TASKS } from '../running/worker'
import { startWorker } from '../running/workers'
import { pause } from '../stopwatch'
import { openExecutor } from '../systems/durable-execution'
import { Counter } from '../systems/queue'
import { scaled, type BenchContext, type Workload } from '../workload'

const TASKS = 50
const KILLS = 100
/** Kills that are under way at once: each waits for a lease, and asks next to nothing of the machine meanwhile. */
const AT_ONCE = 4
const LEASE_MS = 15_000
const SHORT_LEASE_MS = 2000

export const takeover: Workload = {
  id: 'P9',
  title: `A worker is killed in the midst of ${TASKS} running tasks, ${KILLS} times, with the default lease and with one of 2 s`,
  storages: ['pg'],
  systems: ['durable-execution'],
  isLong: true,
  async run(context) {
    const short = await killMany(context, SHORT_LEASE_MS)
    const long = await killMany(context, LEASE_MS)
    return {
      figures: {
        takeover_p50: percentile(long.latencies, 0.5),
        takeover_p99: percentile(long.latencies, 0.99),
        takeover_max: Math.max(...long.latencies),
        short_takeover_p50: percentile(short.latencies, 0.5),
        short_takeover_p99: percentile(short.latencies, 0.99),
        short_takeover_max: Math.max(...short.latencies),
        not_taken_over: short.missing + long.missing,
      },
      settings: `leaseMs ${LEASE_MS} and ${SHORT_LEASE_MS}, else defaults`,
    }
  },
}

async function killMany(
  context: BenchContext,
  leaseMs: number,
): Promise<{ readonly latencies: readonly number[]; readonly missing: number }> {
  const { executor, close } = await openExecutor(context, { leaseMs })
  const hold = executor.task({ id: WORKER_TASKS.hold, timeoutMs: 3_600_000, run: () => null })
  const latencies: number[] = []
  let missing = 0
  let left = scaled(context, KILLS, 1)
  const killAgain = async (lane: number): Promise<void> => {
    // Queues keep the pairs of workers apart.
    const queue = `lane_${lane}`
    while (left > 0) {
      left -= 1
      const took = await killOnce({ context, leaseMs, queue }, () =>
        executor.enqueueTasks(
          Array.from({ length: TASKS }, () => childTask(hold, undefined, { queue })),
        ),
      )
      latencies.push(...took)
      missing += TASKS - took.length
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => killAgain(lane)))
  await close()
  return { latencies, missing }
}

interface Kill {
  readonly context: BenchContext
  readonly leaseMs: number
  readonly queue: string
}

/** Answers how long after the kill each execution was taken over, in milliseconds. */
async function killOnce(
  { context: { storage, url }, leaseMs, queue }: Kill,
  enqueue: () => Promise<readonly { cancel(): Promise<void> }[]>,
): Promise<number[]> {
  const setup = { storage, url, options: { leaseMs, queues: [queue] } }
  const running = new Counter()
  const takenOver = new Counter()
  const times: number[] = []
  const victim = await startWorker(setup, ({ type }) => {
    if (type === 'started') running.add()
  })
  const handles = await enqueue()
  await running.whenAt(TASKS)
  const heir = await startWorker(setup, (message) => {
    if (message.type !== 'taken_over') return
    times.push(message.at)
    takenOver.add()
  })
  // The heir has seen the storage healthy for long enough, and the kill meets any moment between two renewals.
  await pause(leaseMs / 2 + (Math.random() * leaseMs) / 3)
  const killedAt = Date.now()
  victim.kill()
  await Promise.race([takenOver.whenAt(TASKS), pause(leaseMs * 4)])
  await Promise.all(handles.map((handle) => handle.cancel()))
  await heir.stop()
  return times.map((at) => at - killedAt)
}
