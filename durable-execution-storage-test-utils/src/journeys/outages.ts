/** Journeys of executors that lose their storage: for ever, for a while, or an answer now and then. */
import { childTask, type DurableExecutor, type Task } from 'durable-execution'

import { Latch } from '../lib/latch'
import { holds, same } from '../lib/same'
import { LONG_MS, SHORT_LEASE_MS, type JourneyContext } from './context'
import type { Journey } from './journey'

const INDEXES = Array.from({ length: 10 }, (_, index) => index)

/** A task that answers with its executor's name, here once the latch is open. */
function defineNamed(
  executor: DurableExecutor,
  name: string,
  before?: (index: number) => Promise<void>,
): Task<number, string> {
  return executor.task({
    id: 'named',
    timeoutMs: LONG_MS,
    run: async (_context, index) => {
      await before?.(index)
      return name
    },
  })
}

/** Trees of sequences with a finalize; `onRun` is told of each run of a step, which waits for it. */
function defineTrees(
  executor: DurableExecutor,
  onRun: (executionId: string) => void | Promise<void>,
): Task<number, number> {
  const step = executor.task({
    id: 'step',
    timeoutMs: LONG_MS,
    run: async ({ executionId }, value: number) => {
      await onRun(executionId)
      return value + 1
    },
  })
  const sequence = executor.sequentialTasks('sequence', [step, step, step])
  return executor.parentTask({
    id: 'tree',
    timeoutMs: LONG_MS,
    runParent: (_context, value: number) => ({
      output: value,
      children: [childTask(sequence, value), childTask(step, value), childTask(sequence, 0)],
    }),
    finalize: ({ children }) =>
      children.reduce(
        (sum, child) => sum + (child.status === 'completed' ? child.output : Number.NaN),
        0,
      ),
  })
}

/** What a tree of {@link defineTrees} comes to. */
function sumOfTree(value: number): number {
  return value + 3 + (value + 1) + 3
}

async function expectTakeovers(
  context: JourneyContext,
  executionIds: readonly string[],
  expected: number,
): Promise<void> {
  const rows = await Promise.all(executionIds.map((executionId) => context.row(executionId)))
  same(
    rows.map(({ takeovers, attempt }) => [takeovers, attempt]),
    executionIds.map(() => [expected, 0]),
    'takeovers and attempt of each',
  )
}

export const outageJourneys: readonly Journey[] = [
  {
    name: 'an executor that is cut off in the midst is taken over, and what it finishes later is dropped',
    run: async (context) => {
      const link = context.link()
      const [latch, otherLatch] = [new Latch(), new Latch()]
      const cutOff = await context.executor({ link, leaseMs: SHORT_LEASE_MS })
      const task = defineNamed(cutOff, 'the one cut off', () => latch.opened)
      const handles = await cutOff.enqueueTasks(INDEXES.map((index) => childTask(task, index)))
      const executionIds = handles.map((handle) => handle.getExecutionId())
      await context.until('all run', () => context.countEvents('execution_started', cutOff) === 10)
      link.cut()
      const cutAt = context.now()
      const other = context.client({ leaseMs: SHORT_LEASE_MS })
      // Late results find half of the executions ended, and half of them running.
      defineNamed(other, 'the other', async (index) => {
        if (index < INDEXES.length / 2) await otherLatch.opened
      })
      await other.start()
      await context.until('the other runs all and has ended half of them', async () => {
        const rows = await Promise.all(executionIds.map((executionId) => context.row(executionId)))
        const isAllTaken = rows.every(({ takeovers }) => takeovers > 0)
        return isAllTaken && rows.filter(({ finishedAt }) => finishedAt !== null).length === 5
      })
      const tookMs = context.now() - cutAt
      holds(tookMs > SHORT_LEASE_MS / 2, `no lease is broken before its time, got ${tookMs} ms`)
      latch.open()
      link.mend()
      await context.until(
        'all late results are dropped',
        () => context.countEvents('result_dropped', cutOff) === 10,
      )
      otherLatch.open()
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(new Set(outputs), new Set(['the other']), 'outputs')
      await expectTakeovers(context, executionIds, 1)
    },
  },
  {
    name: 'lapsed work does not wait behind a backlog',
    run: async (context) => {
      const link = context.link()
      const latch = new Latch()
      const cutOff = await context.executor({ link, leaseMs: SHORT_LEASE_MS })
      const task = defineNamed(cutOff, 'the one cut off', () => latch.opened)
      const held = await cutOff.enqueueTask(task, 0)
      await context.until('it runs', () => context.countEvents('execution_started', cutOff) === 1)
      const other = context.client({ leaseMs: SHORT_LEASE_MS, maxConcurrentTaskExecutions: 2 })
      const order: string[] = []
      other.task({
        id: 'named',
        timeoutMs: LONG_MS,
        run: async ({ executionId }) => {
          order.push(executionId)
          await context.pause(10)
          return 'the other'
        },
      })
      const line = Array.from({ length: 1000 }, (_, index) => childTask(task, index))
      link.cut()
      const backlog = await other.enqueueTasks(line)
      await other.start()
      await context.until('it is taken over', async () => {
        const { status } = await context.row(held.getExecutionId())
        return status === 'completed'
      })
      const place = order.indexOf(held.getExecutionId())
      holds(place >= 0 && place < 900, `it is taken over before the line is done, got ${place}`)
      await Promise.all(backlog.map((handle) => handle.waitAndGetOutput()))
      latch.open()
    },
  },
  {
    name: 'results that cannot be stored during an outage are kept, and stored when it is over',
    run: async (context) => {
      const link = context.link()
      const latch = new Latch()
      const executor = await context.executor({ link, leaseMs: SHORT_LEASE_MS })
      const task = defineNamed(executor, 'kept', () => latch.opened)
      const handles = await executor.enqueueTasks(INDEXES.map((index) => childTask(task, index)))
      await context.until('all run', () => context.countEvents('execution_started') === 10)
      const toldBefore = context.countEvents('storage_away')
      link.cut()
      latch.open()
      const cutAt = context.now()
      // Longer than a lease: nobody else took it, so it is still this executor's.
      await context.until('the lease has lapsed, and the outage was told', () => {
        const hasLapsed = context.now() - cutAt > SHORT_LEASE_MS * 1.2
        return hasLapsed && context.countEvents('storage_away') > 0
      })
      const toldCount = context.countEvents('storage_away') - toldBefore
      holds(toldCount <= 1, `an outage is told once, got ${toldCount} times`)
      link.mend()
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(new Set(outputs), new Set(['kept']), 'outputs')
      same(context.countEvents('execution_started'), 10, 'runs')
    },
  },
  {
    name: 'trees go on where an executor was cut off, however far it had come',
    run: async (context) => {
      const other = context.client({ leaseMs: SHORT_LEASE_MS })
      const tree = defineTrees(other, () => undefined)
      const indexes = Array.from({ length: 12 }, (_, index) => index)
      const cutOffs = indexes.map((index) => {
        const link = context.link()
        let runs = 0
        const executor = context.client({
          link,
          leaseMs: SHORT_LEASE_MS,
          queues: [`queue ${index}`],
        })
        const enqueued = new Latch()
        // Each loses its storage at another moment: at the run of a step, or a few calls later. None before it knows that the
        // tree is stored, which it could run by a claim: cut off then, it would never know.
        const sameTree = defineTrees(executor, async () => {
          await enqueued.opened
          runs += 1
          if (runs > index / 2) link.cut()
        })
        return { executor, sameTree, link, enqueued }
      })
      const executionIds = await Promise.all(
        cutOffs.map(async ({ executor, sameTree, enqueued }, index) => {
          await executor.start()
          const handle = await executor.enqueueTask(sameTree, index, { queue: `queue ${index}` })
          enqueued.open()
          return handle.getExecutionId()
        }),
      )
      await context.until('all are cut off', () => cutOffs.every(({ link }) => link.isCutOff))
      const rescuer = context.client({
        leaseMs: SHORT_LEASE_MS,
        queues: indexes.map((index) => `queue ${index}`),
      })
      defineTrees(rescuer, () => undefined)
      await rescuer.start()
      const outputs = await Promise.all(
        executionIds.map(async (executionId) =>
          (await other.getTaskExecutionHandle(tree, executionId)).waitAndGetOutput(),
        ),
      )
      same(outputs, indexes.map(sumOfTree), 'outputs')
    },
  },
  {
    name: 'answers of the storage that are lost lose no work and run nothing twice',
    run: async (context) => {
      const link = context.link()
      const runs = new Map<string, number>()
      // A lease that does not lapse, so that nothing is taken over in place of being recovered.
      const executor = await context.executor({ link, leaseMs: LONG_MS })
      const tree = defineTrees(executor, (executionId) => {
        runs.set(executionId, (runs.get(executionId) ?? 0) + 1)
      })
      // What the client enqueues has to be claimed.
      const client = context.client()
      const sameTree = defineTrees(client, () => undefined)
      link.loseEveryAnswer(3)
      const indexes = Array.from({ length: 30 }, (_, index) => index)
      const outputs = await Promise.all(
        indexes.map(async (index) => {
          const handle = await (index % 2 === 0
            ? executor.enqueueTask(tree, index)
            : client.enqueueTask(sameTree, index))
          return handle.waitAndGetOutput()
        }),
      )
      link.loseEveryAnswer(Infinity)
      same(outputs, indexes.map(sumOfTree), 'outputs')
      same([runs.size, Math.max(...runs.values())], [30 * 7, 1], 'steps run, how often')
      same(context.countEvents('result_dropped'), 0, 'results dropped')
      holds(link.lostAnswersCount > 10, `answers were lost, got ${link.lostAnswersCount}`)
    },
  },
]
