/** Journeys of parents, their children and their finalizes. */
import { childTask, type DurableExecutor, type Task } from 'durable-execution'

import { same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

/** A task that doubles, and fails on the number 13. */
function defineDouble(executor: DurableExecutor): Task<number, number> {
  return executor.task({
    id: 'double',
    timeoutMs: LONG_MS,
    run: (_context, value: number) => {
      if (value === 13) throw new Error('unlucky')
      return value * 2
    },
  })
}

export const parentJourneys: readonly Journey[] = [
  {
    name: 'a parent is finalized with all its children in their order, completed and errored alike',
    run: async (context) => {
      const executor = await context.executor()
      const double = defineDouble(executor)
      const name = executor.task({ id: 'name', timeoutMs: LONG_MS, run: () => 'Ada' })
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG_MS,
        runParent: (_context, value: number) => ({
          output: 'own output',
          children: [childTask(double, value), childTask(name), childTask(double, 13)],
        }),
        finalize: ({ output, children }) => [
          output,
          ...children.map((child) =>
            child.status === 'completed' ? child.output : child.error.message,
          ),
        ],
      })
      const handle = await executor.enqueueTask(parent, 4)
      same(await handle.waitAndGetOutput(), ['own output', 8, 'Ada', 'unlucky'], 'output')
    },
  },
  {
    name: 'a parent without finalize ends with its output and its children, also with none',
    run: async (context) => {
      const executor = await context.executor()
      const double = defineDouble(executor)
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG_MS,
        runParent: (_context, values: number[]) => ({
          output: values.length,
          children: values.map((value) => childTask(double, value)),
        }),
      })
      const some = await (await executor.enqueueTask(parent, [1, 13])).waitAndGetOutput()
      same(
        [some.output, some.children.map(({ status }) => status)],
        [2, ['completed', 'failed']],
        'output',
      )
      const none = await executor.enqueueTask(parent, [])
      same(await none.waitAndGetOutput(), { output: 0, children: [] }, 'output without children')
    },
  },
  {
    name: 'parents of parents are finalized from the bottom to the top',
    run: async (context) => {
      const executor = await context.executor()
      const order: string[] = []
      const roots = new Set<string>()
      const tree: Task<number, number> = executor.parentTask({
        id: 'tree',
        timeoutMs: LONG_MS,
        runParent: ({ root }, depth: number) => {
          roots.add(root.executionId)
          const children = depth === 0 ? [] : [0, 1, 2].map(() => childTask(tree, depth - 1))
          return { output: depth, children }
        },
        finalize: {
          id: 'count',
          timeoutMs: LONG_MS,
          run: ({ root }, { output, children }) => {
            roots.add(root.executionId)
            order.push(`depth ${output}`)
            const counts = children.map((child) =>
              child.status === 'completed' ? child.output : NaN,
            )
            return counts.reduce((sum, count) => sum + count, 1)
          },
        },
      })
      const handle = await executor.enqueueTask(tree, 4)
      same(await handle.waitAndGetOutput(), 1 + 3 + 9 + 27 + 81, 'parents counted')
      same([...roots], [handle.getExecutionId()], 'root that all of them see')
      same(order.at(-1), 'depth 4', 'finalized last')
      same(order.filter((depth) => depth === 'depth 0').length, 81, 'finalizes at the bottom')
    },
  },
  {
    name: 'a finalize is a parent itself, whose finalize is one too',
    run: async (context) => {
      const executor = await context.executor()
      const double = defineDouble(executor)
      const parent = executor.parentTask({
        id: 'outer',
        timeoutMs: LONG_MS,
        runParent: () => ({ output: 'outer', children: [childTask(double, 1)] }),
        finalize: {
          id: 'middle',
          timeoutMs: LONG_MS,
          runParent: (_context, { output, children }) => ({
            output: `${output} ${children[0]?.status ?? 'none'}`,
            children: [childTask(double, 2), childTask(double, 3)],
          }),
          finalize: {
            id: 'inner',
            timeoutMs: LONG_MS,
            runParent: (_context, { output, children }) => ({
              output: `${String(output)} ${children.length}`,
              children: [childTask(double, 4)],
            }),
            finalize: ({ output, children }) => `${String(output)} ${children.length}`,
          },
        },
      })
      const handle = await executor.enqueueTask(parent)
      same(await handle.waitAndGetOutput(), 'outer completed 2 1', 'output')
      const rows = await context.rows()
      const finalizes = rows.filter((row) => row.parent?.isFinalize === true)
      same(
        finalizes.map(({ taskId }) => taskId).sort(),
        ['inner', 'inner_finalize', 'middle'],
        'finalizes',
      )
    },
  },
  {
    name: 'a finalize that fails after its retries ends the parent finalize_failed',
    run: async (context) => {
      const executor = await context.executor()
      const double = defineDouble(executor)
      let runs = 0
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG_MS,
        runParent: () => ({ output: 0, children: [childTask(double, 1)] }),
        finalize: {
          id: 'failing_finalize',
          timeoutMs: LONG_MS,
          retryOptions: { maxAttempts: 2 },
          run: () => {
            runs += 1
            throw new Error('cannot be finalized')
          },
        },
      })
      const grandparent = executor.parentTask({
        id: 'grandparent',
        timeoutMs: LONG_MS,
        runParent: () => ({ output: 0, children: [childTask(parent), childTask(double, 1)] }),
        finalize: ({ children }) => children.map(({ status }) => status),
      })
      const handle = await executor.enqueueTask(grandparent)
      same(await handle.waitAndGetOutput(), ['finalize_failed', 'completed'], 'statuses')
      same(runs, 3, 'runs of the finalize')
    },
  },
]
