/** Which executor takes what, and in which order. */
import { describe, expect, it } from 'vitest'

import { childTask, type DurableExecutor, type ExecutorEvent } from '../src/index'
import { createDeferred } from '../src/lib/deferred'
import { isHeldBefore } from './support/storage-connection'
import { createWorld, eventsOf } from './support/world'

function queuesOf(rows: readonly { taskId: string; queue: string }[]): Record<string, string> {
  return Object.fromEntries(rows.map(({ taskId, queue }) => [taskId, queue]))
}

/** Defines tasks that say who ran them. */
function defineFamily(executor: DurableExecutor) {
  const plain = executor.task({ id: 'plain', timeoutMs: 1000, run: () => executor.id })
  const own = executor.task({ id: 'own', timeoutMs: 1000, queue: 'own', run: () => executor.id })
  const parent = executor.parentTask({
    id: 'parent',
    timeoutMs: 1000,
    runParent: () => ({
      output: executor.id,
      children: [childTask(plain), childTask(own), childTask(own, undefined, { queue: 'option' })],
    }),
    finalize: ({ output, children }) => [
      output,
      ...children.map((child) => (child.status === 'completed' ? child.output : child.status)),
    ],
  })
  const chain = executor.sequentialTasks('chain', [plain, own, plain])
  return { plain, own, parent, chain }
}

describe('an executor', () => {
  it('takes nothing from queues that are not its own', async () => {
    const world = createWorld()
    const { executor } = await world.start({ queues: ['mine', 'also mine'] })
    const { plain } = defineFamily(executor)
    const theirs = await executor.enqueueTask(plain, undefined, { queue: 'theirs' })
    const byDefault = await executor.enqueueTask(plain)
    const mine = await executor.enqueueTask(plain, undefined, { queue: 'also mine' })
    await expect(world.until(mine.waitAndGetOutput(), 1000)).resolves.toBe(executor.id)
    await world.environment.advanceBy(60_000)
    await expect(theirs.getExecution()).resolves.toMatchObject({ status: 'ready', queue: 'theirs' })
    await expect(byDefault.getExecution()).resolves.toMatchObject({ queue: 'default' })
  })

  it('takes what is due first, first', async () => {
    const world = createWorld()
    const { executor } = world.add({ maxConcurrentTaskExecutions: 1 })
    const order: string[] = []
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      run: (_ctx, name: string) => {
        order.push(name)
      },
    })
    const delays = { last: 300, first: 100, second: 200 }
    for (const [name, sleepMsBeforeRun] of Object.entries(delays)) {
      await executor.enqueueTask(task, name, { sleepMsBeforeRun })
    }
    await world.environment.advanceBy(1000)
    await world.until(executor.start())
    await world.environment.untilTrue(() => order.length === 3)
    expect(order).toEqual(['first', 'second', 'last'])
  })

  it('lets no new work pass what stands in line', async () => {
    const world = createWorld()
    const client = world.add()
    const { executor, connection } = world.add({ maxConcurrentTaskExecutions: 2 })
    const order: string[] = []
    const run = (_ctx: unknown, name: string): void => {
      order.push(name)
    }
    const task = executor.task({ id: 'task', timeoutMs: 1000, run })
    const atClient = client.executor.task({ id: 'task', timeoutMs: 1000, run })
    for (const name of ['first', 'second', 'third']) {
      await client.executor.enqueueTask(atClient, name)
      await world.environment.advanceBy(1)
    }
    // There are free slots, but it is not known yet that something stands in line.
    const gate = createDeferred<void>()
    connection.disturb('claim', isHeldBefore(gate.promise))
    await world.until(executor.start())
    await world.until(executor.enqueueTask(task, 'new'))
    await world.environment.advanceBy(10)
    expect(order).toEqual([])
    gate.resolve()
    await world.environment.untilTrue(() => order.length === 4)
    expect(order).toEqual(['first', 'second', 'third', 'new'])
  })

  it('starts new work at once where nothing stands in line', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    await world.environment.advanceBy(1000)
    const claims = connection.countOf('claim')
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 'ran' })
    const before = world.environment.monotonic()
    const handle = await executor.enqueueTask(task)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('ran')
    expect(world.environment.monotonic()).toBe(before)
    expect(connection.countOf('claim')).toBe(claims)
  })

  it('asks for more of a backlog before it runs what it got', async () => {
    const world = createWorld()
    const { executor, connection } = world.add()
    const order: string[] = []
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      run: () => {
        order.push('run')
      },
    })
    await executor.enqueueTasks(Array.from({ length: 1000 }, () => childTask(task)))
    connection.disturb(
      'claim',
      (pass) => {
        order.push('claim')
        return pass()
      },
      { times: Infinity },
    )
    await world.until(executor.start())
    await world.environment.untilTrue(() => order.filter((step) => step === 'run').length === 1000)
    expect(order.indexOf('claim', 1)).toBe(1)
    expect(order.indexOf('run')).toBe(2)
  })

  it('serves all its queues, also beside one that is always full', async () => {
    const world = createWorld()
    const { executor } = world.add({
      queues: ['full', 'other'],
      maxConcurrentTaskExecutions: 2,
    })
    const ran = new Map<string, number>()
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      run: async (_ctx, queue: string) => {
        ran.set(queue, (ran.get(queue) ?? 0) + 1)
        await new Promise<void>((resolve) => {
          world.environment.setTimer(10, resolve)
        })
      },
    })
    const children = Array.from({ length: 500 }, () => childTask(task, 'full', { queue: 'full' }))
    await executor.enqueueTasks(children)
    await executor.enqueueTask(task, 'other', { queue: 'other' })
    await world.until(executor.start())
    await world.environment.untilTrue(() => ran.has('other'))
    expect(ran.get('full')).toBeLessThan(50)
  })
})

describe('a child', () => {
  it('is in the queue of its option, its task, or its parent, in that order', async () => {
    const world = createWorld()
    const { executor } = await world.start({ queues: ['of_parent', 'own', 'option'] })
    const { parent } = defineFamily(executor)
    const handle = await executor.enqueueTask(parent, undefined, { queue: 'of_parent' })
    await world.until(handle.waitAndGetOutput())
    const rows = world.storage.dump().filter((row) => row.parent)
    expect(rows.map(({ taskId, queue }) => `${taskId} ${queue}`).sort()).toEqual([
      'own option',
      'own own',
      'parent_finalize of_parent',
      'plain of_parent',
    ])
  })

  it('may run elsewhere than its parent, which is resumed by its own executor', async () => {
    const world = createWorld()
    const names = ['default', 'own', 'option']
    const members = []
    for (const name of names) members.push(await world.start({ executorId: name, queues: [name] }))
    const [atDefault] = members.map(({ executor }) => defineFamily(executor))
    if (!atDefault || !members[0]) throw new Error('There are no executors')
    const handle = await members[0].executor.enqueueTask(atDefault.parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual([
      'default',
      'default',
      'own',
      'option',
    ])
    const settled = members.map(({ events }) => settledTasks(events))
    expect(settled).toEqual([['parent', 'parent', 'parent_finalize', 'plain'], ['own'], ['own']])
  })
})

/** Tasks whose executions an executor brought to their end, or to their wait for a finalize. */
function settledTasks(events: readonly ExecutorEvent[]): string[] {
  return eventsOf(events, 'execution_settled')
    .filter(({ status }) => status !== 'waiting_for_children')
    .map(({ taskId }) => taskId)
    .sort()
}

describe('a chain', () => {
  it('has its own queue, and its steps that of their task, or the chain', async () => {
    const world = createWorld()
    const { executor } = await world.start({ queues: ['of_chain', 'own'] })
    const { chain } = defineFamily(executor)
    const handle = await executor.enqueueTask(chain, undefined, { queue: 'of_chain' })
    await world.until(handle.waitAndGetOutput())
    const steps = world.storage.dump().map(({ taskId, queue }) => `${taskId} ${queue}`)
    expect(steps).toEqual(['chain of_chain', 'plain of_chain', 'own own', 'plain of_chain'])
    expect(queuesOf(world.storage.dump())).toMatchObject({ chain: 'of_chain' })
  })
})
