/** P11: a backlog of a million tasks is drained: what that does to the memory. */
import { fillTable } from '../databases/fill'
import { now, rate } from '../stopwatch'
import { openExecutor } from '../systems/durable-execution'
import { outputOf, type Input } from '../systems/queue'
import { scaled, type Workload } from '../workload'

const TASKS = 1_000_000
const TASK_ID = 'bench'
const LOOK_MS = 500
const MEGABYTE = 2 ** 20

interface Look {
  readonly at: number
  readonly rss: number
}

export const memory: Workload = {
  id: 'P11',
  title: 'A backlog of 1,000,000 tasks drained with 1,000 slots: the memory',
  storages: ['pg'],
  systems: ['durable-execution'],
  isLong: true,
  async run(context) {
    const { executor, ended, opened, close } = await openExecutor(context)
    executor.task({
      id: TASK_ID,
      timeoutMs: 60_000,
      run: async (_context, input: Input) => outputOf(input),
    })
    const count = scaled(context, TASKS, 1000)
    await fillTable(context.url, [{ kind: 'ready', count, taskId: TASK_ID }])
    const looks: Look[] = []
    const looking = setInterval(() => {
      looks.push({ at: now(), rss: process.memoryUsage.rss() / MEGABYTE })
    }, LOOK_MS)
    const startedAt = now()
    await executor.start()
    await ended.whenAt(count)
    const ms = now() - startedAt
    clearInterval(looking)
    globalThis.gc?.()
    const heap = process.memoryUsage().heapUsed / MEGABYTE
    await close()
    const figures = {
      drain: rate(count, ms),
      heap,
      rss_slope: slopeOf(looks.slice(Math.floor(looks.length / 2))) * 60_000,
    }
    return { figures, settings: `defaults; ${opened.settings}` }
  },
}

/** The slope of the straight line with the least squares of differences, in megabytes a millisecond. */
function slopeOf(looks: readonly Look[]): number {
  if (looks.length < 2) return 0
  const meanAt = looks.reduce((sum, { at }) => sum + at, 0) / looks.length
  const meanRss = looks.reduce((sum, { rss }) => sum + rss, 0) / looks.length
  let products = 0
  let squares = 0
  for (const { at, rss } of looks) {
    products += (at - meanAt) * (rss - meanRss)
    squares += (at - meanAt) ** 2
  }
  return products / squares
}
