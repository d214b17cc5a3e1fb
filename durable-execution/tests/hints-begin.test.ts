/** Hints begin to come while an executor is at work: what was missed until then is found, and its first claims are not held up. */
import { describe, expect, it } from 'vitest'

import type { DurableExecutor, Task } from '../src/index'
import { createDeferred } from '../src/lib/deferred'
import { delay } from '../src/lib/environment'
import { createControlledRun } from './support/controlled-run'
import { createWorld, type Member, type World } from './support/world'

/** What is looked at now is answered within this; the next look is far later. */
const AT_ONCE_MS = 60
const SLOW_POLL_MS = 60_000
const LONG_MS = 3_600_000

function defineTask(executor: DurableExecutor): Task<number, number> {
  return executor.task({ id: 'task', timeoutMs: 60_000, run: (_context, index: number) => index })
}

describe('an executor to which hints begin to come', () => {
  /** A worker with one slot, not started, and what lets its subscription begin. */
  function waitingForHints(world: World): Member & { begin: () => void } {
    const worker = world.add({
      pollIntervalMs: SLOW_POLL_MS,
      leaseMs: LONG_MS,
      maxConcurrentTaskExecutions: 1,
    })
    const begun = createDeferred<void>()
    const { connection } = worker
    const { listen } = connection
    connection.listen = async (listener) => {
      await begun.promise
      if (!listen) throw new Error('The world does not push')
      return listen.call(connection, listener)
    }
    return { ...worker, begin: begun.resolve }
  }

  it('does not ask for lost claims and due times at that moment, while work stands in line', async () => {
    const world = createWorld({ pushes: true })
    const { executor, connection, begin } = waitingForHints(world)
    const controlled = createControlledRun<number, number>()
    executor.task({ id: 'task', timeoutMs: LONG_MS, run: controlled.run })
    const client = world.add()
    const task = defineTask(client.executor)
    for (const input of [1, 2]) await world.until(client.executor.enqueueTask(task, input))
    await world.until(executor.start())
    await world.environment.untilTrue(() => connection.countOf('lostClaims') > 0)
    connection.calls.clear()
    begin()
    await world.environment.advanceBy(500)
    expect(connection.listening).toBe(1)
    expect(connection.calls.size).toBe(0)
    await world.environment.advanceBy(600)
    expect([...connection.calls]).toEqual([['lostClaims', 1]])
  })

  it('tells a function within a second that was cancelled before, while its claim was under way', async () => {
    const world = createWorld({ pushes: true })
    const { executor, connection, begin } = waitingForHints(world)
    const controlled = createControlledRun<number, number>()
    executor.task({ id: 'task', timeoutMs: LONG_MS, run: controlled.run })
    const client = world.add()
    const handle = await world.until(client.executor.enqueueTask(defineTask(client.executor), 1))
    connection.disturb('claim', async (pass) => {
      const answer = await pass()
      await handle.cancel()
      begin()
      await delay(world.environment, 9500)
      return answer
    })
    await world.until(executor.start())
    await world.environment.untilTrue(() => controlled.calls.length === 1)
    await world.environment.advanceBy(1100)
    expect(controlled.call(0).context.cancelSignal.aborted).toBe(true)
  })

  it('starts in time what is due soon, though it looked for that while they began', async () => {
    const world = createWorld({ pushes: true })
    const { executor, connection } = world.add()
    const task = defineTask(executor)
    const client = world.add()
    const handle = await world.until(
      client.executor.enqueueTask(defineTask(client.executor), 1, { sleepMsBeforeRun: 900 }),
    )
    let looks = 0
    connection.disturb(
      'nextClaimAt',
      async (pass) => {
        looks += 1
        // The first is that of the start; by the answer to the next one the claims have found nothing.
        if (looks === 2) await delay(world.environment, 20)
        return pass()
      },
      { times: 2 },
    )
    await world.until(executor.start())
    await world.environment.advanceBy(900 + AT_ONCE_MS)
    expect((await world.until(handle.getExecution())).status).toBe('completed')
    expect([looks, task.id]).toEqual([2, 'task'])
  })

  it.each(['at first', 'again'])(
    'looks at once whether what it waits for has finished, and when the next row is due: %s',
    async (when) => {
      const world = createWorld({ pushes: true })
      const { executor, connection, begin } = waitingForHints(world)
      const task = defineTask(executor)
      if (when === 'again') begin()
      await world.until(executor.start())
      const handle = await world.until(executor.enqueueTask(task, 1, { sleepMsBeforeRun: LONG_MS }))
      const wait = handle.waitAndGetFinishedExecution()
      await world.environment.advanceBy(10_000)
      if (when === 'again') connection.tellListening(false)
      await world.environment.advanceBy(10_000)
      connection.calls.clear()
      if (when === 'again') connection.tellListening(true)
      else begin()
      await world.environment.advanceBy(AT_ONCE_MS)
      expect(connection.countOf('get')).toBe(1)
      expect(connection.countOf('nextClaimAt')).toBe(1)
      await world.until(handle.cancel())
      expect((await world.until(wait)).status).toBe('cancelled')
    },
  )
})
