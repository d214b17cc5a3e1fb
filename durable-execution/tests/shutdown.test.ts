/** What a shutdown waits for, what it gives back, and what is left of the executor. */
import { describe, expect, it, vi } from 'vitest'

import { childTask, DurableExecutionError } from '../src/index'
import { createDeferred } from '../src/lib/deferred'
import { createControlledRun } from './support/controlled-run'
import { fails, isHeldAfter, isHeldBefore } from './support/storage-connection'
import { thrownBy } from './support/thrown'
import { createWorld, eventsOf } from './support/world'

const LONG = 600_000

/** An executor that runs one task whose end the test decides. */
async function startRunning(options: { heedsSignal?: boolean } = {}) {
  const world = createWorld()
  const member = await world.start()
  const controlled = createControlledRun(options)
  const task = member.executor.task({ id: 'task', timeoutMs: LONG, run: controlled.run })
  const handle = await member.executor.enqueueTask(task)
  await world.environment.untilTrue(() => controlled.calls.length === 1)
  return { world, ...member, controlled, task, handle, call: controlled.call(0) }
}

describe('a shutdown', () => {
  it('can be asked for more than once, also before the start', async () => {
    const world = createWorld()
    const { executor, events } = world.add()
    await world.until(Promise.all([executor.shutdown(), executor.shutdown()]))
    await world.until(executor.shutdown())
    expect(events).toEqual([])
  })

  it('tells when it begins and when it has ended, once', async () => {
    const { world, executor, events, call } = await startRunning()
    const stopped = Promise.all([executor.shutdown(), executor.shutdown()])
    await world.environment.advanceBy(1000)
    expect(eventsOf(events, 'executor_stopping')).toEqual([
      { type: 'executor_stopping', runningCount: 1 },
    ])
    expect(eventsOf(events, 'executor_stopped')).toEqual([])
    call.returns('done')
    await world.until(stopped)
    expect(eventsOf(events, 'executor_stopped')).toHaveLength(1)
  })

  it('waits for what runs, and stores its result', async () => {
    const { world, executor, call, handle } = await startRunning()
    let isStopped = false
    const stopped = executor.shutdown().then(() => {
      isStopped = true
    })
    await world.environment.advanceBy(29_000)
    expect(isStopped).toBe(false)
    call.returns('in time')
    await world.until(stopped)
    await expect(handle.getExecution()).resolves.toMatchObject({
      status: 'completed',
      output: 'in time',
    })
  })

  it('signals its beginning to what runs, and no cancel while the grace lasts', async () => {
    const { world, executor, call } = await startRunning()
    expect(call.context.shutdownSignal.aborted).toBe(false)
    const stopped = executor.shutdown({ graceMs: 10_000 })
    expect(call.context.shutdownSignal.aborted).toBe(true)
    await world.environment.advanceBy(9_999)
    expect(call.context.cancelSignal.aborted).toBe(false)
    await world.environment.advanceBy(1)
    expect(call.context.cancelSignal.aborted).toBe(true)
    expect(call.context.cancelSignal.reason).toMatchObject({ code: 'shut_down' })
    call.returns('late')
    await world.until(stopped)
  })

  it('gives back what heeds its signal, with no attempt burned and no takeover counted', async () => {
    const { world, executor, events, handle, controlled } = await startRunning({
      heedsSignal: true,
    })
    await world.until(executor.shutdown({ graceMs: 100 }))
    expect(eventsOf(events, 'execution_released')).toMatchObject([{ reason: 'shutdown' }])
    await expect(handle.getExecution()).resolves.toMatchObject({
      status: 'ready',
      attempt: 0,
      takeovers: 0,
    })
    const next = await world.start()
    const run = vi.fn((context: { attempt: number }) => `attempt ${context.attempt}`)
    const task = next.executor.task({ id: 'task', timeoutMs: LONG, run })
    const again = await next.executor.getTaskExecutionHandle(task, handle.getExecutionId())
    await expect(world.until(again.waitAndGetOutput(), 1000)).resolves.toBe('attempt 0')
    expect(controlled.calls).toHaveLength(1)
    expect(eventsOf(next.events, 'execution_taken_over')).toEqual([])
  })

  it('keeps what is finished after the signal, but in time', async () => {
    const { world, executor, call, handle } = await startRunning()
    const stopped = executor.shutdown({ graceMs: 0 })
    await world.environment.advanceBy(1000)
    call.returns('almost late')
    await world.until(stopped)
    await expect(handle.getExecution()).resolves.toMatchObject({
      status: 'completed',
      output: 'almost late',
    })
  })

  it('gives back what ignores its signal for longer than the grace, and drops its late end', async () => {
    const { world, executor, call, handle } = await startRunning()
    await world.until(executor.shutdown({ graceMs: 0 }), 5100)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'ready', attempt: 0 })
    call.returns('too late')
    await world.environment.advanceBy(1000)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'ready', attempt: 0 })
  })

  it('starts nothing that a claim under way brings in: it gives it back', async () => {
    const world = createWorld()
    const { executor, connection } = world.add()
    const run = vi.fn()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run })
    const handle = await executor.enqueueTask(task)
    const answer = createDeferred<void>()
    connection.disturb('claim', isHeldAfter(answer.promise))
    await world.until(executor.start())
    await world.environment.untilTrue(() => connection.countOf('claim') === 1)
    const stopped = executor.shutdown({ graceMs: 0 })
    await world.environment.advanceBy(100)
    answer.resolve()
    await world.until(stopped)
    expect(run).not.toHaveBeenCalled()
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'ready', takeovers: 0 })
  })

  it('starts nothing that an enqueue under way brings in: it gives it back', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const run = vi.fn()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run })
    await world.environment.advanceBy(1000)
    const answer = createDeferred<void>()
    connection.disturb('insert', isHeldAfter(answer.promise))
    const enqueued = executor.enqueueTask(task)
    await world.environment.advanceBy(10)
    let isStopped = false
    const stopped = executor.shutdown({ graceMs: 0 }).then(() => {
      isStopped = true
    })
    await world.environment.advanceBy(100)
    expect(isStopped).toBe(false)
    answer.resolve()
    await world.until(stopped)
    expect(world.storage.dump()).toMatchObject([{ status: 'ready', executorId: null }])
    await enqueued
    await world.environment.advanceBy(1000)
    expect(run).not.toHaveBeenCalled()
  })

  it('starts nothing that was claimed ahead of the slots: it gives it back', async () => {
    const world = createWorld()
    const { executor } = world.add({ maxConcurrentTaskExecutions: 4 })
    const controlled = createControlledRun()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: controlled.run })
    const handles = await executor.enqueueTasks(Array.from({ length: 8 }, () => childTask(task)))
    await world.until(executor.start())
    await world.environment.untilTrue(() => controlled.calls.length === 4)
    await world.environment.advanceBy(1000)
    const stopped = executor.shutdown()
    await world.environment.advanceBy(10)
    for (const { returns } of controlled.calls) returns('done')
    await world.until(stopped)
    expect(controlled.calls).toHaveLength(4)
    const executions = await Promise.all(handles.map((handle) => handle.getExecution()))
    expect(executions.filter(({ status }) => status === 'completed')).toHaveLength(4)
    const ready = world.storage.dump().filter(({ status }) => status === 'ready')
    expect(ready).toHaveLength(4)
    expect(ready.every(({ executorId, takeovers }) => executorId === null && takeovers === 0)).toBe(
      true,
    )
  })

  it('leaves a parent whose last child ends during it to others', async () => {
    const world = createWorld()
    const member = await world.start()
    const child = createControlledRun<number>()
    const define = ({ executor }: typeof member, run: typeof child.run) => {
      const childDefinition = executor.task({ id: 'child', timeoutMs: LONG, run })
      return executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: () => ({ output: 1, children: [childTask(childDefinition)] }),
        finalize: ({ children: [first] }) => (first.status === 'completed' ? first.output : 0),
      })
    }
    const handle = await member.executor.enqueueTask(define(member, child.run))
    await world.environment.untilTrue(() => child.calls.length === 1)
    const stopped = member.executor.shutdown()
    await world.environment.advanceBy(10)
    child.call(0).returns(7)
    await world.until(stopped)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'waiting_for_children' })
    const next = await world.start()
    const parent = define(next, () => Promise.reject(new Error('The child runs again')))
    const again = await next.executor.getTaskExecutionHandle(parent, handle.getExecutionId())
    await expect(world.until(again.waitAndGetOutput(), 1000)).resolves.toBe(7)
  })

  it('ends although the storage is away, within its graces', async () => {
    const { world, executor, connection, call } = await startRunning()
    connection.cut(fails())
    const stopped = executor.shutdown({ graceMs: 1000 })
    call.returns('done')
    // 1 s of grace, 5 s for functions, a third of a lease for calls, twice.
    await world.until(stopped, 17_000)
    expect(world.environment.pendingTimersCount).toBe(0)
  })

  it('ends although every call of the storage hangs', async () => {
    const { world, executor, connection } = await startRunning({ heedsSignal: true })
    connection.cut()
    await world.until(executor.shutdown({ graceMs: 1000 }), 30_000)
    expect(world.environment.pendingTimersCount).toBe(0)
  })

  it('ends a start that waits for the storage', async () => {
    const world = createWorld()
    const { executor, connection } = world.add()
    connection.cut(fails())
    const started = executor.start()
    const outcome = expect(started).rejects.toMatchObject({ code: 'shut_down' })
    await world.environment.advanceBy(1000)
    await world.until(executor.shutdown())
    await outcome
  })

  it('ends enqueues that the storage does not answer: whether they are stored is not known', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    connection.cut(fails())
    const outcome = expect(executor.enqueueTask(task)).rejects.toMatchObject({ code: 'shut_down' })
    await world.environment.advanceBy(100)
    await world.until(executor.shutdown())
    await outcome
  })

  it.each([-1, NaN, '5', null])('refuses the grace %j, and does not begin', async (graceMs) => {
    const { executor } = createWorld().add()
    const refused = executor.shutdown({ graceMs: graceMs as number })
    await expect(refused).rejects.toMatchObject({ code: 'invalid_options' })
    await expect(refused).rejects.toThrow('graceMs: expected a number of at least 0, got')
    expect(() => executor.task({ id: 'task', timeoutMs: 1, run: () => 1 })).not.toThrow()
  })

  it('is what disposing of an executor does', async () => {
    const { world, executor, call } = await startRunning()
    const disposed = executor[Symbol.asyncDispose]()
    expect(call.context.shutdownSignal.aborted).toBe(true)
    call.returns('done')
    await world.until(disposed)
  })
})

describe('after a shutdown', () => {
  it('nothing is defined, enqueued or started any more', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    await world.until(executor.shutdown())
    for (const define of [
      () => executor.task({ id: 'new', timeoutMs: 1000, run: () => 1 }),
      () => executor.sleepingTask({ id: 'new', timeoutMs: 1000 }),
      () => executor.sequentialTasks('new', [task]),
      () => executor.validateInput(() => 1).task({ id: 'new', timeoutMs: 1, run: () => 1 }),
    ]) {
      expect(thrownBy(define)).toMatchObject({ code: 'shut_down', isRetryable: false })
    }
    for (const call of [
      () => executor.enqueueTask(task),
      () => executor.enqueueTasks([childTask(task)]),
      () => executor.start(),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'shut_down', isRetryable: false })
      await expect(call()).rejects.toThrow(`Executor ${executor.id} was shut down`)
    }
    expect(world.storage.dump()).toEqual([])
  })

  it('the same holds while it is under way', async () => {
    const { world, executor, task, call } = await startRunning()
    const stopped = executor.shutdown()
    await expect(executor.enqueueTask(task)).rejects.toMatchObject({ code: 'shut_down' })
    call.returns('done')
    await world.until(stopped)
  })

  it('handles still read, wait for what has finished, and cancel', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 'out' })
    const finished = await executor.enqueueTask(task)
    const delayed = await executor.enqueueTask(task, undefined, { sleepMsBeforeRun: LONG })
    await world.until(finished.waitAndGetOutput())
    await world.until(executor.shutdown())
    await expect(finished.getExecution()).resolves.toMatchObject({ status: 'completed' })
    await expect(finished.waitAndGetOutput()).resolves.toBe('out')
    const again = await executor.getTaskExecutionHandle(task, finished.getExecutionId())
    await expect(again.waitAndGetOutput()).resolves.toBe('out')
    await expect(delayed.waitAndGetOutput()).rejects.toMatchObject({ code: 'shut_down' })
    await delayed.cancel()
    await expect(delayed.getExecution()).resolves.toMatchObject({ status: 'cancelled' })
    expect(world.environment.pendingTimersCount).toBe(0)
  })

  it('waits that were under way have ended, and say that the execution goes on', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 'out' })
    const handle = await executor.enqueueTask(task, undefined, { sleepMsBeforeRun: LONG })
    const outcome = expect(handle.waitAndGetOutput()).rejects.toThrow(/it goes on elsewhere/)
    await world.environment.advanceBy(100)
    await world.until(executor.shutdown())
    await outcome
  })

  it('a handle sees that the storage is away', async () => {
    const { world, executor, connection, handle, call } = await startRunning()
    call.returns('done')
    await world.until(executor.shutdown())
    connection.cut(fails(new DurableExecutionError('away')))
    await expect(world.until(handle.getExecution())).rejects.toThrow('away')
    await expect(world.until(handle.waitAndGetOutput())).rejects.toThrow('away')
    expect(world.environment.pendingTimersCount).toBe(0)
  })

  it('a late answer of a claim that was given up starts nothing', async () => {
    const world = createWorld()
    const { executor, connection } = world.add()
    const run = vi.fn()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run })
    await executor.enqueueTask(task)
    const gate = createDeferred<void>()
    connection.disturb('claim', isHeldBefore(gate.promise))
    await world.until(executor.start())
    await world.environment.advanceBy(100)
    await world.until(executor.shutdown({ graceMs: 0 }))
    gate.resolve()
    await world.environment.advanceBy(1000)
    expect(run).not.toHaveBeenCalled()
  })
})
