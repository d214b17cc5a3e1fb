/** Journeys of many executions at once. */
import { childTask } from 'durable-execution'

import { holds, same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

const MANY_CHILDREN = 10_000
const SHARED_TASKS = 2000

function count(runs: Map<number, number>, index: number): void {
  runs.set(index, (runs.get(index) ?? 0) + 1)
}

export const crowdJourneys: readonly Journey[] = [
  {
    name: 'a parent with 10,000 children is finalized once with all of them, none run twice',
    run: async (context) => {
      // A lease in which so many rows can be written.
      const executor = await context.executor({
        leaseMs: LONG_MS,
        maxChildrenPerTaskExecution: MANY_CHILDREN,
      })
      const runs = new Map<number, number>()
      let finalizedCount = 0
      const child = executor.task({
        id: 'child',
        timeoutMs: LONG_MS,
        run: (_context, index: number) => {
          count(runs, index)
          return index
        },
      })
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG_MS,
        runParent: () => ({
          output: MANY_CHILDREN,
          children: Array.from({ length: MANY_CHILDREN }, (_, index) => childTask(child, index)),
        }),
        finalize: ({ children }) => {
          finalizedCount += 1
          return children.every((one, index) => one.status === 'completed' && one.output === index)
            ? children.length
            : 'children are missing or out of order'
        },
      })
      const handle = await executor.enqueueTask(parent)
      same(await handle.waitAndGetOutput(), MANY_CHILDREN, 'children seen by finalize')
      same([runs.size, Math.max(...runs.values())], [MANY_CHILDREN, 1], 'children run, how often')
      same(finalizedCount, 1, 'finalized')
    },
  },
  {
    name: 'two executors on one storage share 2,000 tasks, none run twice',
    run: async (context) => {
      const runs = new Map<number, number>()
      const client = context.client()
      const sharing = [0, 1].map(() =>
        context.client({ leaseMs: LONG_MS, maxConcurrentTaskExecutions: 50 }),
      )
      const ranBy = new Map<string, number>()
      const [task] = [client, ...sharing].map((executor) =>
        executor.task({
          id: 'task',
          timeoutMs: LONG_MS,
          run: async (_context, index: number) => {
            count(runs, index)
            ranBy.set(executor.id, (ranBy.get(executor.id) ?? 0) + 1)
            // Some take time, so that executors wait for one another's work.
            if (index % 10 === 0) await context.pause(1)
            return index
          },
        }),
      )
      if (!task) throw new Error('No task was defined')
      const indexes = Array.from({ length: SHARED_TASKS }, (_, index) => index)
      const handles = await client.enqueueTasks(indexes.map((index) => childTask(task, index)))
      await Promise.all(sharing.map((executor) => executor.start()))
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(outputs, indexes, 'outputs')
      same([runs.size, Math.max(...runs.values())], [SHARED_TASKS, 1], 'tasks run, how often')
      const shares = sharing.map(({ id }) => ranBy.get(id) ?? 0)
      holds(Math.min(...shares) > 0, `both ran some of them, got ${shares.join(' and ')}`)
      same(context.countEvents('execution_taken_over'), 0, 'takeovers')
    },
  },
  {
    name: 'two executors on one storage share trees, each parent finalized once',
    run: async (context) => {
      const finalized = new Map<number, number>()
      const client = context.client()
      const sharing = [0, 1].map(() =>
        context.client({ leaseMs: LONG_MS, maxConcurrentTaskExecutions: 20 }),
      )
      const [tree] = [client, ...sharing].map((executor) => {
        const leaf = executor.task({
          id: 'leaf',
          timeoutMs: LONG_MS,
          run: (_context, value: number) => value,
        })
        return executor.parentTask({
          id: 'tree',
          timeoutMs: LONG_MS,
          runParent: (_context, index: number) => ({
            output: index,
            children: [1, 2, 3, 4, 5].map((value) => childTask(leaf, value)),
          }),
          finalize: ({ output, children }) => {
            count(finalized, output)
            return children.reduce(
              (sum, child) => sum + (child.status === 'completed' ? child.output : Number.NaN),
              0,
            )
          },
        })
      })
      if (!tree) throw new Error('No task was defined')
      const indexes = Array.from({ length: 200 }, (_, index) => index)
      const handles = await client.enqueueTasks(indexes.map((index) => childTask(tree, index)))
      await Promise.all(sharing.map((executor) => executor.start()))
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(new Set(outputs), new Set([15]), 'outputs')
      same([finalized.size, Math.max(...finalized.values())], [200, 1], 'finalized, how often')
    },
  },
]
