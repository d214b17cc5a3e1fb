/**
 * P3: one task at a time is enqueued and its result waited for, while nothing else happens. For bare SQL: one insert with its commit.
 * One after the other, and each after a pause in which everything fell asleep.
 */
import { percentile, type Figures } from '../measurement'
import { now, pause, timed } from '../stopwatch'
import { isBareSql, openBareSql, openQueue } from '../systems/open'
import { inputOf } from '../systems/queue'
import { ALL_SYSTEMS, scaled, STORAGES, type BenchContext, type Workload } from '../workload'

/**
 * Calls before the first that is measured, so that the compiler has done with most of what a call runs; of a system that takes
 * longer no more than come to this, in milliseconds.
 */
const WARM_UP = 4000
/** One statement is compiled sooner. */
const WARM_UP_OF_BARE_SQL = 1000
const WARM_UP_MS = 3000
/** The same calls once more. */
const WARM_UP_SYNCED = 100
const SAMPLES = 300
/** Of calls that find everything asleep, and for how long it was, in milliseconds. */
const IDLE_SAMPLES = 20
const IDLE_MS = 20

export const result: Workload = {
  id: 'P3',
  title: 'From enqueue to result, one at a time',
  storages: STORAGES,
  systems: ALL_SYSTEMS,
  run: (context) => (isBareSql(context) ? ofBareSql(context) : ofQueue(context)),
}

async function ofQueue(context: BenchContext) {
  const queue = await openQueue(context)
  await queue.start()
  const roundTrip = (n: number): Promise<void> => queue.roundTrip(inputOf(n))
  const samples = await sample(context, WARM_UP, roundTrip)
  const figures: Figures = {
    result_p50: percentile(samples, 0.5),
    result_p99: percentile(samples, 0.99),
    result_idle_p50: percentile(await sampleIdle(context, roundTrip), 0.5),
  }
  await queue.whileSynced?.(async () => {
    const synced = await sample(context, WARM_UP_SYNCED, roundTrip)
    figures.result_synced_p50 = percentile(synced, 0.5)
    figures.result_synced_p99 = percentile(synced, 0.99)
  })
  await queue.close()
  return { figures, settings: queue.settings }
}

async function ofBareSql(context: BenchContext) {
  const bare = await openBareSql(context)
  const commit = (): Promise<void> => bare.commitOne()
  const figures: Figures = {
    commit: percentile(await sample(context, WARM_UP_OF_BARE_SQL, commit), 0.5),
    commit_idle: percentile(await sampleIdle(context, commit), 0.5),
  }
  await bare.close()
  return { figures, settings: bare.settings }
}

async function sample(
  context: BenchContext,
  warmUp: number,
  work: (n: number) => Promise<void>,
): Promise<number[]> {
  const before = scaled(context, warmUp, 20)
  const end = now() + WARM_UP_MS
  for (let count = 0; count < before && now() < end; count += 1) await work(count)
  return timesOf(scaled(context, SAMPLES, 20), work)
}

function sampleIdle(context: BenchContext, work: (n: number) => Promise<void>): Promise<number[]> {
  return timesOf(scaled(context, IDLE_SAMPLES, 5), work, () => pause(IDLE_MS))
}

/** @param before - Done before each, and not timed. */
async function timesOf(
  count: number,
  work: (n: number) => Promise<void>,
  before?: () => Promise<void>,
): Promise<number[]> {
  const times: number[] = []
  for (let left = count; left > 0; left -= 1) {
    if (before) await before()
    times.push(await timed(() => work(left)))
  }
  return times
}
