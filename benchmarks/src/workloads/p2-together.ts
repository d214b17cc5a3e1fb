/** P2: tasks are enqueued and run at the same time, by one process. For bare SQL: the whole cycle of insert, claim and completion. */
import { costsOf } from '../costs'
import type { Figures } from '../measurement'
import { rate, timed } from '../stopwatch'
import { isBareSql, openBareSql, openQueue } from '../systems/open'
import { inputOf, inputsFrom } from '../systems/queue'
import { ALL_SYSTEMS, scaled, STORAGES, type BenchContext, type Workload } from '../workload'
import { warmUp } from './warm-up'

const TASKS = 20_000

export const together: Workload = {
  id: 'P2',
  title: 'Enqueue and run 20,000 tasks at the same time',
  storages: STORAGES,
  systems: ALL_SYSTEMS,
  sharesProcess: true,
  async run(context) {
    await warmUp(context)
    return isBareSql(context) ? ofBareSql(context) : ofQueue(context)
  },
}

async function ofQueue(context: BenchContext) {
  const queue = await openQueue(context)
  const count = scaled(context, TASKS * (queue.share ?? 1), 100)
  const inputs = inputsFrom(1, count)
  await queue.start()
  // A worker that has been up for a while.
  await queue.roundTrip(inputOf(0))
  const figures: Figures = {}
  const costs = await costsOf(context, count, async () => {
    const ms = await timed(() => Promise.all([queue.enqueue(inputs), queue.whenDone(count + 1)]))
    figures.together = rate(count, ms)
  })
  Object.assign(figures, costs)
  await queue.close()
  return { figures, settings: queue.settings }
}

async function ofBareSql(context: BenchContext) {
  const bare = await openBareSql(context)
  const count = scaled(context, TASKS, 100)
  const inputs = inputsFrom(0, count)
  const figures: Figures = {}
  const ms = await timed(async () => {
    await bare.insert(inputs)
    await bare.drain()
  })
  figures.together = rate(count, ms)
  const { drainOverlapped } = bare
  if (drainOverlapped) {
    const overlappedMs = await timed(async () => {
      await bare.insert(inputs)
      await drainOverlapped()
    })
    figures.together_overlapped = rate(count, overlappedMs)
  }
  await bare.close()
  return { figures, settings: bare.settings }
}
