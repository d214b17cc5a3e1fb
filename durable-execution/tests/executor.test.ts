/** The executor as a whole: its options, its start, and what its methods refuse. */
import { describe, expect, it, vi } from 'vitest'

import {
  childTask,
  DurableExecutionNotFoundError,
  DurableExecutor,
  InMemoryTaskExecutionsStorage,
  type DurableExecutorOptions,
  type Task,
} from '../src/index'
import { createControlledRun } from './support/controlled-run'
import { fails } from './support/storage-connection'
import { thrownBy } from './support/thrown'
import { createWorld, eventsOf, silentLogger } from './support/world'

describe('an executor', () => {
  it('refuses wrong options, and says which, what was expected and what came', () => {
    const options = { leaseMs: 5, queues: [] } as DurableExecutorOptions
    const error = thrownBy(() => new DurableExecutor(new InMemoryTaskExecutionsStorage(), options))
    expect(error).toMatchObject({ code: 'invalid_options', isRetryable: false })
    expect(String(error)).toMatch(/Invalid options: .*queues: .*leaseMs: .*, got 5/)
  })

  it('needs no options', async () => {
    const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage())
    expect(executor.id).toMatch(/^de_/)
    await executor.shutdown()
  })

  it('has the id it was given', () => {
    const { executor } = createWorld().add({ executorId: 'worker 1' })
    expect(executor.id).toBe('worker 1')
  })

  it('tells two starts with the same id apart', async () => {
    const world = createWorld()
    const holders = []
    for (const member of [world.add({ executorId: 'same' }), world.add({ executorId: 'same' })]) {
      const { run } = createControlledRun({ heedsSignal: true })
      const task = member.executor.task({ id: 'task', timeoutMs: 1000, run })
      await world.until(member.executor.start())
      await world.environment.advanceBy(1000)
      const handle = await member.executor.enqueueTask(task)
      const execution = await handle.getExecution()
      if (execution.status === 'running') holders.push(execution.executorId)
    }
    expect(holders).toHaveLength(2)
    expect(holders[0]).toMatch(/^same:/)
    expect(holders[0]).not.toBe(holders[1])
  })

  it('runs nothing before it is started, but enqueues', async () => {
    const world = createWorld()
    const { executor } = world.add()
    const run = vi.fn(() => 1)
    const task = executor.task({ id: 'task', timeoutMs: 1000, run })
    const handle = await executor.enqueueTask(task)
    await world.environment.advanceBy(60_000)
    expect(run).not.toHaveBeenCalled()
    await world.until(executor.start())
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(1)
  })

  it('is the client of another: it enqueues, waits and cancels without being started', async () => {
    const world = createWorld()
    const worker = await world.start()
    const client = world.add()
    const echo = createControlledRun<string, string>({ heedsSignal: true })
    worker.executor.task({ id: 'echo', timeoutMs: 1000, run: echo.run })
    const run = vi.fn((_ctx: unknown, text: string) => text)
    const task = client.executor.task({ id: 'echo', timeoutMs: 1000, run })

    const [first, second] = await client.executor.enqueueTasks([
      childTask(task, 'a'),
      childTask(task, 'b'),
    ])
    await world.environment.untilTrue(() => echo.calls.length === 2)
    echo.call(0).returns('answer')
    await world.until(second.cancel())

    await expect(world.until(first.waitAndGetOutput())).resolves.toBe('answer')
    await expect(world.until(second.waitAndGetFinishedExecution())).resolves.toMatchObject({
      status: 'cancelled',
    })
    expect(run).not.toHaveBeenCalled()
  })

  it('starts once, however often it is told to', async () => {
    const world = createWorld()
    const { executor, connection, events } = world.add()
    const starts = [executor.start(), executor.start()]
    await world.until(Promise.all([...starts, executor.start()]))
    expect(eventsOf(events, 'executor_started')).toHaveLength(1)
    await world.environment.advanceBy(2000)
    // One sweep each 150 to 200 ms, not two.
    expect(connection.countOf('nextClaimAt')).toBeLessThanOrEqual(15)
  })

  it('is started only when the storage was reached', async () => {
    const world = createWorld()
    const { executor, connection, events } = world.add()
    connection.cut(fails())
    let isStarted = false
    const started = executor.start().then(() => {
      isStarted = true
    })
    await world.environment.advanceBy(30_000)
    expect(isStarted).toBe(false)
    connection.mend()
    await world.until(started)
    expect(eventsOf(events, 'storage_away')).toHaveLength(1)
    expect(eventsOf(events, 'storage_back')).toHaveLength(1)
  })

  it('can be started again after the storage refused it', async () => {
    const world = createWorld()
    const { executor, connection } = world.add()
    const refusal = new DurableExecutionNotFoundError('no such table')
    connection.disturb('nextClaimAt', fails(refusal))
    await expect(executor.start()).rejects.toThrow('no such table')
    await expect(world.until(executor.start())).resolves.toBeUndefined()
  })

  it('knows what it runs', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: controlled.run })
    const handle = await executor.enqueueTask(task)
    await world.environment.untilTrue(() => controlled.calls.length === 1)
    expect(executor.getRunningTaskExecutionsCount()).toBe(1)
    expect([...executor.getRunningTaskExecutionIds()]).toEqual([handle.getExecutionId()])
    controlled.call(0).returns('done')
    await world.until(handle.waitAndGetOutput())
    expect(executor.getRunningTaskExecutionsCount()).toBe(0)
  })

  it('runs no more at once than it has slots', async () => {
    const world = createWorld()
    const { executor } = world.add({ maxConcurrentTaskExecutions: 3 })
    let running = 0
    let most = 0
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      run: async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise<void>((resolve) => {
          world.environment.setTimer(20, resolve)
        })
        running -= 1
      },
    })
    const enqueueTen = () =>
      executor.enqueueTasks(Array.from({ length: 10 }, () => childTask(task)))
    // From a backlog, and as new work that needs no claim.
    const backlog = await enqueueTen()
    await world.until(executor.start())
    await world.until(Promise.all(backlog.map((handle) => handle.waitAndGetOutput())))
    await world.environment.advanceBy(1000)
    const added = await enqueueTen()
    await world.until(Promise.all(added.map((handle) => handle.waitAndGetOutput())))
    expect(most).toBe(3)
    expect(executor.getStats().slots).toEqual({ taken: 0, capacity: 3, unstored: 0 })
  })
})

describe('a task of an executor', () => {
  it('has an id of its own', () => {
    const { executor } = createWorld().add()
    executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    for (const define of [
      () => executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 }),
      () => executor.sleepingTask({ id: 'task', timeoutMs: 1000 }),
      () => executor.sequentialTasks('task', [{ id: 'task' } as Task<number, number>]),
      () =>
        executor.parentTask({
          id: 'task',
          timeoutMs: 1,
          runParent: () => ({ output: 1, children: [] }),
        }),
    ]) {
      expect(define).toThrow('Task task already exists')
    }
  })

  it('is not half defined where its finalize has the id of another', () => {
    const { executor } = createWorld().add()
    executor.task({ id: 'sum_finalize', timeoutMs: 1000, run: () => 1 })
    const runParent = () => ({ output: 1, children: [] as const })
    expect(() =>
      executor.parentTask({ id: 'sum', timeoutMs: 1000, runParent, finalize: () => 1 }),
    ).toThrow('Task sum_finalize already exists')
    expect(() => executor.parentTask({ id: 'sum', timeoutMs: 1000, runParent })).not.toThrow()
  })

  it('may be defined after the start', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({ id: 'late', timeoutMs: 1000, run: () => 'ran' })
    const handle = await executor.enqueueTask(task)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('ran')
  })

  it.each([
    [
      () =>
        createWorld()
          .add()
          .executor.validateInput('no' as never),
      /^Invalid input validation/,
    ],
    [
      () =>
        createWorld()
          .add()
          .executor.inputSchema({} as never),
      /^Invalid input schema/,
    ],
  ])('is not defined with an input check that is none', (define, message) => {
    const error = thrownBy(define)
    expect(error).toMatchObject({ code: 'invalid_options', isRetryable: false })
    expect(error).toHaveProperty('message', expect.stringMatching(message))
  })
})

describe('a handle', () => {
  it('is found by task and execution id', async () => {
    const world = createWorld()
    const { executor } = world.add()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    const { executionId } = await (await executor.enqueueTask(task)).getExecution()
    const handle = await executor.getTaskExecutionHandle(task, executionId)
    expect([handle.getTaskId(), handle.getExecutionId()]).toEqual(['task', executionId])
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'ready', executionId })
  })

  it('is not found for an unknown task, a missing execution, or one of another task', async () => {
    const world = createWorld()
    const { executor } = world.add()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    const other = executor.task({ id: 'other', timeoutMs: 1000, run: () => 1 })
    const handle = await executor.enqueueTask(task)
    const executionId = handle.getExecutionId()
    const unknown = { id: 'unknown' } as Task<undefined, number>
    for (const find of [
      () => executor.getTaskExecutionHandle(unknown, executionId),
      () => executor.getTaskExecutionHandle(task, 'te_missing'),
      () => executor.getTaskExecutionHandle(other, executionId),
    ]) {
      await expect(find()).rejects.toBeInstanceOf(DurableExecutionNotFoundError)
    }
  })

  it('throws not-found for everything once its row is gone', async () => {
    const world = createWorld()
    const { executor } = world.add()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    const handle = await executor.enqueueTask(task)
    await handle.cancel()
    await world.storage.prune({ finishedBefore: Infinity, limit: 10 })
    for (const call of [
      () => handle.getExecution(),
      () => handle.waitAndGetFinishedExecution(),
      () => handle.waitAndGetOutput(),
      () => handle.cancel(),
    ]) {
      await expect(world.until<unknown>(call())).rejects.toBeInstanceOf(
        DurableExecutionNotFoundError,
      )
    }
  })
})

describe('a finished tree', () => {
  it('is deleted after its retention, and no other', async () => {
    const world = createWorld()
    const { executor } = await world.start({ retentionMs: 600_000 })
    const child = executor.task({ id: 'child', timeoutMs: 1000, run: () => 1 })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [childTask(child), childTask(child)] }),
      finalize: () => 1,
    })
    const sleeper = executor.sleepingTask<number>({ id: 'sleeper', timeoutMs: 86_400_000 })
    const sleeping = await executor.enqueueTask(sleeper, 'key')
    const old = await executor.enqueueTask(parent)
    await world.until(old.waitAndGetOutput())
    await world.environment.advanceBy(590_000)
    expect(world.storage.dump()).toHaveLength(5)
    const young = await executor.enqueueTask(child)
    await world.environment.advanceBy(120_000)
    expect(world.storage.dump().map(({ executionId }) => executionId)).toEqual([
      sleeping.getExecutionId(),
      young.getExecutionId(),
    ])
  })

  it('is kept for ever without retention', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start({
      retentionMs: null,
      pollIntervalMs: 60_000,
    })
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    await world.until((await executor.enqueueTask(task)).waitAndGetOutput())
    await world.environment.advanceBy(600_000)
    expect(world.storage.dump()).toHaveLength(1)
    expect(connection.countOf('prune')).toBe(0)
  })
})

describe('an idle executor', () => {
  it('asks next to nothing', async () => {
    const world = createWorld()
    const { connection } = await world.start()
    const before = [...connection.calls.values()].reduce((sum, count) => sum + count, 0)
    await world.environment.advanceBy(60_000)
    const after = [...connection.calls.values()].reduce((sum, count) => sum + count, 0)
    expect((after - before) / 60).toBeLessThanOrEqual(7)
  })

  it('has nothing left that could keep a process alive after its shutdown', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    await world.until((await executor.enqueueTask(task)).waitAndGetOutput())
    await executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 100 })
    await world.until(executor.shutdown())
    expect(world.environment.pendingTimersCount).toBe(0)
  })
})

it('logs to the console unless told otherwise', async () => {
  const info = vi.spyOn(console, 'info').mockImplementation(() => undefined)
  const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage(), { logger: undefined })
  await executor.start()
  await executor.shutdown()
  expect(info.mock.calls.flat()).toContainEqual(expect.stringMatching(/^Executor de_.* started$/))
  info.mockClear()
  const silent = new DurableExecutor(new InMemoryTaskExecutionsStorage(), { logLevel: 'silent' })
  await silent.start()
  await silent.shutdown()
  expect(info).not.toHaveBeenCalled()
  expect(silentLogger).toBeDefined()
  info.mockRestore()
})
