/** What a time-out bounds, whom it tells, and when what follows begins. */
import { describe, expect, it } from 'vitest'

import { childTask, DurableExecutionTimedOutError, type RetryOptions } from '../src/index'
import { createControlledRun } from './support/controlled-run'
import { createWorld } from './support/world'

const TIMEOUT_MS = 1000
const GRACE_MS = 5000

async function startRunning(
  options: { heedsSignal?: boolean; retryOptions?: RetryOptions; timeoutMs?: number } = {},
) {
  const world = createWorld()
  const member = await world.start()
  const controlled = createControlledRun(options)
  const { retryOptions, timeoutMs = TIMEOUT_MS } = options
  const task = member.executor.task({ id: 'task', timeoutMs, retryOptions, run: controlled.run })
  const handle = await member.executor.enqueueTask(task)
  await world.environment.turn()
  return { world, ...member, ...controlled, task, handle }
}

describe('at its time-out', () => {
  it('a function is told by its signal, with the reason', async () => {
    const { world, call } = await startRunning()
    const { cancelSignal } = call(0).context
    await world.environment.advanceBy(TIMEOUT_MS - 1)
    expect(cancelSignal.aborted).toBe(false)
    await world.environment.advanceBy(1)
    expect(cancelSignal.aborted).toBe(true)
    expect(cancelSignal.reason).toBeInstanceOf(DurableExecutionTimedOutError)
    expect(cancelSignal.reason).toHaveProperty('message', 'Task execution timed out after 1000 ms')
  })

  it('a function that held up the process is told too, counted from its beginning', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const signals: AbortSignal[] = []
    const task = executor.task({
      id: 'task',
      timeoutMs: TIMEOUT_MS,
      run: ({ cancelSignal }) => {
        signals.push(cancelSignal)
        world.environment.stall(TIMEOUT_MS - 300)
        return new Promise<void>(() => {})
      },
    })
    await executor.enqueueTask(task)
    await world.environment.turn()
    await world.environment.advanceBy(299)
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    await world.environment.advanceBy(1)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  it('an execution is timed out as soon as its function has ended', async () => {
    const { world, call, handle } = await startRunning()
    await world.environment.advanceBy(TIMEOUT_MS + 500)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'running' })
    call(0).throws(new Error('given up'))
    const execution = await world.until(handle.waitAndGetFinishedExecution(), 10)
    expect(execution).toMatchObject({
      status: 'timed_out',
      error: { message: 'Task execution timed out after 1000 ms', code: 'timed_out' },
    })
  })

  it('an execution is timed out although its function returns then', async () => {
    const { world, call, handle } = await startRunning()
    await world.environment.advanceBy(TIMEOUT_MS + 1)
    call(0).returns('too late')
    const execution = await world.until(handle.waitAndGetFinishedExecution(), 10)
    expect(execution.status).toBe('timed_out')
    expect(execution).not.toHaveProperty('output')
  })

  it('a function that ignores its signal is waited for as long as the grace, not longer', async () => {
    const { world, handle, executor, call } = await startRunning()
    await world.environment.advanceBy(TIMEOUT_MS + GRACE_MS - 1)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'running' })
    expect(executor.getStats().slots.taken).toBe(1)
    await world.environment.advanceBy(1)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'timed_out' })
    expect(executor.getStats().slots.taken).toBe(0)
    call(0).returns('much too late')
    await world.environment.advanceBy(1000)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'timed_out' })
  })

  it('no attempt overlaps the one before it, even if that one lingers', async () => {
    const { world, calls, call } = await startRunning({ retryOptions: { maxAttempts: 1 } })
    await world.environment.advanceBy(TIMEOUT_MS + GRACE_MS - 10)
    expect(calls).toHaveLength(1)
    call(0).returns('late')
    await world.environment.advanceBy(1)
    expect(calls).toHaveLength(2)
    expect(call(1).context.prevError).toBeInstanceOf(DurableExecutionTimedOutError)
  })

  it('the next attempt starts, and the last one leaves it timed out', async () => {
    const { world, handle, calls } = await startRunning({
      heedsSignal: true,
      retryOptions: { maxAttempts: 2 },
    })
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'timed_out', attempt: 2 })
    expect(calls).toHaveLength(3)
    expect(world.environment.monotonic()).toBeCloseTo(3 * TIMEOUT_MS, 0)
  })
})

describe('a time-out', () => {
  it('is that of the enqueue, if it names one', async () => {
    const { world, executor, task, calls } = await startRunning({ heedsSignal: true })
    const handle = await executor.enqueueTask(task, undefined, { timeoutMs: 50 })
    await world.environment.advanceBy(49)
    expect(calls).toHaveLength(2)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'running', timeoutMs: 50 })
    await world.environment.advanceBy(1)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'timed_out' })
  })

  it('bounds one attempt, not all of them', async () => {
    const { world, call, handle } = await startRunning({ retryOptions: { maxAttempts: 3 } })
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await world.environment.advanceBy(TIMEOUT_MS - 100)
      call(attempt).throws(new Error('not yet'))
      await world.environment.turn()
    }
    call(3).returns('at last')
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('at last')
  })

  it('does not begin while an execution waits for its delay or for a slot', async () => {
    const world = createWorld()
    const { executor } = await world.start({ maxConcurrentTaskExecutions: 1 })
    const first = createControlledRun({ heedsSignal: true })
    const blocking = executor.task({ id: 'blocking', timeoutMs: 60_000, run: first.run })
    const quick = executor.task({ id: 'quick', timeoutMs: 10, run: () => 'ran' })
    await executor.enqueueTask(blocking)
    await world.environment.turn()
    const handle = await executor.enqueueTask(quick, undefined, { sleepMsBeforeRun: 1000 })
    await world.environment.advanceBy(30_000)
    first.call(0).returns('done')
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('ran')
  })

  it('of a parent does not bound the wait for its children', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun()
    const child = executor.task({ id: 'child', timeoutMs: 600_000, run: controlled.run })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 10,
      runParent: () => ({ output: 1, children: [childTask(child)] }),
      finalize: ({ children: [first] }) => first.status,
    })
    const handle = await executor.enqueueTask(parent)
    await world.environment.advanceBy(300_000)
    controlled.call(0).returns('done')
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('completed')
  })

  it('leaves no timer behind when the function ends before it', async () => {
    const dayMs = 86_400_000
    const { world, call, handle } = await startRunning({ timeoutMs: dayMs })
    expect(world.environment.lastTimerInMs).toBe(dayMs)
    call(0).returns('done')
    await world.until(handle.waitAndGetOutput())
    expect(world.environment.lastTimerInMs).toBeLessThan(dayMs / 2)
  })
})
