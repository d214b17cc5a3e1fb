/** How soon an executor finds what others made due, where nothing can wake it. */
import { describe, expect, it } from 'vitest'

import type { DurableExecutor, Task } from '../src/index'
import { createWorld } from './support/world'

const POLL_MS = 20

function defineTask(executor: DurableExecutor): Task<number, number> {
  return executor.task({ id: 'task', timeoutMs: 1000, run: (_context, index: number) => index })
}

describe('an executor', () => {
  it.each([0, 1, 50, 5000])(
    'finds work %i ms after its start within the interval it polls in',
    async (afterMs) => {
      const world = createWorld()
      const { executor } = await world.start({ pollIntervalMs: POLL_MS })
      defineTask(executor)
      const client = world.add()
      const task = defineTask(client.executor)
      await world.environment.advanceBy(afterMs)
      const handle = await world.until(client.executor.enqueueTask(task, 1))
      // The sweep, and the pause after it found something although a claim had found nothing.
      await world.environment.advanceBy(POLL_MS + 50)
      expect((await handle.getExecution()).status).toBe('completed')
    },
  )

  it('polls again as often when it has worked off a lot of work', async () => {
    const world = createWorld()
    const worker = { pollIntervalMs: POLL_MS, maxConcurrentTaskExecutions: 2 }
    const { executor } = await world.start(worker)
    defineTask(executor)
    const client = world.add()
    const task = defineTask(client.executor)
    const indexes = Array.from({ length: 50 }, (_, index) => index)
    const enqueued = Promise.all(indexes.map((index) => client.executor.enqueueTask(task, index)))
    const handles = await world.until(enqueued)
    await world.until(Promise.all(handles.map((handle) => handle.waitAndGetOutput())))
    const handle = await world.until(client.executor.enqueueTask(task, 1))
    await world.environment.advanceBy(POLL_MS + 50)
    expect((await handle.getExecution()).status).toBe('completed')
  })
})
