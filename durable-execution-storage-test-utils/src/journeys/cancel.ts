/** Journeys of executions that are cancelled. */
import { childTask } from 'durable-execution'

import { aborted, Latch } from '../lib/latch'
import { same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

export const cancelJourneys: readonly Journey[] = [
  {
    name: 'an execution that is cancelled before it runs never runs',
    run: async (context) => {
      const executor = context.client()
      const runs: string[] = []
      const task = executor.task({
        id: 'task',
        timeoutMs: LONG_MS,
        run: (_context, name: string) => runs.push(name),
      })
      const due = await executor.enqueueTask(task, 'due')
      const delayed = await executor.enqueueTask(task, 'delayed', { sleepMsBeforeRun: 100 })
      await Promise.all([due.cancel(), delayed.cancel()])
      await executor.start()
      const third = await executor.enqueueTask(task, 'third', { sleepMsBeforeRun: 150 })
      await third.waitAndGetFinishedExecution()
      same(runs, ['third'], 'what ran')
      for (const handle of [due, delayed]) {
        same((await handle.getExecution()).status, 'cancelled', 'status')
      }
    },
  },
  {
    name: 'an execution that is cancelled by another executor while it runs sees its signal, and its result is dropped',
    run: async (context) => {
      const executor = await context.executor()
      const reasons: unknown[] = []
      const task = executor.task({
        id: 'task',
        timeoutMs: LONG_MS,
        retryOptions: { maxAttempts: 3 },
        run: async ({ cancelSignal }) => {
          await aborted(cancelSignal).catch((reason: unknown) => reasons.push(reason))
          return 'done all the same'
        },
      })
      const { length } = await cancelWhileRunning()
      same(length, 1, 'reasons seen by the function')

      async function cancelWhileRunning(): Promise<unknown[]> {
        const handle = await executor.enqueueTask(task)
        await context.until('it runs', () => context.countEvents('execution_started') === 1)
        const other = context.client()
        const sameTask = other.task({ id: 'task', timeoutMs: LONG_MS, run: () => 'unused' })
        const otherHandle = await other.getTaskExecutionHandle(sameTask, handle.getExecutionId())
        await otherHandle.cancel()
        same((await handle.waitAndGetFinishedExecution()).status, 'cancelled', 'status')
        await context.until('it is dropped', () => context.countEvents('result_dropped') === 1)
        same((await handle.getExecution()).status, 'cancelled', 'status after it returned')
        return reasons
      }
    },
  },
  {
    name: 'a cancel after the end changes nothing, and may be repeated',
    run: async (context) => {
      const executor = await context.executor()
      const task = executor.task({ id: 'task', timeoutMs: LONG_MS, run: () => 'done' })
      const handle = await executor.enqueueTask(task)
      same(await handle.waitAndGetOutput(), 'done', 'output')
      const before = await context.row(handle.getExecutionId())
      await handle.cancel()
      await handle.cancel()
      same(await context.row(handle.getExecutionId()), before, 'row after the cancels')
    },
  },
  {
    name: 'a parent that is cancelled takes its running children with it and is not finalized',
    run: async (context) => {
      const executor = await context.executor()
      const stopped: number[] = []
      let isFinalized = false
      const child = executor.task({
        id: 'child',
        timeoutMs: LONG_MS,
        run: async ({ cancelSignal }, index: number) => {
          if (index < 2) return
          await aborted(cancelSignal).catch(() => stopped.push(index))
        },
      })
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG_MS,
        runParent: () => ({
          output: undefined,
          children: [0, 1, 2, 3, 4].map((index) => childTask(child, index)),
        }),
        finalize: () => {
          isFinalized = true
        },
      })
      const handle = await executor.enqueueTask(parent)
      await context.until('two children have completed and three run', async () => {
        const execution = await handle.getExecution()
        const isWaiting = execution.status === 'waiting_for_children'
        const areRunning = context.countEvents('execution_started') === 6
        return isWaiting && execution.activeChildrenCount === 3 && areRunning
      })
      await handle.cancel()
      same((await handle.waitAndGetFinishedExecution()).status, 'cancelled', 'status')
      await context.until('the functions of three children stopped', () => stopped.length === 3)
      same(isFinalized, false, 'whether it was finalized')
    },
  },
  {
    name: 'a child that is cancelled does not fail its parent: finalize sees it cancelled',
    run: async (context) => {
      const executor = await context.executor()
      const latch = new Latch()
      const ids: string[] = []
      const child = executor.task({
        id: 'child',
        timeoutMs: LONG_MS,
        run: async ({ executionId, cancelSignal }, index: number) => {
          ids[index] = executionId
          await (index === 1 ? aborted(cancelSignal) : latch.openedUnless(cancelSignal))
        },
      })
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG_MS,
        runParent: () => ({ output: 0, children: [childTask(child, 0), childTask(child, 1)] }),
        finalize: ({ children }) => children.map(({ status }) => status),
      })
      const handle = await executor.enqueueTask(parent)
      await context.until('both run', () => ids[0] !== undefined && ids[1] !== undefined)
      const second = await executor.getTaskExecutionHandle(child, ids[1] ?? '')
      await second.cancel()
      latch.open()
      same(await handle.waitAndGetOutput(), ['completed', 'cancelled'], 'statuses of the children')
    },
  },
  {
    name: 'parents that are cancelled while they get their children leave none of them active',
    run: async (context) => {
      const executor = await context.executor({ maxConcurrentTaskExecutions: 20 })
      const child = executor.task({ id: 'child', timeoutMs: LONG_MS, run: () => context.pause(5) })
      const inner = executor.parentTask({
        id: 'inner',
        timeoutMs: LONG_MS,
        runParent: () => ({ output: 0, children: [childTask(child), childTask(child)] }),
      })
      const outer = executor.parentTask({
        id: 'outer',
        timeoutMs: LONG_MS,
        runParent: () => ({ output: 0, children: [childTask(inner), childTask(inner)] }),
        finalize: () => 'finalized',
      })
      const indexes = Array.from({ length: 60 }, (_, index) => index)
      const statuses = await Promise.all(
        indexes.map(async (index) => {
          const handle = await executor.enqueueTask(outer)
          // At every moment of its life, from before its children to after its finalize.
          await context.pause(index)
          await handle.cancel()
          return (await handle.waitAndGetFinishedExecution()).status
        }),
      )
      const isOdd = (status: string): boolean => status !== 'cancelled' && status !== 'completed'
      same(statuses.filter(isOdd), [], 'statuses besides cancelled and completed')
    },
  },
]
