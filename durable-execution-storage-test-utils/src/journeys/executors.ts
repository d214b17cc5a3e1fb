/** Journeys of executors that come, go, and know different tasks. */
import { childTask, type DurableExecutor, type Task } from 'durable-execution'

import { aborted, Latch } from '../lib/latch'
import { same } from '../lib/same'
import { LONG_MS, SHORT_LEASE_MS, type JourneyContext } from './context'
import type { Journey } from './journey'

/** A task that, on this executor, runs until its signal. */
function defineEndless(executor: DurableExecutor, runs: string[]): Task<number, string> {
  return executor.task({
    id: 'task',
    timeoutMs: LONG_MS,
    run: async ({ executionId, cancelSignal }, _index: number) => {
      runs.push(executionId)
      return aborted(cancelSignal)
    },
  })
}

/** The same task on another executor: it completes. */
function defineQuick(executor: DurableExecutor, runs: string[]): Task<number, string> {
  return executor.task({
    id: 'task',
    timeoutMs: LONG_MS,
    run: ({ executionId }, _index: number) => {
      runs.push(executionId)
      return 'done by the other'
    },
  })
}

/** Throws unless these executions have neither burned an attempt nor counted a takeover. */
async function expectNothingBurned(
  context: JourneyContext,
  executionIds: readonly string[],
): Promise<void> {
  for (const executionId of executionIds) {
    const { attempt, takeovers, claimCount } = await context.row(executionId)
    same([attempt, takeovers, claimCount], [0, 0, 2], 'attempt, takeovers and claims')
  }
}

export const executorJourneys: readonly Journey[] = [
  {
    name: 'an execution of an unknown task is left to the executor that knows it',
    run: async (context) => {
      const old = await context.executor()
      const known = old.task({ id: 'known', timeoutMs: LONG_MS, run: () => 'known' })
      const client = context.client()
      const special = client.task({ id: 'special', timeoutMs: LONG_MS, run: () => 'unused' })
      const handles = await client.enqueueTasks([1, 2, 3].map(() => childTask(special)))
      await context.until(
        'the old executor met it',
        () => context.countEvents('unknown_task', old) > 0,
      )
      await context.until('it is given back', async () => {
        const statuses = await Promise.all(handles.map((handle) => handle.getExecution()))
        return statuses.every(({ status }) => status === 'ready')
      })
      // What is unknown does not hold up what is known.
      same(await (await old.enqueueTask(known)).waitAndGetOutput(), 'known', 'output of the known')
      const recent = context.client()
      recent.task({ id: 'special', timeoutMs: LONG_MS, run: () => 'special' })
      await recent.start()
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(outputs, ['special', 'special', 'special'], 'outputs')
      same(context.countEvents('unknown_task', old), 1, 'times it was told')
      for (const handle of handles) {
        const { attempt, takeovers } = await context.row(handle.getExecutionId())
        same([attempt, takeovers], [0, 0], 'attempt and takeovers')
      }
    },
  },
  {
    name: 'a parent of an unknown task is finalized by the executor that knows it',
    run: async (context) => {
      const worker = await context.executor()
      const defineLeaf = (executor: DurableExecutor): Task<number, number> =>
        executor.task({
          id: 'leaf',
          timeoutMs: LONG_MS,
          run: (_context, value: number) => value,
          queue: 'leaves',
        })
      const parents = context.client()
      const leaf = defineLeaf(parents)
      const parent = parents.parentTask({
        id: 'parent',
        timeoutMs: LONG_MS,
        runParent: () => ({ output: 0, children: [childTask(leaf, 1), childTask(leaf, 2)] }),
        finalize: ({ children }) => children.length,
      })
      const leaves = context.client({ queues: ['leaves', 'default'] })
      defineLeaf(leaves)
      const handle = await parents.enqueueTask(parent)
      await Promise.all([leaves.start(), parents.start()])
      same(await handle.waitAndGetOutput(), 2, 'children seen by finalize')
      same(
        worker.getRunningTaskExecutionsCount(),
        0,
        'held by the executor that knows none of them',
      )
    },
  },
  {
    name: 'work that outlasts its lease is not taken over while its executor lives',
    run: async (context) => {
      const executors = [1, 2].map(() => context.client({ leaseMs: SHORT_LEASE_MS }))
      const runs: string[] = []
      const [task] = executors.map((executor) =>
        executor.task({
          id: 'long',
          timeoutMs: LONG_MS,
          run: async ({ executionId }) => {
            runs.push(executionId)
            await context.pause(3 * SHORT_LEASE_MS)
          },
        }),
      )
      const [first] = executors
      if (!first || !task) throw new Error('There are two executors')
      await Promise.all(executors.map((executor) => executor.start()))
      const handles = await first.enqueueTasks([1, 2, 3].map(() => childTask(task)))
      await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(runs.length, 3, 'runs')
      same(context.countEvents('execution_taken_over'), 0, 'takeovers')
    },
  },
  {
    name: 'a shutdown waits for running functions, within its grace',
    run: async (context) => {
      const executor = await context.executor()
      const latch = new Latch()
      const seen: boolean[] = []
      const task = executor.task({
        id: 'task',
        timeoutMs: LONG_MS,
        run: async ({ shutdownSignal }, index: number) => {
          await latch.opened
          seen.push(shutdownSignal.aborted)
          return index
        },
      })
      const handles = await executor.enqueueTasks([0, 1, 2].map((index) => childTask(task, index)))
      await context.until('all run', () => context.countEvents('execution_started') === 3)
      const stopped = executor.shutdown({ graceMs: LONG_MS })
      latch.open()
      await stopped
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(outputs, [0, 1, 2], 'outputs')
      same(seen, [true, true, true], 'whether the functions saw the shutdown signal')
    },
  },
  {
    name: 'a shutdown hands running and waiting work back at once, with no attempt burned',
    run: async (context) => {
      const leaving = await context.executor({ leaseMs: LONG_MS, maxConcurrentTaskExecutions: 5 })
      const runs: string[] = []
      const task = defineEndless(leaving, runs)
      const indexes = [0, 1, 2, 3, 4, 5, 6, 7]
      const handles = await leaving.enqueueTasks(indexes.map((index) => childTask(task, index)))
      await context.until('five run', () => runs.length === 5)
      const inFlight = [...runs]
      await leaving.shutdown({ graceMs: 0 })
      const rows = await Promise.all(inFlight.map((executionId) => context.row(executionId)))
      same(new Set(rows.map(({ status }) => status)), new Set(['ready']), 'status when handed back')
      const staying = context.client({ leaseMs: LONG_MS })
      const sameTask = defineQuick(staying, runs)
      await staying.start()
      for (const handle of handles) {
        const there = await staying.getTaskExecutionHandle(sameTask, handle.getExecutionId())
        same(await there.waitAndGetOutput(), 'done by the other', 'output')
      }
      same(runs.length, indexes.length + inFlight.length, 'runs: those in flight once more')
      await expectNothingBurned(context, inFlight)
    },
  },
  {
    name: 'a shutdown hands back what ignores its signal too, and what it returns later is not recorded',
    run: async (context) => {
      const leaving = await context.executor({ leaseMs: LONG_MS, abortGraceMs: 50 })
      const latch = new Latch()
      const runs: string[] = []
      const task = leaving.task({
        id: 'task',
        timeoutMs: LONG_MS,
        run: async ({ executionId }, _index: number) => {
          runs.push(executionId)
          await latch.opened
          return 'too late'
        },
      })
      const handle = await leaving.enqueueTask(task, 0)
      await context.until('it runs', () => runs.length === 1)
      await leaving.shutdown({ graceMs: 10 })
      const staying = context.client()
      const sameTask = defineQuick(staying, runs)
      await staying.start()
      const there = await staying.getTaskExecutionHandle(sameTask, handle.getExecutionId())
      same(await there.waitAndGetOutput(), 'done by the other', 'output')
      latch.open()
      // A handle still reads after its executor was shut down.
      same(await handle.waitAndGetOutput(), 'done by the other', 'output, by the first handle')
      await expectNothingBurned(context, [handle.getExecutionId()])
    },
  },
]
