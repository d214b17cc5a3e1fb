/** P6: a table of millions: ready, delayed and finished rows, in one queue and in two; and ready ones that became due in no order of their places. */
import { fillTable } from '../databases/fill'
import type { Figures } from '../measurement'
import { rate, timed } from '../stopwatch'
import { openExecutor } from '../systems/durable-execution'
import { outputOf, type Input } from '../systems/queue'
import { scaled, type BenchContext, type Workload } from '../workload'

const ROWS = 1_000_000
const TASKS = 20_000
const TASK_ID = 'bench'

export const backlog: Workload = {
  id: 'P6',
  title: 'Drain 20,000 of 1,000,000 ready tasks, beside millions of others',
  storages: ['pg'],
  systems: ['durable-execution'],
  isLong: true,
  async run(context) {
    const rows = scaled(context, ROWS)
    const { opened, close } = await openExecutor(context)
    await fillTable(context.url, [
      { kind: 'ready', count: rows, queue: 'one', taskId: TASK_ID },
      { kind: 'ready', count: rows / 2, queue: 'two', taskId: TASK_ID },
      { kind: 'ready', count: rows / 2, queue: 'three', taskId: TASK_ID },
      { kind: 'scattered', count: rows, queue: 'four', taskId: TASK_ID },
      { kind: 'delayed', count: rows, queue: 'one', taskId: TASK_ID },
      { kind: 'finished', count: rows, queue: 'one', taskId: TASK_ID },
    ])
    const drainEach = async (): Promise<Figures> => ({
      drain: await drainOf(context, ['one']),
      drain_two_queues: await drainOf(context, ['two', 'three']),
      drain_scattered: await drainOf(context, ['four']),
    })
    // A first round of each: compiled code, as in P1; what is in memory of so large a table.
    await drainEach()
    const figures = await drainEach()
    await close()
    return {
      figures,
      settings: `defaults; ${opened.settings}; 3,000,000 rows are ready in four queues, 1,000,000 delayed, 1,000,000 finished; scattered: in each millisecond a thousandth of the table, from all over it, became due`,
    }
  },
}

async function drainOf(context: BenchContext, queues: readonly string[]): Promise<number> {
  const { executor, ended, close } = await openExecutor(
    context,
    { queues: [...queues] },
    { isShared: true },
  )
  executor.task({
    id: TASK_ID,
    timeoutMs: 60_000,
    run: async (_context, input: Input) => outputOf(input),
  })
  const count = scaled(context, TASKS, 100)
  const ms = await timed(async () => {
    await executor.start()
    await ended.whenAt(count)
  })
  await close()
  return rate(count, ms)
}
