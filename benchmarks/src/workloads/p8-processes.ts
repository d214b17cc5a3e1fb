/** P8: one, two and four worker processes on one PostgreSQL. */
import { childTask } from 'durable-execution'
import pg from 'pg'

import { WORKER_TASKS } from '../running/worker'
import { startWorker } from '../running/workers'
import { rate, timedWithBusy } from '../stopwatch'
import { openExecutor } from '../systems/durable-execution'
import { BATCH, batchesOf, Counter, inputsFrom, outputOf, type Input } from '../systems/queue'
import { scaled, type BenchContext, type Workload } from '../workload'

const SLOTS = 50
/** About four seconds each: 50 slots do 2,500 tasks of 20 ms a second. */
const TASKS_OF_ONE = 10_000

export const processes: Workload = {
  id: 'P8',
  title: 'One, two and four worker processes of 50 slots, each function sleeps 20 ms',
  storages: ['pg'],
  systems: ['durable-execution'],
  async run(context) {
    const deadlocksBefore = await deadlocks(context.url)
    const one = await runWith(context, 1)
    const two = await runWith(context, 2)
    const four = await runWith(context, 4)
    return {
      figures: {
        one_worker: one.rate,
        two_workers: two.rate,
        four_workers: four.rate,
        one_busy: one.busy,
        two_busy: two.busy,
        four_busy: four.busy,
        ran_twice: one.twice + two.twice + four.twice,
        deadlocks: (await deadlocks(context.url)) - deadlocksBefore,
      },
      settings: `maxConcurrentTaskExecutions ${SLOTS}, else defaults; busy: of the machine's processors, all processes together`,
    }
  },
}

/** The work is there before the workers start to take it: each holds still until all are up. */
async function runWith(
  context: BenchContext,
  workers: number,
): Promise<{ readonly rate: number; readonly busy: number; readonly twice: number }> {
  const { executor, close } = await openExecutor(context)
  const nap = executor.task({
    id: WORKER_TASKS.nap,
    timeoutMs: 60_000,
    run: async (_context, input: Input) => outputOf(input),
  })
  const settled = new Counter()
  const twice = new Map<number, number>()
  const started = await Promise.all(
    Array.from({ length: workers }, (_, index) =>
      startWorker(
        {
          storage: context.storage,
          url: context.url,
          options: { maxConcurrentTaskExecutions: SLOTS },
        },
        (message) => {
          if (message.type !== 'settled') return
          settled.add(message.count)
          twice.set(index, message.twice)
        },
      ),
    ),
  )
  const count = scaled(context, TASKS_OF_ONE * workers, 100)
  const batches = batchesOf(inputsFrom(0, count), BATCH)
  const { ms, busy } = await timedWithBusy(async () => {
    const enqueued = batches.map((batch) =>
      executor.enqueueTasks(batch.map((input) => childTask(nap, input))),
    )
    await Promise.all([...enqueued, settled.whenAt(count)])
  })
  await Promise.all(started.map((worker) => worker.stop()))
  await close()
  const ranTwice = [...twice.values()].reduce((sum, value) => sum + value, 0)
  return { rate: rate(count, ms), busy, twice: ranTwice }
}

async function deadlocks(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ deadlocks: string }>(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    )
    return Number(rows[0]?.deadlocks)
  } finally {
    await client.end()
  }
}
