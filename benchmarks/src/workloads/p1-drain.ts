/** P1: tasks that are ready are run, and their results kept. */
import { costsOf } from '../costs'
import type { Figures } from '../measurement'
import { rate, timed } from '../stopwatch'
import { isBareSql, openBareSql, openQueue } from '../systems/open'
import { inputsFrom } from '../systems/queue'
import { ALL_SYSTEMS, scaled, STORAGES, type BenchContext, type Workload } from '../workload'
import { warmUp } from './warm-up'

const TASKS = 20_000

export const drain: Workload = {
  id: 'P1',
  title: 'Drain 20,000 ready tasks',
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
  const inputs = inputsFrom(0, count)
  const figures: Figures = {}
  const costs = await costsOf(context, count, async () => {
    const enqueueMs = await timed(() => queue.enqueue(inputs))
    const drainMs = await timed(async () => {
      await queue.start()
      await queue.whenDone(count)
    })
    Object.assign(figures, { enqueue: rate(count, enqueueMs), drain: rate(count, drainMs) })
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
  const costs = await costsOf(context, count, async () => {
    const insertMs = await timed(() => bare.insert(inputs))
    const drainMs = await timed(() => bare.drain())
    Object.assign(figures, { enqueue: rate(count, insertMs), drain: rate(count, drainMs) })
  })
  Object.assign(figures, costs)
  const { drainOverlapped } = bare
  if (drainOverlapped) {
    await bare.insert(inputs)
    figures.drain_overlapped = rate(count, await timed(drainOverlapped))
  }
  await bare.close()
  return { figures, settings: bare.settings }
}
