/** What ends at the same moment is stored by one call, and its slots are filled by one claim. */
import { expect, it } from 'vitest'

import { childTask } from '../src/index'
import { afterMicrotasks, delay } from '../src/lib/environment'
import { createControlledRun } from './support/controlled-run'
import { createWorld, type World } from './support/world'

const LONG = 3_600_000

/** All that follows from what happened, but nothing else that happens in this turn of the event loop. */
async function whatFollows({ environment }: World): Promise<void> {
  for (let tick = 0; tick < 50; tick += 1) await afterMicrotasks(environment)
}

it.each([0, 1])(
  'functions that end one after the other in one turn, beside %i that run on',
  async (others) => {
    const world = createWorld()
    const { executor, connection } = await world.start({
      maxConcurrentTaskExecutions: 2 + others,
    })
    const work = createControlledRun()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
    const handles = await world.until(
      executor.enqueueTasks([0, 1, 2, 3, 4].map(() => childTask(task))),
    )
    await world.environment.untilTrue(() => work.calls.length === 2 + others)
    const settles = connection.countOf('settle')
    const claims = connection.countOf('claim')
    work.call(0).returns('first')
    await whatFollows(world)
    work.call(1).returns('second')
    await world.until(Promise.all(handles.slice(0, 2).map((handle) => handle.waitAndGetOutput())))
    expect(connection.countOf('settle') - settles).toBe(1)
    await world.environment.untilTrue(() => work.calls.length === 4 + others)
    expect(connection.countOf('claim') - claims).toBe(1)
  },
)

it('the last function that runs keeps its end waiting for no other', async () => {
  const world = createWorld()
  const { executor, connection } = await world.start()
  const work = createControlledRun()
  const task = executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
  await world.until(executor.enqueueTask(task))
  await world.environment.untilTrue(() => work.calls.length === 1)
  const settles = connection.countOf('settle')
  work.call(0).returns('only')
  await whatFollows(world)
  expect(connection.countOf('settle') - settles).toBe(1)
})

it.each(['here', 'by another', 'by their parent'])(
  'of many that are enqueued %s a hundred begin in a turn, and have their slots before',
  async (where) => {
    const world = createWorld()
    const { executor } = await world.start({ maxConcurrentTaskExecutions: 1000 })
    const enqueuer = where === 'by another' ? world.add().executor : executor
    const begun = { inThisTurn: 0, mostInOneTurn: 0 }
    const begin = (): void => {
      if (begun.inThisTurn === 0) setImmediate(() => (begun.inThisTurn = 0))
      begun.inThisTurn += 1
      begun.mostInOneTurn = Math.max(begun.mostInOneTurn, begun.inThisTurn)
    }
    let running = 0
    const takenWhileRunning = new Set<number>()
    const run = async (): Promise<void> => {
      begin()
      running += 1
      if (running > 100) takenWhileRunning.add(executor.getStats().slots.taken)
      await delay(world.environment, LONG)
    }
    const options = { id: 'task', timeoutMs: 2 * LONG, run } as const
    const task = enqueuer.task(options)
    if (executor !== enqueuer) executor.task(options)
    const children = Array.from({ length: 950 }, () => childTask(task))
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: LONG,
      runParent: async () => {
        begin()
        return { output: undefined, children }
      },
    })
    const enqueued: Promise<unknown> =
      where === 'by their parent' ? executor.enqueueTask(parent) : enqueuer.enqueueTasks(children)
    let runningWhenEnqueued = 0
    await world.until(enqueued.then(() => (runningWhenEnqueued = running)))
    // What is enqueued next finds the slots free of those that ended at once.
    if (where === 'here') expect(runningWhenEnqueued).toBe(950)
    await world.environment.untilTrue(() => running === 950)
    expect(begun.mostInOneTurn).toBe(100)
    expect([...takenWhileRunning]).toEqual([950])
  },
)

it('what is cancelled while it waits for its turn does not begin', async () => {
  const world = createWorld()
  const { executor, events } = world.add({ maxConcurrentTaskExecutions: 1000 })
  const begun: string[] = []
  let cancelled = ''
  const task = executor.task({
    id: 'task',
    timeoutMs: 2 * LONG,
    run: async ({ executionId }) => {
      begun.push(executionId)
      if (begun.length === 1) {
        const handle = await executor.getTaskExecutionHandle(task, cancelled)
        await handle.cancel()
      }
      await delay(world.environment, LONG)
    },
  })
  const handles = await world.until(
    executor.enqueueTasks(Array.from({ length: 150 }, () => childTask(task))),
  )
  cancelled = handles.at(-1)?.getExecutionId() ?? ''
  await world.environment.until(executor.start())
  await world.environment.untilTrue(() => begun.length === 149)
  await world.environment.turn()
  expect(begun).not.toContain(cancelled)
  expect(begun).toHaveLength(149)
  // Nothing of it was: no result is dropped.
  expect(events.map(({ type }) => type)).not.toContain('result_dropped')
  expect(executor.getStats().slots.taken).toBe(149)
})

it('functions that begin turn by turn, and end at once, leave their slots to one claim', async () => {
  const world = createWorld()
  const { executor, connection } = world.add({ maxConcurrentTaskExecutions: 1000 })
  let ended = 0
  const task = executor.task({
    id: 'task',
    timeoutMs: LONG,
    run: async () => {
      ended += 1
    },
  })
  await world.until(executor.enqueueTasks(Array.from({ length: 5000 }, () => childTask(task))))
  await world.environment.until(executor.start())
  await world.environment.untilTrue(() => ended === 5000)
  // Half of the slots each, but for the last, which find what is left, and nothing.
  expect(connection.countOf('claim')).toBeLessThanOrEqual(12)
})
