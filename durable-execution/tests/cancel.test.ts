/** Cancelling: at once, with all that hangs below, in whatever state, from wherever. */
import { describe, expect, it, vi } from 'vitest'

import {
  childTask,
  DurableExecutionCancelledError,
  DurableExecutionNotFoundError,
  type DurableExecutorOptions,
} from '../src/index'
import { createDeferred } from '../src/lib/deferred'
import { createControlledRun } from './support/controlled-run'
import { isHeldBefore } from './support/storage-connection'
import { createWorld, eventsOf } from './support/world'

const LONG = 600_000

async function startRunning(
  options: { heedsSignal?: boolean } = {},
  executorOptions: DurableExecutorOptions = {},
) {
  const world = createWorld()
  const member = await world.start(executorOptions)
  const controlled = createControlledRun(options)
  const task = member.executor.task({
    id: 'task',
    timeoutMs: LONG,
    retryOptions: { maxAttempts: 3 },
    run: controlled.run,
  })
  const handle = await member.executor.enqueueTask(task)
  await world.environment.untilTrue(() => controlled.calls.length === 1)
  return { world, ...member, ...controlled, task, handle }
}

describe('cancelling', () => {
  it('ends what is ready before it starts', async () => {
    const world = createWorld()
    const { executor } = world.add()
    const run = vi.fn()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run })
    const handle = await executor.enqueueTask(task)
    await handle.cancel()
    await world.until(executor.start())
    await world.environment.advanceBy(10_000)
    expect(run).not.toHaveBeenCalled()
    const execution = await handle.getExecution()
    expect(execution).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } })
    expect(execution).not.toHaveProperty('startedAt')
  })

  it('ends what waits for its delay or its retry', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const run = vi.fn(() => {
      throw new Error('again')
    })
    const retryOptions = { maxAttempts: 1, baseDelayMs: 5000 }
    const task = executor.task({ id: 'task', timeoutMs: 1000, retryOptions, run })
    const delayed = await executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 1000 })
    const retried = await executor.enqueueTask(task)
    await world.environment.advanceBy(500)
    await Promise.all([delayed.cancel(), retried.cancel()])
    await world.environment.advanceBy(60_000)
    expect(run).toHaveBeenCalledTimes(1)
    await expect(retried.getExecution()).resolves.toMatchObject({ status: 'cancelled', attempt: 1 })
  })

  it('ends what runs at once, and tells its function, with the reason', async () => {
    const { world, handle, call, events } = await startRunning()
    const { cancelSignal } = call(0).context
    await handle.cancel()
    await world.environment.turn()
    expect(world.environment.monotonic()).toBeLessThan(1)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'cancelled' })
    expect(cancelSignal.aborted).toBe(true)
    expect(cancelSignal.reason).toBeInstanceOf(DurableExecutionCancelledError)
    expect(eventsOf(events, 'claim_lost')).toMatchObject([{ reason: 'Task execution cancelled' }])
  })

  it('drops what the function still returns or throws, and does not try again', async () => {
    for (const end of ['returns', 'throws'] as const) {
      const { world, handle, calls, call, events } = await startRunning()
      await handle.cancel()
      await world.environment.turn()
      if (end === 'returns') call(0).returns('late')
      else call(0).throws(new Error('late'))
      await world.environment.advanceBy(60_000)
      await expect(handle.getExecution()).resolves.toMatchObject({ status: 'cancelled' })
      expect(calls).toHaveLength(1)
      expect(eventsOf(events, 'result_dropped')).toHaveLength(1)
    }
  })

  it('drops what was returned before the function could be told', async () => {
    const { world, handle, call, storage, events } = await startRunning().then((running) => ({
      ...running,
      storage: running.world.storage,
    }))
    const error = new DurableExecutionCancelledError()
    await storage.cancel({
      executionIds: [handle.getExecutionId()],
      error: {
        errorType: 'cancelled',
        code: 'cancelled',
        message: error.message,
        isRetryable: false,
        isInternal: false,
      },
    })
    call(0).returns('too late')
    await world.environment.turn()
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'cancelled' })
    expect(eventsOf(events, 'result_dropped')).toHaveLength(1)
  })

  it('frees the slot when the function has ended, at the latest after the grace', async () => {
    const heeding = await startRunning({ heedsSignal: true })
    await heeding.handle.cancel()
    await heeding.world.environment.turn()
    expect(heeding.executor.getStats().slots.taken).toBe(0)

    const ignoring = await startRunning({}, { abortGraceMs: 2000 })
    await ignoring.handle.cancel()
    await ignoring.world.environment.advanceBy(1999)
    expect(ignoring.executor.getStats().slots.taken).toBe(1)
    await ignoring.world.environment.advanceBy(1)
    expect(ignoring.executor.getStats().slots.taken).toBe(0)
  })

  it('tells a function that runs in another process within about a second', async () => {
    const { world, handle, call } = await startRunning()
    const client = world.add()
    const task = client.executor.task({ id: 'task', timeoutMs: LONG, run: () => '' })
    const remote = await client.executor.getTaskExecutionHandle(task, handle.getExecutionId())
    await world.environment.advanceBy(300)
    await remote.cancel()
    await world.environment.advanceBy(1000)
    expect(call(0).context.cancelSignal.aborted).toBe(true)
  })

  it('ends what was claimed ahead of its slot before it runs', async () => {
    const world = createWorld()
    const { executor } = world.add({ maxConcurrentTaskExecutions: 4 })
    const controlled = createControlledRun<string, number>()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: controlled.run })
    const handles = await executor.enqueueTasks(
      Array.from({ length: 5 }, (_, index) => childTask(task, index)),
    )
    await world.until(executor.start())
    await world.environment.advanceBy(1000)
    const running = controlled.calls.map(({ input }) => input)
    const ahead = handles.filter((_, index) => !running.includes(index))
    expect(ahead).toHaveLength(1)
    await ahead[0]?.cancel()
    await world.environment.advanceBy(100)
    for (const { returns } of controlled.calls) returns('done')
    await world.environment.advanceBy(5000)
    expect(controlled.calls).toHaveLength(4)
    expect(executor.getStats().slots.taken).toBe(0)
    expect(executor.getRunningTaskExecutionsCount()).toBe(0)
  })

  it('has no effect on what has finished', async () => {
    const { world, handle, call } = await startRunning()
    call(0).returns('done')
    await world.until(handle.waitAndGetOutput())
    await handle.cancel()
    await expect(handle.getExecution()).resolves.toMatchObject({
      status: 'completed',
      output: 'done',
    })
  })

  it('can be repeated', async () => {
    const { world, handle } = await startRunning({ heedsSignal: true })
    await Promise.all([handle.cancel(), handle.cancel()])
    await handle.cancel()
    await expect(world.until(handle.waitAndGetOutput())).rejects.toBeInstanceOf(
      DurableExecutionCancelledError,
    )
  })

  it('wins or loses against a function that ends at the same time, never both', async () => {
    for (const isCancelFirst of [true, false]) {
      const { world, handle, call, events } = await startRunning()
      if (isCancelFirst) {
        void handle.cancel()
        call(0).returns('done')
      } else {
        call(0).returns('done')
        void handle.cancel()
      }
      const execution = await world.until(handle.waitAndGetFinishedExecution())
      await world.environment.advanceBy(1000)
      const settled = eventsOf(events, 'execution_settled').length
      expect(settled).toBe(execution.status === 'completed' ? 1 : 0)
      await expect(handle.getExecution()).resolves.toEqual(execution)
    }
  })

  it('is not undone by a settlement under way', async () => {
    const { world, handle, call, connection, events } = await startRunning()
    const gate = createDeferred<void>()
    connection.disturb('settle', isHeldBefore(gate.promise))
    call(0).returns('done')
    await world.environment.turn()
    await handle.cancel()
    gate.resolve()
    await world.environment.turn()
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'cancelled' })
    expect(eventsOf(events, 'result_dropped')).toHaveLength(1)
  })

  it('of a parent cancels every active descendant, and no finished one', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun({ heedsSignal: true })
    const quick = executor.task({ id: 'quick', timeoutMs: LONG, run: () => 1 })
    const slow = executor.task({ id: 'slow', timeoutMs: LONG, run: controlled.run })
    const sleeper = executor.sleepingTask({ id: 'sleeper', timeoutMs: LONG })
    const inner = executor.parentTask({
      id: 'inner',
      timeoutMs: LONG,
      runParent: () => ({ output: 1, children: [childTask(quick), childTask(slow)] }),
      finalize: () => 1,
    })
    const chain = executor.sequentialTasks('chain', [
      quick,
      executor
        .validateInput(() => undefined)
        .task({
          id: 'slow_step',
          timeoutMs: LONG,
          run: controlled.run,
        }),
    ])
    const outer = executor.parentTask({
      id: 'outer',
      timeoutMs: LONG,
      runParent: () => ({
        output: 1,
        children: [
          childTask(inner),
          childTask(chain),
          childTask(sleeper, 'key'),
          childTask(quick, undefined, { sleepMsBeforeRun: LONG }),
        ],
      }),
      finalize: () => 1,
    })
    const handle = await executor.enqueueTask(outer)
    await world.environment.untilTrue(() => controlled.calls.length === 2)
    await handle.cancel()
    const statuses = world.storage.dump().map(({ taskId, status }) => `${taskId} ${status}`)
    expect(statuses.sort()).toEqual([
      'chain cancelled',
      'inner cancelled',
      'outer cancelled',
      'quick cancelled',
      'quick completed',
      'quick completed',
      'sleeper cancelled',
      'slow cancelled',
      'slow_step cancelled',
    ])
    await world.environment.advanceBy(60_000)
    expect(controlled.calls.every(({ context }) => context.cancelSignal.aborted)).toBe(true)
    expect(world.storage.dump()).toHaveLength(9)
    expect(executor.getStats().slots.taken).toBe(0)
  })

  it('of a parent cancels also children that are inserted at that very moment', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const run = vi.fn()
    const child = executor.task({ id: 'child', timeoutMs: LONG, run })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: LONG,
      runParent: () => ({ output: 1, children: [childTask(child), childTask(child)] }),
    })
    for (const when of ['before', 'after'] as const) {
      const gate = createDeferred<void>()
      connection.disturb('settle', isHeldBefore(gate.promise))
      const handle = await executor.enqueueTask(parent)
      await world.environment.turn()
      if (when === 'before') await handle.cancel()
      gate.resolve()
      if (when === 'after') void handle.cancel()
      await world.environment.advanceBy(1000)
      await expect(handle.getExecution()).resolves.toMatchObject({ status: 'cancelled' })
    }
    const active = world.storage
      .dump()
      .filter(({ claimAt, finishedAt }) => claimAt !== null || finishedAt === null)
    expect(active).toEqual([])
  })

  it('of what does not exist throws not-found', async () => {
    const { executor, task, handle, world, call } = await startRunning()
    call(0).returns('done')
    await world.until(handle.waitAndGetOutput())
    await world.storage.prune({ finishedBefore: Infinity, limit: 10 })
    await expect(handle.cancel()).rejects.toBeInstanceOf(DurableExecutionNotFoundError)
    await expect(executor.getTaskExecutionHandle(task, 'te_none')).rejects.toThrow('not found')
  })
})
