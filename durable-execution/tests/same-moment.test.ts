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

it.each(['here', 'by another'])(
  'of many that are enqueued %s no more than a hundred begin in one turn',
  async (where) => {
    const world = createWorld()
    const { executor } = await world.start({ maxConcurrentTaskExecutions: 1000 })
    const enqueuer = where === 'here' ? executor : world.add().executor
    const begun = { inAll: 0, inThisTurn: 0, mostInOneTurn: 0 }
    const run = async (): Promise<void> => {
      if (begun.inThisTurn === 0) setImmediate(() => (begun.inThisTurn = 0))
      begun.inAll += 1
      begun.inThisTurn += 1
      begun.mostInOneTurn = Math.max(begun.mostInOneTurn, begun.inThisTurn)
      await delay(world.environment, LONG)
    }
    const options = { id: 'task', timeoutMs: 2 * LONG, run }
    const task = enqueuer.task(options)
    if (executor !== enqueuer) executor.task(options)
    const many = Array.from({ length: 950 }, () => childTask(task))
    await world.until(enqueuer.enqueueTasks(many))
    await world.environment.untilTrue(() => begun.inAll === 950)
    expect(begun.mostInOneTurn).toBe(100)
  },
)
