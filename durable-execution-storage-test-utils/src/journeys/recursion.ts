/** Journeys of tasks that are their own children. */
import { childTask, type DurableExecutor, type Task } from 'durable-execution'

import { aborted } from '../lib/latch'
import { same } from '../lib/same'
import { LONG_MS, type JourneyContext } from './context'
import type { Journey } from './journey'

const DEPTH = 100

/** A parent whose only child is itself, `depth` times; the innermost runs `bottom`. */
function defineDescent(
  executor: DurableExecutor,
  bottom: (signal: AbortSignal) => Promise<number>,
): { descent: Task<number, number>; innermost: Task<undefined, number> } {
  const innermost = executor.task({
    id: 'innermost',
    timeoutMs: LONG_MS,
    run: ({ cancelSignal }) => bottom(cancelSignal),
  })
  const descent: Task<number, number> = executor.parentTask({
    id: 'descent',
    timeoutMs: LONG_MS,
    runParent: (_context, depth: number) => ({
      output: depth,
      children: [depth === 1 ? childTask(innermost) : childTask(descent, depth - 1)],
    }),
    finalize: ({ children: [child] }) =>
      child?.status === 'completed' ? child.output + 1 : Number.NaN,
  })
  return { descent, innermost }
}

async function statusCounts(context: JourneyContext): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { status } of await context.rows()) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

export const recursionJourneys: readonly Journey[] = [
  {
    name: `a recursion ${DEPTH} deep comes back to the top`,
    run: async (context) => {
      const executor = await context.executor({ maxConcurrentTaskExecutions: 5 })
      const { descent } = defineDescent(executor, () => Promise.resolve(0))
      const handle = await executor.enqueueTask(descent, DEPTH)
      same(await handle.waitAndGetOutput(), DEPTH, 'depth')
      same(await statusCounts(context), { completed: 2 * DEPTH + 1 }, 'rows by status')
    },
  },
  {
    name: `a recursion is cancelled at depth ${DEPTH}, all of it`,
    run: async (context) => {
      const executor = await context.executor()
      let isAtTheBottom = false
      let hasSeenSignal = false
      const { descent } = defineDescent(executor, (signal) => {
        isAtTheBottom = true
        return aborted(signal).finally(() => {
          hasSeenSignal = true
        })
      })
      const handle = await executor.enqueueTask(descent, DEPTH)
      await context.until('the innermost runs', () => isAtTheBottom)
      await handle.cancel()
      same((await handle.waitAndGetFinishedExecution()).status, 'cancelled', 'status of the top')
      await context.until('the innermost sees its signal', () => hasSeenSignal)
      same(await statusCounts(context), { cancelled: DEPTH + 1 }, 'rows by status')
    },
  },
  {
    name: `a child at depth ${DEPTH} that is cancelled leaves its ancestors to be finalized`,
    run: async (context) => {
      const executor = await context.executor()
      const { descent, innermost } = defineDescent(executor, (signal) => aborted(signal))
      const handle = await executor.enqueueTask(descent, DEPTH)
      let bottomId = ''
      await context.until('the innermost runs', async () => {
        const rows = await context.rows()
        const running = rows.find((row) => row.taskId === innermost.id && row.status === 'running')
        bottomId = running?.executionId ?? ''
        return running !== undefined
      })
      await (await executor.getTaskExecutionHandle(innermost, bottomId)).cancel()
      same(await handle.waitAndGetOutput(), Number.NaN, 'output of the top')
      same(await statusCounts(context), { completed: 2 * DEPTH, cancelled: 1 }, 'rows by status')
    },
  },
]
