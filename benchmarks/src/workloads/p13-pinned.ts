/** P13: a transaction is left open, so that dead rows can't be cleaned away, under a steady load. */
import pg from 'pg'

import { percentile } from '../measurement'
import { now, pause, rate } from '../stopwatch'
import { openExecutor, type OpenedExecutor } from '../systems/durable-execution'
import { scaled, type BenchContext, type Workload } from '../workload'

const TASKS_PER_SECOND = 2000
const EVERY_MS = 10
const FREE_MS = 30_000
const PINNED_MS = 120_000

interface Load {
  readonly throughput: number
  readonly start_p50: number
  readonly start_p99: number
}

export const pinned: Workload = {
  id: 'P13',
  title: 'A transaction left open for two minutes under 2,000 tasks a second',
  storages: ['pg'],
  systems: ['durable-execution'],
  isLong: true,
  async run(context) {
    const opened = await openExecutor(context)
    const load = makeLoad(opened)
    await opened.executor.start()
    await load(2000)
    const free = await load(scaled(context, FREE_MS, 1000))
    const { throughput, start_p50, start_p99 } = await whilePinned(context, () =>
      load(scaled(context, PINNED_MS, 1000)),
    )
    await opened.close()
    return {
      figures: {
        ...free,
        pinned_throughput: throughput,
        pinned_start_p50: start_p50,
        pinned_start_p99: start_p99,
      },
      settings: `defaults; ${opened.opened.settings}; from the call of enqueueTask to the start of the function`,
    }
  },
}

/** A steady load for some time. */
function makeLoad({ executor, ended }: OpenedExecutor): (ms: number) => Promise<Load> {
  let latencies: number[] = []
  let enqueued = 0
  const task = executor.task({
    id: 'bench',
    timeoutMs: 60_000,
    run: async (_context, enqueuedAt: number) => {
      latencies.push(now() - enqueuedAt)
    },
  })
  return async (ms) => {
    latencies = []
    const startedAt = now()
    const enqueuing: Promise<unknown>[] = []
    let count = 0
    for (let elapsed = 0; elapsed < ms; elapsed = now() - startedAt) {
      const due = Math.floor((elapsed * TASKS_PER_SECOND) / 1000)
      for (; count < due; count += 1) enqueuing.push(executor.enqueueTask(task, now()))
      await pause(EVERY_MS)
    }
    enqueued += count
    await Promise.all(enqueuing)
    await ended.whenAt(enqueued)
    return {
      throughput: rate(count, now() - startedAt),
      start_p50: percentile(latencies, 0.5),
      start_p99: percentile(latencies, 0.99),
    }
  }
}

async function whilePinned<T>({ url }: BenchContext, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  // A snapshot is taken by the first statement, and held.
  await client.query('SELECT count(*) FROM pg_class')
  try {
    return await work()
  } finally {
    await client.query('ROLLBACK')
    await client.end()
  }
}
