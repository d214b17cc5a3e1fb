/** Enqueues whose ids or keys somebody's open transaction holds (`InsertRequest.failsWhenHeldUp`). */
import { describe, expect, it } from 'vitest'

import { childTask, StorageHeldUpError } from '../src/index'
import { delay } from '../src/lib/environment'
import { fails, type Fault } from './support/storage-connection'
import { createWorld, eventsOf, type Member, type World } from './support/world'

async function startEcho() {
  const world = createWorld()
  const member = await world.start()
  await world.environment.advanceBy(1000)
  const run = (_ctx: unknown, value: string): string => value
  return { world, ...member, task: member.executor.task({ id: 'task', timeoutMs: 1000, run }) }
}

describe("an enqueue whose id somebody's open transaction holds", () => {
  /** Until the answered function is called, nothing that holds one of these ids can be inserted. It takes a while to find out. */
  function hold(
    { environment }: World,
    { connection }: Pick<Member, 'connection'>,
    heldIds: readonly string[],
  ): () => void {
    let isOpen = true
    const isHeld: Fault = async (pass) => {
      await delay(environment, 50)
      return fails(new StorageHeldUpError('held'))(pass)
    }
    connection.disturb('insert', isHeld, {
      times: Infinity,
      when: ({ executions, failsWhenHeldUp }) =>
        isOpen &&
        failsWhenHeldUp === true &&
        executions.some(({ executionId }) => heldIds.includes(executionId)),
    })
    return () => {
      isOpen = false
    }
  }

  it('waits for that, while those of its batch and of later ones go on', async () => {
    const { world, executor, connection, events, task } = await startEcho()
    const free = hold(world, { connection }, ['held 1', 'held 2'])
    const enqueue = async (executionId: string): Promise<string> => {
      const handle = await executor.enqueueTask(task, executionId, { executionId })
      return handle.waitAndGetOutput()
    }
    const outputs = new Map<string, string>()
    const note = async (executionId: string): Promise<void> => {
      outputs.set(executionId, await enqueue(executionId))
    }
    const ids = Array.from({ length: 50 }, (_, index) => `free ${index}`)
    const all = [...ids, 'held 1', 'held 2'].sort().map(note)
    await world.environment.untilTrue(() => outputs.size === 50)
    expect([...outputs.keys()].sort()).toEqual([...ids].sort())
    expect(await world.until(enqueue('later'), 1000)).toBe('later')
    const before = connection.countOf('insert')
    const again = note('held 1')
    await world.environment.advanceBy(60_000)
    expect(outputs.size).toBe(50)
    expect(executor.getStats().waitingInMemory.enqueues).toBe(3)
    // They try less and less.
    expect(connection.countOf('insert') - before).toBeLessThan(100)
    free()
    await world.until(Promise.all([...all, again]), 10_000)
    expect(outputs.size).toBe(52)
    expect(eventsOf(events, 'storage_away')).toEqual([])
    expect(executor.getStats().waitingInMemory.enqueues).toBe(0)
  })

  it('leaves calls for everything else, however many ids are held', async () => {
    const { world, executor, connection, task } = await startEcho()
    const ids = Array.from({ length: 400 }, (_, index) => `held ${index}`)
    const free = hold(world, { connection }, ids)
    const held = ids.map((executionId) => executor.enqueueTask(task, executionId, { executionId }))
    // Until each is known to be held.
    await world.environment.advanceBy(60_000)
    for (let count = 0; count < 100; count += 1) {
      const handle = await world.until(executor.enqueueTask(task, `${count}`), 1000)
      expect(await world.until(handle.waitAndGetOutput(), 1000)).toBe(`${count}`)
    }
    free()
    await world.until(Promise.all(held), 120_000)
  })

  it('with others, all or nothing, waits with them', async () => {
    const { world, executor, connection, events, task } = await startEcho()
    const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: 60_000 })
    let isHeld = true
    connection.disturb('insert', fails(new StorageHeldUpError('held')), {
      times: Infinity,
      when: ({ allOrNothing }) => isHeld && allOrNothing === true,
    })
    const together = executor.enqueueTasks([childTask(nap, 'a'), childTask(task, 'b')])
    await world.environment.advanceBy(30_000)
    expect(world.storage.dump()).toEqual([])
    isHeld = false
    expect(await world.until(together, 10_000)).toHaveLength(2)
    expect(eventsOf(events, 'storage_away')).toEqual([])
  })
})
