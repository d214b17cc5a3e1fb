/** How much of the database an executor uses, whatever it has to do (G8). */
import { describe, expect, it } from 'vitest'

import { childTask } from '../src/index'
import { delay } from '../src/lib/environment'
import type { Fault } from './support/storage-connection'
import { createWorld } from './support/world'

const VERBS = [
  'insert',
  'get',
  'getChildren',
  'claim',
  'settle',
  'renew',
  'lostClaims',
  'wake',
  'cancel',
  'nextClaimAt',
] as const

describe('an executor', () => {
  it('has five calls under way at the most, however much it has to do', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start({ leaseMs: 3000 })
    const { environment } = world
    const isSlow: Fault = async (pass) => {
      await delay(environment, 5 + environment.random() * 100)
      return pass()
    }
    for (const verb of VERBS) connection.disturb(verb, isSlow, { times: Infinity })
    const leaf = executor.task({
      id: 'leaf',
      timeoutMs: 60_000,
      run: () => delay(environment, environment.random() * 5000),
    })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 60_000,
      runParent: () => ({ output: null, children: [childTask(leaf), childTask(leaf)] }),
      finalize: ({ children }) => children.length,
    })
    const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: 60_000 })
    const indexes = Array.from({ length: 200 }, (_, index) => index)
    const handles = await world.until(
      Promise.all([
        ...indexes.map(() => executor.enqueueTask(parent)),
        ...indexes.map((index) =>
          executor.enqueueTask(leaf, undefined, { executionId: `own ${index}` }),
        ),
      ]),
    )
    const naps = await world.until(
      Promise.all(indexes.map((index) => executor.enqueueTask(nap, `nap ${index}`))),
    )
    const woken = indexes.slice(100).map((index) =>
      executor.wakeupSleepingTaskExecution(nap, `nap ${index}`, {
        status: 'completed',
        output: 'up',
      }),
    )
    const cancelled = naps.slice(0, 100).map((handle) => handle.cancel())
    const waits = [...handles, ...naps].map((handle) => handle.waitAndGetFinishedExecution())
    await world.until(Promise.all<unknown>([...woken, ...cancelled, ...waits]), 600_000)
    expect(connection.countOf('renew')).toBeGreaterThan(0)
    expect(connection.mostAtOnce).toBeGreaterThan(3)
    expect(connection.mostAtOnce).toBeLessThanOrEqual(5)
  })

  it('renews by one call at a time, also when a standstill is over and claiming needs renewed leases', async () => {
    const world = createWorld()
    const { executor, connection, ...member } = await world.start({ leaseMs: 3000 })
    let underWay = 0
    let most = 0
    const isSlow: Fault = async (pass) => {
      underWay += 1
      most = Math.max(most, underWay)
      await delay(world.environment, 100)
      underWay -= 1
      return pass()
    }
    connection.disturb('renew', isSlow, { times: Infinity })
    const long = executor.task({
      id: 'long',
      timeoutMs: 60_000,
      run: () => delay(world.environment, 20_000),
    })
    const handle = await world.until(executor.enqueueTask(long))
    for (let standstill = 0; standstill < 5; standstill += 1) {
      await world.environment.advanceBy(500)
      member.stop()
      await world.environment.advanceBy(2500)
      member.continue()
    }
    await world.until(handle.waitAndGetOutput())
    expect(connection.countOf('renew')).toBeGreaterThan(5)
    expect(most).toBe(1)
  })

  it('asks at most six times a second while there is nothing to do', async () => {
    const world = createWorld()
    const { connection } = await world.start({ retentionMs: null })
    await world.environment.advanceBy(10_000)
    connection.calls.clear()
    await world.environment.advanceBy(60_000)
    // One look for all queues, and nothing else.
    expect([...connection.calls.keys()]).toEqual(['nextClaimAt'])
    expect(connection.countOf('nextClaimAt')).toBeLessThanOrEqual(6 * 60)
  })
})
