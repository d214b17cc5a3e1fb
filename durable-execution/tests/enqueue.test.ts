/** What an enqueue promises, whatever is in its way. */
import { describe, expect, it, vi } from 'vitest'

import {
  childTask,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  type AnyTask,
  type EnqueueOptions,
  type Task,
} from '../src/index'
import { createDeferred } from '../src/lib/deferred'
import { fails, isHeldAfter, isHeldBefore, losesAnswer } from './support/storage-connection'
import { createWorld, eventsOf } from './support/world'

async function startCounting() {
  const world = createWorld()
  const member = await world.start()
  await world.environment.advanceBy(1000)
  const run = vi.fn((_ctx: unknown, value: string) => value)
  const task = member.executor.task({ id: 'task', timeoutMs: 1000, run })
  const other = member.executor.task({ id: 'other', timeoutMs: 1000, run })
  return { world, ...member, run, task, other }
}

describe('an enqueue', () => {
  it('is stored when it has resolved', async () => {
    const world = createWorld()
    const { executor } = world.add()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    const handle = await executor.enqueueTask(task)
    expect(world.storage.dump()).toMatchObject([
      { executionId: handle.getExecutionId(), status: 'ready', taskId: 'task' },
    ])
    expect(handle.getExecutionId()).toMatch(/^te_/)
  })

  it('goes to the storage together with others of the same moment', async () => {
    const { world, executor, connection, task } = await startCounting()
    const handles = await Promise.all(
      Array.from({ length: 200 }, (_, index) => executor.enqueueTask(task, `${index}`)),
    )
    expect(connection.countOf('insert')).toBe(1)
    const outputs = await world.until(Promise.all(handles.map((h) => h.waitAndGetOutput())))
    expect(outputs).toEqual(Array.from({ length: 200 }, (_, index) => `${index}`))
  })

  it('waits while the storage is away', async () => {
    const { world, executor, connection, task, run } = await startCounting()
    connection.cut(fails())
    let isStored = false
    const enqueued = executor.enqueueTask(task, 'a').then((handle) => {
      isStored = true
      return handle
    })
    await world.environment.advanceBy(60_000)
    expect(isStored).toBe(false)
    connection.mend()
    const handle = await world.until(enqueued)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('a')
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('creates and runs nothing twice where its answers were lost', async () => {
    const { world, executor, connection, events, task, run } = await startCounting()
    connection.disturb('insert', losesAnswer, { times: 3 })
    const handle = await world.until(executor.enqueueTask(task, 'a'))
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('a')
    await world.environment.advanceBy(60_000)
    expect(connection.countOf('insert')).toBe(4)
    expect(world.storage.dump()).toHaveLength(1)
    expect(run).toHaveBeenCalledTimes(1)
    expect(eventsOf(events, 'execution_taken_over')).toEqual([])
  })

  it('that the storage refuses for good fails alone', async () => {
    const { world, executor, connection, task } = await startCounting()
    const refusal = DurableExecutionError.nonRetryable('invalid byte sequence', { code: 'storage' })
    connection.disturb('insert', fails(refusal), {
      times: 100,
      when: ({ executions }) => executions.some(({ input }) => input?.includes('bad') === true),
    })
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'bad', 'c'].map((input) => executor.enqueueTask(task, input)),
    )
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(outcomes[2]).toMatchObject({ reason: refusal })
    await world.environment.advanceBy(1000)
    expect(world.storage.dump().map(({ status }) => status)).toEqual([
      'completed',
      'completed',
      'completed',
    ])
    expect(executor.getStats().slots.taken).toBe(0)
  })

  it('takes the delay of the option, else that of the task', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const startedAt = new Map<string, number>()
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      sleepMsBeforeRun: 5000,
      run: (_ctx, name: string) => {
        startedAt.set(name, world.environment.monotonic())
      },
    })
    await executor.enqueueTask(task, 'task')
    await executor.enqueueTask(task, 'option', { sleepMsBeforeRun: 300 })
    await executor.enqueueTask(task, 'none', { sleepMsBeforeRun: 0 })
    await world.environment.advanceBy(10_000)
    expect([...startedAt].map(([name, at]) => [name, Math.round(at)])).toEqual([
      ['none', 0],
      ['option', 300],
      ['task', 5000],
    ])
  })

  it('starts on time whatever the clocks of the machines say', async () => {
    const world = createWorld()
    const client = world.add({}, -600_000)
    const worker = world.add({}, 600_000)
    await world.until(worker.executor.start())
    const startedAt: number[] = []
    worker.executor.task({
      id: 'task',
      timeoutMs: 1000,
      run: () => startedAt.push(world.environment.monotonic()),
    })
    const task = client.executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    const handle = await client.executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 30_000 })
    await world.until(handle.waitAndGetOutput())
    expect(startedAt).toHaveLength(1)
    expect(startedAt[0]).toBeGreaterThanOrEqual(30_000)
    expect(startedAt[0]).toBeLessThan(30_300)
    const execution = await handle.getExecution()
    expect(execution.createdAt).toEqual(new Date(world.storage.dump()[0]?.createdAt ?? 0))
  })

  it.each([
    [{ timeoutMs: 0 }, /^Invalid timeout value for task task: /],
    [{ sleepMsBeforeRun: -1 }, /^Invalid sleep ms before run for task task: /],
    [{ retryOptions: { jitter: 2 } }, /^Invalid retry options for task task: jitter: /],
    [{ queue: '' }, /^Invalid queue for task task: /],
    [{ executionId: '' }, /^Invalid execution id for task task: /],
    [{ executionId: 'a'.repeat(256) }, /^Invalid execution id for task task: /],
    ['soon', /^Invalid options for task task: expected an object/],
  ])('refuses the options %j, and stores nothing', async (options, message) => {
    const { world, executor, task } = await startCounting()
    const enqueued = executor.enqueueTask(task, 'a', options as EnqueueOptions)
    await expect(enqueued).rejects.toMatchObject({ code: 'invalid_task', isRetryable: false })
    await expect(enqueued).rejects.toThrow(message)
    expect(world.storage.dump()).toEqual([])
  })

  it.each([undefined, null, 'task', {}])('refuses %j, which is no task', async (task) => {
    const { executor } = await startCounting()
    await expect(executor.enqueueTask(task as never, 'a' as never)).rejects.toMatchObject({
      code: 'invalid_task',
    })
  })

  it('refuses a task of another executor', async () => {
    const { world, executor } = await startCounting()
    const elsewhere = world.add().executor.task({ id: 'elsewhere', timeoutMs: 1, run: () => 1 })
    await expect(executor.enqueueTask(elsewhere)).rejects.toBeInstanceOf(
      DurableExecutionNotFoundError,
    )
  })
})

describe('an enqueue under an id of the caller', () => {
  it('creates one execution, however often and at the same time it is repeated', async () => {
    const { world, executor, task, run } = await startCounting()
    const second = await world.start()
    const secondTask = second.executor.task({ id: 'task', timeoutMs: 1000, run })
    const handles = await Promise.all([
      executor.enqueueTask(task, 'first', { executionId: 'mine' }),
      executor.enqueueTask(task, 'again', { executionId: 'mine' }),
      second.executor.enqueueTask(secondTask, 'elsewhere', { executionId: 'mine' }),
    ])
    const outputs = await world.until(Promise.all(handles.map((h) => h.waitAndGetOutput())))
    expect(outputs).toEqual(['first', 'first', 'first'])
    expect(run).toHaveBeenCalledTimes(1)
    expect(world.storage.dump()).toHaveLength(1)
  })

  it('answers the first also when it has finished', async () => {
    const { world, executor, task, run } = await startCounting()
    await world.until(
      (await executor.enqueueTask(task, 'first', { executionId: 'mine' })).waitAndGetOutput(),
    )
    const again = await executor.enqueueTask(task, 'second', { executionId: 'mine' })
    await expect(again.waitAndGetOutput()).resolves.toBe('first')
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('is refused where the id belongs to an execution of another task', async () => {
    const { executor, task, other } = await startCounting()
    await executor.enqueueTask(task, 'a', { executionId: 'mine' })
    const taken = executor.enqueueTask(other, 'a', { executionId: 'mine' })
    await expect(taken).rejects.toMatchObject({ code: 'already_exists', isRetryable: false })
    await expect(taken).rejects.toThrow(/^Execution id mine is taken by an execution of task task/)
  })

  it('holds up no other enqueue', async () => {
    const { world, executor, connection, task } = await startCounting()
    const gate = createDeferred<void>()
    connection.disturb('insert', isHeldBefore(gate.promise), {
      when: ({ executions }) => executions.some(({ executionId }) => executionId === 'mine'),
    })
    const held = executor.enqueueTask(task, 'held', { executionId: 'mine' })
    // Well before the call that is held is given up.
    const free = await world.until(executor.enqueueTask(task, 'free'), 100)
    await expect(world.until(free.waitAndGetOutput(), 100)).resolves.toBe('free')
    gate.resolve()
    await expect(world.until((await held).waitAndGetOutput())).resolves.toBe('held')
  })

  it('holds up nothing, however often it is given up and tried again', async () => {
    const { world, executor, connection, task } = await startCounting()
    const gate = createDeferred<void>()
    connection.disturb('insert', isHeldBefore(gate.promise), {
      times: Infinity,
      when: ({ executions }) => executions.some(({ executionId }) => executionId === 'mine'),
    })
    const held = executor.enqueueTask(task, 'held', { executionId: 'mine' })
    for (let tries = 0; tries < 5; tries += 1) {
      // The call is given up after a third of a lease; what may have been lost is looked for, and the call is made again.
      await world.environment.advanceBy(6000)
      const free = await world.until(executor.enqueueTask(task, 'free'), 500)
      await expect(world.until(free.waitAndGetOutput(), 500)).resolves.toBe('free')
    }
    gate.resolve()
    await expect(world.until((await world.until(held)).waitAndGetOutput())).resolves.toBe('held')
  })

  it('runs nothing twice where its answer comes after the first has ended', async () => {
    const { world, executor, connection, task, run } = await startCounting()
    const gate = createDeferred<void>()
    const end = createDeferred<string>()
    run.mockReturnValueOnce(end.promise as never)
    const first = await executor.enqueueTask(task, 'first', { executionId: 'mine' })
    connection.disturb('insert', isHeldAfter(gate.promise))
    const again = executor.enqueueTask(task, 'again', { executionId: 'mine' })
    await world.environment.turn()
    end.resolve('first')
    await world.until(first.waitAndGetOutput())
    gate.resolve()
    await expect(world.until((await again).waitAndGetOutput())).resolves.toBe('first')
    await world.environment.advanceBy(1000)
    expect(run).toHaveBeenCalledTimes(1)
    expect(executor.getStats().slots.taken).toBe(0)
  })

  it('may be of every kind of text', async () => {
    const { world, executor, task } = await startCounting()
    for (const executionId of [`"quoted'; DROP`, 'é😀', ' ', '../a/b', 'a'.repeat(255)]) {
      const handle = await executor.enqueueTask(task, executionId, { executionId })
      expect(handle.getExecutionId()).toBe(executionId)
      await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(executionId)
    }
  })

  it('creates nothing twice of a chain', async () => {
    const { world, executor, task, run } = await startCounting()
    const chain = executor.sequentialTasks('chain', [task, task])
    const handles = await Promise.all(
      [1, 2, 3].map(() => executor.enqueueTask(chain, 'in', { executionId: 'mine' })),
    )
    await world.until(Promise.all(handles.map((h) => h.waitAndGetOutput())))
    expect(run).toHaveBeenCalledTimes(2)
    expect(world.storage.dump()).toHaveLength(3)
  })
})

describe('enqueueTasks', () => {
  it('answers handles in their order', async () => {
    const { world, executor, task, other } = await startCounting()
    const handles = await executor.enqueueTasks([childTask(task, 'a'), childTask(other, 'b')])
    expect(handles.map((handle) => handle.getTaskId())).toEqual(['task', 'other'])
    const outputs = await world.until(Promise.all(handles.map((h) => h.waitAndGetOutput())))
    expect(outputs).toEqual(['a', 'b'])
  })

  it('may be of none', async () => {
    const { executor, connection } = await startCounting()
    await expect(executor.enqueueTasks([])).resolves.toEqual([])
    expect(connection.countOf('insert')).toBe(0)
  })

  it('takes options, plain objects, and chains', async () => {
    const { world, executor, task } = await startCounting()
    const chain = executor.sequentialTasks('chain', [task, task])
    const handles = await executor.enqueueTasks([
      childTask(task, 'delayed', { sleepMsBeforeRun: 1000 }),
      { task, input: 'plain' },
      childTask(chain, 'chained'),
    ])
    const outputs = await world.until(Promise.all(handles.map((h) => h.waitAndGetOutput())))
    expect(outputs).toEqual(['delayed', 'plain', 'chained'])
  })

  it.each([
    [
      'an option that is wrong',
      (task: AnyTask) => ({ task, input: 'b', options: { timeoutMs: 0 } }),
    ],
    ['what is no task', () => ({ task: 'task' as never, input: 'b' })],
    ['what is nothing', () => undefined as never],
    ['a task that is unknown', () => ({ task: { id: 'unknown' } as Task<string>, input: 'b' })],
  ])('stores none where one has %s', async (_name, createBad) => {
    const { world, executor, task } = await startCounting()
    const enqueued = executor.enqueueTasks([childTask(task, 'a'), createBad(task)])
    await expect(enqueued).rejects.toBeInstanceOf(DurableExecutionError)
    await world.environment.advanceBy(1000)
    expect(world.storage.dump()).toEqual([])
  })

  it('stores none where the unique id of a sleeping one is taken', async () => {
    const { world, executor, task, run } = await startCounting()
    const sleeper = executor.sleepingTask({ id: 'sleeper', timeoutMs: 1000 })
    await executor.enqueueTask(sleeper, 'key')
    const before = world.storage.dump().length
    for (const children of [
      [childTask(task, 'a'), childTask(sleeper, 'key')],
      [childTask(task, 'a'), childTask(sleeper, 'new'), childTask(sleeper, 'new')],
    ]) {
      await expect(executor.enqueueTasks(children)).rejects.toMatchObject({
        code: 'already_exists',
      })
    }
    await world.environment.advanceBy(100)
    expect(world.storage.dump()).toHaveLength(before)
    expect(run).not.toHaveBeenCalled()
    expect(executor.getStats().slots.taken).toBe(0)
  })

  it('creates and runs nothing twice where its answer was lost', async () => {
    const { world, executor, connection, task, run } = await startCounting()
    const sleeper = executor.sleepingTask({ id: 'sleeper', timeoutMs: 600_000 })
    connection.disturb('insert', losesAnswer)
    await world.until(executor.enqueueTasks([childTask(task, 'a'), childTask(sleeper, 'key')]))
    await world.environment.advanceBy(60_000)
    expect(run).toHaveBeenCalledTimes(1)
    expect(world.storage.dump()).toHaveLength(2)
  })

  it('refuses what is no list', async () => {
    const { executor } = await startCounting()
    await expect(executor.enqueueTasks('tasks' as never)).rejects.toMatchObject({
      code: 'invalid_task',
    })
  })
})
