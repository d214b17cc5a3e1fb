/** Much at once, on real time: several executors over one storage, large families, long chains, deep trees. */
import { setImmediate } from 'node:timers/promises'

import { describe, expect, it, vi } from 'vitest'

import {
  childTask,
  InMemoryTaskExecutionsStorage,
  type DurableExecutor,
  type DurableExecutorOptions,
  type ExecutorEvent,
  type FinishedChild,
  type Task,
} from '../src/index'
import { startExecutor } from './support/executor'
import { createWorld } from './support/world'

const LONG = 600_000
const GENEROUS_MS = 25_000

/** Executors over one storage. */
async function startExecutors(count: number, options: DurableExecutorOptions = {}) {
  const storage = new InMemoryTaskExecutionsStorage()
  const events: ExecutorEvent[] = []
  const executors: DurableExecutor[] = []
  for (let index = 0; index < count; index += 1) {
    const onEvent = (event: ExecutorEvent): void => {
      events.push(event)
    }
    executors.push(await startExecutor({ onEvent, ...options }, storage))
  }
  return { storage, executors, events }
}

/** Defines the same tasks on all executors; answers those of each. */
function onAll<T>(
  executors: readonly DurableExecutor[],
  define: (executor: DurableExecutor) => T,
): T[] {
  return executors.map(define)
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length]
  if (item === undefined) throw new Error('There is nothing to pick')
  return item
}

describe('several executors', () => {
  it(
    'run thousands of tasks once each',
    async () => {
      const { storage, executors, events } = await startExecutors(4, {
        maxConcurrentTaskExecutions: 250,
      })
      const runs = new Map<number, number>()
      const tasks = onAll(executors, (executor) =>
        executor.task({
          id: 'task',
          timeoutMs: LONG,
          run: async (_ctx, n: number) => {
            runs.set(n, (runs.get(n) ?? 0) + 1)
            await setImmediate()
            return n * 2
          },
        }),
      )
      const numbers = Array.from({ length: 2000 }, (_, index) => index)
      const handles = await Promise.all(
        numbers.map((n) => pick(executors, n).enqueueTask(pick(tasks, n), n)),
      )
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      expect(outputs).toEqual(numbers.map((n) => n * 2))
      expect(runs.size).toBe(2000)
      expect([...runs.values()].every((count) => count === 1)).toBe(true)
      expect(
        storage.dump().every(({ status, takeovers }) => status === 'completed' && takeovers === 0),
      ).toBe(true)
      expect(events.filter(({ type }) => type === 'execution_settled')).toHaveLength(2000)
    },
    GENEROUS_MS,
  )

  it(
    'share a backlog that was there before them',
    async () => {
      const storage = new InMemoryTaskExecutionsStorage()
      const client = await startExecutor({ queues: ['none'] }, storage)
      const runs = vi.fn()
      const define = (executor: DurableExecutor) =>
        executor.task({
          id: 'task',
          timeoutMs: LONG,
          run: async (ctx) => {
            runs(ctx.executionId)
            await setImmediate()
            return executor.id
          },
        })
      const task = define(client)
      const handles = await client.enqueueTasks(Array.from({ length: 2000 }, () => childTask(task)))
      const workers = await Promise.all(
        [1, 2, 3].map(() => startExecutor({ maxConcurrentTaskExecutions: 60 }, storage)),
      )
      onAll(workers, define)
      const by = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      expect(new Set(runs.mock.calls.flat()).size).toBe(2000)
      expect(runs).toHaveBeenCalledTimes(2000)
      const shares = workers.map(({ id }) => by.filter((ran) => ran === id).length)
      expect(Math.min(...shares)).toBeGreaterThan(100)
    },
    GENEROUS_MS,
  )

  it(
    'end each task in one way, though cancels race with their ends',
    async () => {
      const { storage, executors, events } = await startExecutors(3)
      const tasks = onAll(executors, (executor) =>
        executor.task({
          id: 'task',
          timeoutMs: LONG,
          run: async (_ctx, turns: number) => {
            for (let turn = 0; turn < turns; turn += 1) await setImmediate()
            return turns
          },
        }),
      )
      const handles = await Promise.all(
        Array.from({ length: 900 }, (_, index) =>
          pick(executors, index).enqueueTask(pick(tasks, index), index % 7),
        ),
      )
      await Promise.all(
        handles.map(async (handle, index) => {
          for (let turn = 0; turn < index % 5; turn += 1) await setImmediate()
          await handle.cancel()
        }),
      )
      const executions = await Promise.all(
        handles.map((handle) => handle.waitAndGetFinishedExecution()),
      )
      const statuses = new Set(executions.map(({ status }) => status))
      expect(statuses).toEqual(new Set(['completed', 'cancelled']))
      const completed = executions.filter(({ status }) => status === 'completed')
      expect(events.filter((event) => event.type === 'execution_settled')).toHaveLength(
        completed.length,
      )
      await vi.waitFor(
        () => {
          expect(executors.every((executor) => executor.getStats().slots.taken === 0)).toBe(true)
        },
        { timeout: 10_000 },
      )
      // Nothing changes any more.
      const rows = await Promise.all(handles.map((handle) => handle.getExecution()))
      expect(rows).toEqual(executions)
      expect(storage.dump().every(({ claimAt }) => claimAt === null)).toBe(true)
    },
    GENEROUS_MS,
  )

  it(
    'finish hundreds of trees, with each parent finalized once with all of its children',
    async () => {
      const { storage, executors } = await startExecutors(3)
      const finalized = new Map<string, number>()
      const tasks = onAll(executors, (executor) => {
        const child = executor.task({
          id: 'child',
          timeoutMs: LONG,
          run: async (_ctx, n: number) => {
            await setImmediate()
            if (n % 3 === 0) throw new Error('no')
            return n
          },
        })
        return executor.parentTask({
          id: 'parent',
          timeoutMs: LONG,
          runParent: (_ctx, count: number) => ({
            output: count,
            children: Array.from({ length: count }, (_, index) => childTask(child, index)),
          }),
          finalize: {
            id: 'end',
            timeoutMs: LONG,
            run: (ctx, { output, children }) => {
              const parentId = ctx.parent?.executionId ?? ''
              finalized.set(parentId, (finalized.get(parentId) ?? 0) + 1)
              return (
                children.length === output &&
                children.every(({ status }, index) => (status === 'failed') === (index % 3 === 0))
              )
            },
          },
        })
      })
      const handles = await Promise.all(
        Array.from({ length: 500 }, (_, index) =>
          pick(executors, index).enqueueTask(pick(tasks, index), index % 6),
        ),
      )
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      expect(new Set(outputs)).toEqual(new Set([true]))
      expect(finalized.size).toBe(500)
      expect([...finalized.values()].every((count) => count === 1)).toBe(true)
      expect(storage.dump().filter(({ activeChildrenCount }) => activeChildrenCount !== 0)).toEqual(
        [],
      )
    },
    GENEROUS_MS,
  )
})

describe('a large family', () => {
  it.each([1000, 10_000])(
    'of %i children is finalized once, with all of them in order',
    async (count) => {
      const executor = await startExecutor({ maxChildrenPerTaskExecution: count })
      const child = executor.task({ id: 'child', timeoutMs: LONG, run: (_ctx, n: number) => n })
      const finalize = vi.fn(({ children }: { children: FinishedChild<number>[] }) =>
        children.findIndex((one, index) => one.status !== 'completed' || one.output !== index),
      )
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: () => ({
          output: count,
          children: Array.from({ length: count }, (_, index) => childTask(child, index)),
        }),
        finalize: ({ children }) => finalize({ children }),
      })
      const handle = await executor.enqueueTask(parent)
      await expect(handle.waitAndGetOutput()).resolves.toBe(-1)
      expect(finalize).toHaveBeenCalledTimes(1)
      expect(finalize.mock.calls[0]?.[0].children).toHaveLength(count)
    },
    GENEROUS_MS,
  )

  it('of a thousand and one children is refused by default', async () => {
    const executor = await startExecutor()
    const child = executor.task({ id: 'child', timeoutMs: LONG, run: () => 1 })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: LONG,
      runParent: () => ({
        output: 1,
        children: Array.from({ length: 1001 }, () => childTask(child)),
      }),
    })
    const handle = await executor.enqueueTask(parent)
    await expect(handle.waitAndGetOutput()).rejects.toThrow(
      'it returned 1001 children, of which 1000',
    )
  })
})

describe('a long chain', () => {
  it(
    'of a thousand steps hands its value through all of them',
    async () => {
      const executor = await startExecutor()
      const add = executor.task({ id: 'add', timeoutMs: LONG, run: (_ctx, n: number) => n + 1 })
      const chain = executor.sequentialTasks(
        'chain',
        Array.from({ length: 1000 }, () => add),
      )
      const handle = await executor.enqueueTask(chain, 0)
      await expect(handle.waitAndGetOutput()).resolves.toBe(1000)
    },
    GENEROUS_MS,
  )

  it(
    'runs beside hundreds of its kind, over several executors',
    async () => {
      const { storage, executors } = await startExecutors(3)
      const chains = onAll(executors, (executor) => {
        const add = executor.task({
          id: 'add',
          timeoutMs: LONG,
          run: async (_ctx, n: number) => {
            await setImmediate()
            return n + 1
          },
        })
        return executor.sequentialTasks(
          'chain',
          Array.from({ length: 10 }, () => add),
        )
      })
      const handles = await Promise.all(
        Array.from({ length: 300 }, (_, index) =>
          pick(executors, index).enqueueTask(pick(chains, index), index),
        ),
      )
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      expect(outputs).toEqual(Array.from({ length: 300 }, (_, index) => index + 10))
      expect(storage.dump()).toHaveLength(300 * 11)
    },
    GENEROUS_MS,
  )
})

describe('a deep tree', () => {
  /** A parent whose only child is itself, down to the bottom, where `atBottom` runs. */
  function defineTree(
    executor: DurableExecutor,
    atBottom: () => Promise<void>,
  ): Task<number, number> {
    const bottom = executor.task({ id: 'bottom', timeoutMs: LONG, run: atBottom })
    const tree: Task<number, number> = executor.parentTask({
      id: 'tree',
      timeoutMs: LONG,
      runParent: (_ctx, depth: number) => ({
        output: depth,
        children: depth > 1 ? [childTask(tree, depth - 1)] : [childTask(bottom)],
      }),
      finalize: ({ output, children: [child] }) =>
        child?.status === 'completed' ? output + Number(child.output ?? 0) : -1,
    })
    return tree
  }

  it('of a hundred levels comes back up to its root', async () => {
    const executor = await startExecutor()
    const tree = defineTree(executor, () => Promise.resolve())
    const handle = await executor.enqueueTask(tree, 100)
    await expect(handle.waitAndGetOutput()).resolves.toBe(5050)
  })

  it('of a hundred levels is cancelled down to its bottom', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    let isAtBottom = false
    const tree = defineTree(executor, async () => {
      isAtBottom = true
      await new Promise(() => {})
    })
    const handle = await executor.enqueueTask(tree, 100)
    await world.environment.untilTrue(() => isAtBottom)
    expect(world.storage.dump()).toHaveLength(101)
    await handle.cancel()
    expect(world.storage.dump().map(({ status }) => status)).toEqual(
      Array.from({ length: 101 }, () => 'cancelled'),
    )
    await world.environment.advanceBy(60_000)
    expect(world.storage.dump()).toHaveLength(101)
    expect(executor.getRunningTaskExecutionsCount()).toBe(0)
  })
})

describe('executors that come and go', () => {
  it('lose nothing and end nothing twice, whenever they are cut off or shut down', async () => {
    const world = createWorld()
    const finalized = new Map<string, number>()
    const start = async () => {
      const member = await world.start({ leaseMs: 3000, maxConcurrentTaskExecutions: 20 })
      const { executor } = member
      const child = executor.task({
        id: 'child',
        timeoutMs: LONG,
        run: async (_ctx, ms: number) => {
          await new Promise<void>((resolve) => {
            world.environment.setTimer(ms, resolve)
          })
          return ms
        },
      })
      const chain = executor.sequentialTasks('chain', [child, child, child])
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: (_ctx, ms: number) => ({
          output: ms,
          children: [childTask(child, ms), childTask(chain, ms), childTask(child, ms * 2)],
        }),
        finalize: ({ output, children }) => {
          finalized.set(`${output}`, (finalized.get(`${output}`) ?? 0) + 1)
          return children.map((one) =>
            one.status === 'completed' ? one.output : one.error.message,
          )
        },
      })
      return { ...member, parent }
    }
    const members = [await start(), await start(), await start()]
    const ids: string[] = []
    for (let index = 0; index < 60; index += 1) {
      const { executor, parent } = pick(members, index)
      ids.push((await executor.enqueueTask(parent, 100 + index * 10)).getExecutionId())
    }
    // Each time one is cut off or shut down, at a moment of its own, and another one comes.
    for (let round = 0; round < 12; round += 1) {
      await world.environment.advanceBy(200 + world.environment.random() * 4000)
      const [leaving] = members.splice(round % members.length, 1)
      if (leaving && round % 3 === 0) {
        await world.until(leaving.executor.shutdown({ graceMs: 300 }))
      }
      leaving?.connection.cut()
      members.push(await start())
    }
    const [last] = members
    if (!last) throw new Error('There is no executor')
    const outputs = await Promise.all(
      ids.map(async (id) => {
        const handle = await last.executor.getTaskExecutionHandle(last.parent, id)
        return world.until(handle.waitAndGetOutput())
      }),
    )
    expect(outputs).toEqual(
      ids.map((_, index) => {
        const ms = 100 + index * 10
        return [ms, ms, ms * 2]
      }),
    )
    const rows = world.storage.dump()
    // A parent, its finalize, two children, a chain, three steps.
    expect(rows).toHaveLength(60 * 8)
    expect(rows.every(({ status }) => status === 'completed')).toBe(true)
    expect(rows.every(({ activeChildrenCount }) => activeChildrenCount === 0)).toBe(true)
    expect(finalized.size).toBe(60)
  })
})
