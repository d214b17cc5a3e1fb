/**
 * An execution that its own process claims again before it knows that its last end was stored: it is sent on its way as soon as
 * that is known. `recover` would find it too, but later, and a shutdown does not wait for that.
 */
import { describe, expect, it } from 'vitest'

import { childTask } from '../src/index'
import { createDeferred } from '../src/lib/deferred'
import { createControlledRun } from './support/controlled-run'
import { isHeldAfter, isHeldBefore } from './support/storage-connection'
import { createWorld, eventsOf, type Member } from './support/world'

const LONG = 600_000
const LEASE_MS = 15_000

/** Nothing is held, nothing was looked for, and no lease lapsed. */
function expectLeftNothing({ executor, connection, events }: Member): void {
  expect(executor.getStats()).toMatchObject({ slots: { taken: 0, unstored: 0 }, heldCount: 0 })
  expect(connection.countOf('recover')).toBe(0)
  expect(eventsOf(events, 'execution_taken_over')).toEqual([])
}

describe('an execution that is claimed anew before its last end was known', () => {
  it('runs in the moment in which the answer comes: a retry', async () => {
    const world = createWorld()
    const member = await world.start()
    const { executor, connection } = member
    const work = createControlledRun()
    const retryOptions = { maxAttempts: 1 }
    const task = executor.task({ id: 'task', timeoutMs: LONG, retryOptions, run: work.run })
    const answer = createDeferred<void>()
    connection.disturb('settle', isHeldAfter(answer.promise))
    const handle = await world.until(executor.enqueueTask(task))
    await world.environment.untilTrue(() => work.calls.length === 1)
    work.call(0).throws(new Error('again'))
    await world.environment.advanceBy(1000)
    expect(world.storage.dump()[0]).toMatchObject({ status: 'running', claimCount: 2 })
    expect(work.calls).toHaveLength(1)
    answer.resolve()
    await world.environment.turn()
    expect(work.calls).toHaveLength(2)
    expect(executor.getStats().slots.taken).toBe(1)
    work.call(1).returns('done')
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('done')
    expectLeftNothing(member)
  })

  it('is given back before a shutdown ends: the claim overtook the answer of its release', async () => {
    const world = createWorld()
    const member = await world.start({ leaseMs: LEASE_MS })
    const { executor, connection, events } = member
    const work = createControlledRun({ heedsSignal: true })
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
    await world.until(executor.enqueueTask(task))
    await world.environment.untilTrue(() => work.calls.length === 1)
    // A claim is on its way when the shutdown begins, and gets there after the release.
    const claim = createDeferred<void>()
    const release = createDeferred<void>()
    connection.calls.clear()
    connection.disturb('claim', isHeldBefore(claim.promise))
    connection.disturb('release', isHeldAfter(release.promise))
    await executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 10 })
    await world.environment.untilTrue(() => connection.countOf('claim') === 1)
    let isStopped = false
    const stopped = executor.shutdown({ graceMs: 0 }).then(() => {
      isStopped = true
    })
    await world.environment.untilTrue(() => connection.countOf('release') === 1)
    claim.resolve()
    await world.environment.advanceBy(10)
    expect(world.storage.dump()[0]).toMatchObject({ status: 'running', claimCount: 2 })
    // Its second release is slow too: the shutdown waits for it.
    const again = createDeferred<void>()
    connection.disturb('release', isHeldBefore(again.promise), {
      when: ({ claims }) => claims.some(({ claimCount }) => claimCount === 2),
    })
    release.resolve()
    await world.environment.advanceBy(10)
    expect(isStopped).toBe(false)
    again.resolve()
    await world.until(stopped)
    expect(world.storage.dump()).toMatchObject([
      { status: 'ready', executorId: null, attempt: 0, takeovers: 0 },
      { status: 'ready', executorId: null, attempt: 0, takeovers: 0 },
    ])
    expect(work.calls).toHaveLength(1)
    expect(eventsOf(events, 'execution_released')).toHaveLength(3)
    expectLeftNothing(member)
  })

  it('is not run again but resumed: a parent whose child ended before its answer came', async () => {
    const world = createWorld()
    const member = await world.start()
    const { executor, connection } = member
    const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: LONG })
    const work = createControlledRun<{ output: number; children: ReturnType<typeof childTask>[] }>()
    const parent = executor.parentTask({ id: 'parent', timeoutMs: LONG, runParent: work.run })
    const answer = createDeferred<void>()
    connection.disturb('settle', isHeldAfter(answer.promise))
    const handle = await world.until(executor.enqueueTask(parent))
    await world.environment.untilTrue(() => work.calls.length === 1)
    work.call(0).returns({ output: 1, children: [childTask(nap, 'unique')] })
    await world.environment.untilTrue(() => world.storage.dump().length === 2)
    // Its parent is handed over to this very process, which does not know yet that it waits.
    const woken = executor.wakeupSleepingTaskExecution(nap, 'unique', {
      status: 'completed',
      output: 'up',
    })
    await world.until(woken)
    answer.resolve()
    await world.environment.turn()
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'completed' })
    expect(work.calls).toHaveLength(1)
    expectLeftNothing(member)
  })

  it('is resumed in the moment in which the answer comes: a chain whose next step ended elsewhere', async () => {
    const world = createWorld()
    const member = await world.start({ queues: ['chains'], leaseMs: LEASE_MS })
    const { executor, connection } = member
    // It runs the steps, and does not know the chain: after each step that is resumed.
    const other = await world.start({ queues: ['steps'], leaseMs: LEASE_MS })
    const define = ({ executor: at }: Member) =>
      at.task({ id: 'step', queue: 'steps', timeoutMs: LONG, run: (_ctx, n: number) => n + 1 })
    define(other)
    const step = define(member)
    const chain = executor.sequentialTasks('chain', [step, step, step])
    const answer = createDeferred<void>()
    connection.disturb('settle', isHeldAfter(answer.promise))
    const options = { queue: 'chains' }
    const handle = await world.until(executor.enqueueTask(chain, 1, options))
    const id = handle.getExecutionId()
    const root = () => world.storage.dump().find(({ executionId }) => executionId === id)
    await world.environment.untilTrue(() => root()?.claimCount === 2)
    expect(world.storage.dump()).toHaveLength(3)
    answer.resolve()
    await world.environment.turn()
    expect(world.storage.dump()).toHaveLength(4)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(4)
    expectLeftNothing(member)
  })
})
