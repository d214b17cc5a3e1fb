/** What is tried again, how often and when, and what an execution ends as. */
import { describe, expect, it, vi } from 'vitest'

import {
  childTask,
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  DurableExecutionTimedOutError,
  type RetryOptions,
  type TaskRunContext,
} from '../src/index'
import { createWorld, eventsOf } from './support/world'

/** Runs a task that fails `failures` times with what `fail` throws. */
async function runFailing(
  fail: (attempt: number) => unknown,
  retryOptions: RetryOptions = {},
  failures = Infinity,
) {
  const world = createWorld()
  const { executor, events } = await world.start()
  const startedAt: number[] = []
  const contexts: TaskRunContext[] = []
  const task = executor.task({
    id: 'task',
    timeoutMs: 1000,
    retryOptions,
    run: (context) => {
      startedAt.push(world.environment.monotonic())
      contexts.push(context)
      if (context.attempt < failures) throw fail(context.attempt)
      return `attempt ${context.attempt}`
    },
  })
  const handle = await executor.enqueueTask(task)
  const execution = await world.until(handle.waitAndGetFinishedExecution(), 1e9)
  const [first = 0] = startedAt
  return { world, execution, contexts, events, startedAfter: startedAt.map((at) => at - first) }
}

const failed = (attempt: number): Error => new Error(`attempt ${attempt} failed`)

describe('a retry', () => {
  it('does not happen unless it is asked for', async () => {
    const { execution, contexts } = await runFailing(failed)
    expect(execution).toMatchObject({ status: 'failed', attempt: 0 })
    expect(contexts).toHaveLength(1)
  })

  it('happens until maxAttempts, then the execution fails with the last error', async () => {
    const { execution, contexts } = await runFailing(failed, { maxAttempts: 3 })
    expect(contexts.map(({ attempt }) => attempt)).toEqual([0, 1, 2, 3])
    expect(execution).toMatchObject({
      status: 'failed',
      attempt: 3,
      error: { message: 'attempt 3 failed' },
    })
  })

  it('happens until one succeeds', async () => {
    const { execution } = await runFailing(failed, { maxAttempts: 9 }, 2)
    expect(execution).toMatchObject({ status: 'completed', attempt: 2, output: 'attempt 2' })
    expect(execution).not.toHaveProperty('error')
  })

  it('knows why the attempt before it failed', async () => {
    const { contexts } = await runFailing(failed, { maxAttempts: 2 })
    expect(contexts[0]).not.toHaveProperty('prevError')
    expect(contexts.slice(1).map(({ prevError }) => prevError?.message)).toEqual([
      'attempt 0 failed',
      'attempt 1 failed',
    ])
    expect(contexts[1]?.prevError).toBeInstanceOf(DurableExecutionError)
  })

  it('has the same execution, but a signal of its own', async () => {
    const { contexts } = await runFailing(failed, { maxAttempts: 1 })
    const [first, second] = contexts
    expect(second?.executionId).toBe(first?.executionId)
    expect(second?.cancelSignal).not.toBe(first?.cancelSignal)
  })

  it('waits as its options say', async () => {
    const { startedAfter } = await runFailing(failed, {
      maxAttempts: 5,
      baseDelayMs: 1000,
      delayMultiplier: 3,
      maxDelayMs: 10_000,
    })
    expect(startedAfter.map(Math.round)).toEqual([0, 1000, 4000, 13_000, 23_000, 33_000])
  })

  it('waits for a share of that by chance, if asked to', async () => {
    const { startedAfter } = await runFailing(failed, {
      maxAttempts: 20,
      baseDelayMs: 1000,
      jitter: 0.5,
    })
    const delays = startedAfter.slice(1).map((at, index) => at - (startedAfter[index] ?? 0))
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(500)
    expect(Math.max(...delays)).toBeLessThanOrEqual(1000)
    expect(new Set(delays.map(Math.round)).size).toBeGreaterThan(10)
  })

  it('waits at least as long as the error asks for', async () => {
    const busy = (): Error => DurableExecutionError.retryable('busy', { retryAfterMs: 7000 })
    const { startedAfter } = await runFailing(busy, { maxAttempts: 2, baseDelayMs: 10 })
    expect(startedAfter.map(Math.round)).toEqual([0, 7000, 14_000])
  })

  it('shows itself while it waits', async () => {
    const world = createWorld()
    const { executor, events } = await world.start()
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 1, baseDelayMs: 60_000 },
      run: () => {
        throw new Error('first')
      },
    })
    const handle = await executor.enqueueTask(task)
    await world.environment.advanceBy(1000)
    const execution = await handle.getExecution()
    expect(execution).toMatchObject({
      status: 'ready',
      attempt: 1,
      prevError: { message: 'first' },
    })
    if (execution.status !== 'ready') return
    expect(execution.startAt.getTime() - execution.updatedAt.getTime()).toBe(60_000)
    expect(eventsOf(events, 'execution_retried')).toMatchObject([
      { taskId: 'task', attempt: 1, delayMs: 60_000, message: 'first' },
    ])
    expect(executor.getStats().outcomes).toEqual({ ready: 1 })
  })

  it('can be told by the options of an enqueue', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const run = vi.fn(() => {
      throw new Error('no')
    })
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 9 },
      run,
    })
    const handle = await executor.enqueueTask(task, undefined, { retryOptions: { maxAttempts: 1 } })
    await world.until(handle.waitAndGetFinishedExecution())
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('happens to a parent too, and its children come of the last attempt alone', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const child = executor.task({ id: 'child', timeoutMs: 1000, run: (_ctx, n: number) => n })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 2 },
      runParent: (ctx) => {
        if (ctx.attempt < 2) throw failed(ctx.attempt)
        return { output: ctx.attempt, children: [childTask(child, 1)] }
      },
      finalize: ({ output, children }) => [output, children.length],
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual([2, 1])
    expect(world.storage.dump()).toHaveLength(3)
  })
})

describe('an error', () => {
  it.each([
    ['not retryable', DurableExecutionError.nonRetryable('no'), 'failed', 1],
    ['retryable', DurableExecutionError.retryable('no'), 'failed', 3],
    ['of any other class', new TypeError('no'), 'failed', 3],
    ['timed out', new DurableExecutionTimedOutError('no'), 'timed_out', 3],
    ['cancelled', new DurableExecutionCancelledError('no'), 'cancelled', 1],
    ['not found', new DurableExecutionNotFoundError('no'), 'failed', 1],
  ])('that is %s decides what follows', async (_name, error, status, runs) => {
    const { execution, contexts } = await runFailing(() => error, { maxAttempts: 2 })
    expect(execution).toMatchObject({ status, error: { message: 'no' } })
    expect(contexts).toHaveLength(runs)
  })

  it('comes back in its own class, with its code', async () => {
    const { execution } = await runFailing(() => new DurableExecutionCancelledError('enough'))
    if (execution.status === 'completed') throw new Error('It completed')
    expect(execution.error).toBeInstanceOf(DurableExecutionCancelledError)
    expect(execution.error).toMatchObject({ message: 'enough', code: 'cancelled' })
  })

  it.each([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['text', 'just text', 'just text'],
    ['a number', 42, '42'],
    ['an object', { reason: 'none' }, '{"reason":"none"}'],
    ['an error without a message', new RangeError(), 'RangeError'],
    [
      'an object with a getter that throws',
      {
        get reason(): string {
          throw new Error('no')
        },
      },
      'an error whose message cannot be read',
    ],
    ['an error whose message is no text', Object.assign(new Error(), { message: 7 }), '7'],
    [
      'a proxy that refuses everything',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('no')
          },
          getPrototypeOf: () => {
            throw new Error('no')
          },
        },
      ),
      'an error whose message cannot be read',
    ],
  ])('may be anything that can be thrown: %s', async (_name, thrown, message) => {
    const { execution, contexts, events } = await runFailing(() => thrown, { maxAttempts: 1 })
    expect(execution).toMatchObject({ status: 'failed', takeovers: 0, error: { message } })
    expect(contexts).toHaveLength(2)
    expect(eventsOf(events, 'background_error')).toEqual([])
  })

  it('may come before or after the first wait of the function', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const atOnce = executor.task({
      id: 'at_once',
      timeoutMs: 1000,
      run: () => {
        throw failed(0)
      },
    })
    const later = executor.task({
      id: 'later',
      timeoutMs: 1000,
      run: () => Promise.resolve().then(() => Promise.reject(failed(0))),
    })
    for (const handle of [await executor.enqueueTask(atOnce), await executor.enqueueTask(later)]) {
      await expect(world.until(handle.waitAndGetOutput())).rejects.toThrow('attempt 0 failed')
    }
  })

  it('leaves no stack and no cause in the row', async () => {
    const { world } = await runFailing(() => new Error('no', { cause: new Error('secret') }))
    const [row] = world.storage.dump()
    expect(Object.keys(row?.error ?? {}).sort()).toEqual([
      'code',
      'errorType',
      'isInternal',
      'isRetryable',
      'message',
    ])
  })
})
