/** P3: one task at a time is enqueued and its result waited for, while nothing else happens. For bare SQL: one insert with its commit. */
import { percentile } from '../measurement'
import { timed } from '../stopwatch'
import { isBareSql, openBareSql, openQueue } from '../systems/open'
import { inputOf } from '../systems/queue'
import { ALL_SYSTEMS, scaled, STORAGES, type BenchContext, type Workload } from '../workload'
import { warmUp } from './warm-up'

/** Before these, tasks in batches for so long, in milliseconds. */
const WARM_UP_MS = 1000
/** Calls before the first that is measured. */
const WARM_UP = 200
const SAMPLES = 300

export const result: Workload = {
  id: 'P3',
  title: 'From enqueue to result, one at a time',
  storages: STORAGES,
  systems: ALL_SYSTEMS,
  async run(context) {
    await warmUp(context, WARM_UP_MS)
    return isBareSql(context) ? ofBareSql(context) : ofQueue(context)
  },
}

async function ofQueue(context: BenchContext) {
  const queue = await openQueue(context)
  await queue.start()
  const samples = await sample(context, (n) => queue.roundTrip(inputOf(n)))
  await queue.close()
  const figures = { result_p50: percentile(samples, 0.5), result_p99: percentile(samples, 0.99) }
  return { figures, settings: queue.settings }
}

async function ofBareSql(context: BenchContext) {
  const bare = await openBareSql(context)
  const samples = await sample(context, () => bare.commitOne())
  await bare.close()
  return { figures: { commit: percentile(samples, 0.5) }, settings: bare.settings }
}

async function sample(
  context: BenchContext,
  work: (n: number) => Promise<void>,
): Promise<number[]> {
  const samples: number[] = []
  const before = scaled(context, WARM_UP, 20)
  for (let count = 0; count < before; count += 1) await work(count)
  for (let count = scaled(context, SAMPLES, 20); count > 0; count -= 1) {
    samples.push(await timed(() => work(count)))
  }
  return samples
}
