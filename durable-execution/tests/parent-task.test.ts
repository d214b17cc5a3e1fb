/** Parents: what they see of their children, in every way those can end, and what they end as themselves. */
import { describe, expect, it, vi } from 'vitest'

import {
  childTask,
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionTimedOutError,
} from '../src/index'
import { createControlledRun } from './support/controlled-run'
import { createWorld } from './support/world'

const LONG = 600_000

describe('a parent', () => {
  it('sees every way in which its children can end, in their order', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = (id: string, run: () => unknown) => executor.task({ id, timeoutMs: 100, run })
    const throwing = (id: string, error: Error) =>
      task(id, () => {
        throw error
      })
    const good = task('good', () => 'out')
    const failing = throwing('failing', new Error('failed'))
    const cancelling = throwing('cancelling', new DurableExecutionCancelledError('cancelled'))
    const slow = task('slow', () => new Promise(() => {}))
    const timing = throwing('timing', new DurableExecutionTimedOutError('timed out'))
    const badParent = executor.parentTask({
      id: 'bad_parent',
      timeoutMs: 100,
      runParent: () => ({ output: 1, children: [childTask(good)] }),
      finalize: () => {
        throw new Error('finalize failed')
      },
    })
    const badChain = executor.sequentialTasks('bad_chain', [good, failing])
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 100,
      runParent: () => ({
        output: 'own',
        children: [
          childTask(slow),
          childTask(good),
          childTask(failing),
          childTask(cancelling),
          childTask(timing),
          childTask(badParent),
          childTask(badChain),
        ],
      }),
      finalize: ({ output, children }) => ({
        output,
        children: children.map((child) =>
          child.status === 'completed'
            ? [child.taskId, child.status, child.output]
            : [child.taskId, child.status, child.error.message],
        ),
      }),
    })
    const handle = await executor.enqueueTask(parent)
    const output = await world.until(handle.waitAndGetOutput())
    expect(output).toEqual({
      output: 'own',
      children: [
        ['slow', 'timed_out', 'Task execution timed out after 100 ms'],
        ['good', 'completed', 'out'],
        ['failing', 'failed', 'failed'],
        ['cancelling', 'cancelled', 'cancelled'],
        ['timing', 'timed_out', 'timed out'],
        ['bad_parent', 'finalize_failed', 'finalize failed'],
        ['bad_chain', 'finalize_failed', 'Task at index 1 failed: failed'],
      ],
    })
  })

  it('sees the errors of its children in their class, also without a finalize', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const child = executor.task({
      id: 'child',
      timeoutMs: 1000,
      run: (): string => {
        throw DurableExecutionError.nonRetryable('no', { code: 'invalid_input' })
      },
    })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [childTask(child)] }),
    })
    const handle = await executor.enqueueTask(parent)
    const { children } = await world.until(handle.waitAndGetOutput())
    const [only] = children
    if (only.status === 'completed') throw new Error('It completed')
    expect(only.error).toBeInstanceOf(DurableExecutionError)
    expect(only.error).toMatchObject({ code: 'invalid_input', isRetryable: false })
  })

  it('runs its children beside each other, and its finalize once, after the last', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun<number, number>()
    const finalize = vi.fn(() => 'end')
    const child = executor.task({ id: 'child', timeoutMs: LONG, run: controlled.run })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [0, 1, 2].map((n) => childTask(child, n)) }),
      finalize,
    })
    const handle = await executor.enqueueTask(parent)
    await world.environment.untilTrue(() => controlled.calls.length === 3)
    await expect(handle.getExecution()).resolves.toMatchObject({
      status: 'waiting_for_children',
      activeChildrenCount: 3,
    })
    controlled.call(2).returns(2)
    controlled.call(0).throws(DurableExecutionError.nonRetryable('no'))
    await world.environment.advanceBy(60_000)
    expect(finalize).not.toHaveBeenCalled()
    await expect(handle.getExecution()).resolves.toMatchObject({ activeChildrenCount: 1 })
    controlled.call(1).returns(1)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('end')
    await world.environment.advanceBy(60_000)
    expect(finalize).toHaveBeenCalledTimes(1)
  })

  it('without children goes straight to its finalize, or its end', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const options = { timeoutMs: 1000, runParent: () => ({ output: 'own', children: [] }) }
    const bare = executor.parentTask({ ...options, id: 'bare' })
    const full = executor.parentTask({
      ...options,
      id: 'full',
      finalize: ({ output, children }) => [output, children],
    })
    const handles = [await executor.enqueueTask(bare), await executor.enqueueTask(full)]
    const outputs = await world.until(Promise.all(handles.map((h) => h.waitAndGetOutput())))
    expect(outputs).toEqual([{ output: 'own', children: [] }, ['own', []]])
  })

  it.each([
    ['here', 'default', 0],
    ['elsewhere, in pages', 'elsewhere', 3],
  ])('takes many children that end %s, and keeps their order', async (_where, queue, reads) => {
    const world = createWorld()
    const { executor, connection } = await world.start({ maxChildrenPerTaskExecution: 1200 })
    const elsewhere = await world.start({ queues: ['elsewhere'] })
    const definition = { id: 'child', timeoutMs: 1000, run: (_ctx: unknown, n: number) => n }
    elsewhere.executor.task(definition)
    const child = executor.task(definition)
    const numbers = Array.from({ length: 1200 }, (_, index) => index)
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({
        output: 1,
        children: numbers.map((n) => childTask(child, n, { queue })),
      }),
      finalize: ({ children }) =>
        children.map((one) => (one.status === 'completed' ? one.output : -1)),
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual(numbers)
    expect(connection.countOf('getChildren')).toBe(reads)
  })

  it('runs its children with the options they were given', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const startedAt: number[] = []
    const child = executor.task({
      id: 'child',
      timeoutMs: LONG,
      run: (ctx) => {
        startedAt.push(world.environment.monotonic())
        if (ctx.attempt < 1) throw new Error('once more')
        return new Promise(() => {})
      },
    })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({
        output: 1,
        children: [
          childTask(child, undefined, {
            sleepMsBeforeRun: 2000,
            timeoutMs: 100,
            retryOptions: { maxAttempts: 1, baseDelayMs: 300 },
          }),
        ],
      }),
      finalize: ({ children: [only] }) => only.status,
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('timed_out')
    expect(startedAt.map(Math.round)).toEqual([2000, 2300])
  })

  it('goes on with a child that was cancelled from outside', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun({ heedsSignal: true })
    const child = executor.task({ id: 'child', timeoutMs: LONG, run: controlled.run })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [childTask(child), childTask(child)] }),
      finalize: ({ children }) => children.map(({ status }) => status),
    })
    const handle = await executor.enqueueTask(parent)
    await world.environment.untilTrue(() => controlled.calls.length === 2)
    const [first, second] = controlled.calls
    const cancelled = await executor.getTaskExecutionHandle(child, first?.context.executionId ?? '')
    await cancelled.cancel()
    await expect(handle.getExecution()).resolves.toMatchObject({ activeChildrenCount: 1 })
    second?.returns('done')
    await expect(world.until(handle.waitAndGetOutput(), 1000)).resolves.toEqual([
      'cancelled',
      'completed',
    ])
  })

  it('ends although its only child was cancelled from outside, by an executor that is not started', async () => {
    const world = createWorld()
    const worker = await world.start()
    const client = world.add()
    const define = ({ executor }: typeof worker) => {
      const child = executor.task({
        id: 'child',
        timeoutMs: LONG,
        sleepMsBeforeRun: LONG,
        run: () => 1,
      })
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: 1000,
        runParent: () => ({ output: 1, children: [childTask(child)] }),
        finalize: ({ children: [only] }) => only.status,
      })
      return { child, parent }
    }
    const { parent } = define(worker)
    const { child } = define(client)
    const handle = await worker.executor.enqueueTask(parent)
    await world.environment.advanceBy(100)
    const row = world.storage.dump().find(({ taskId }) => taskId === 'child')
    await (await client.executor.getTaskExecutionHandle(child, row?.executionId ?? '')).cancel()
    await expect(world.until(handle.waitAndGetOutput(), 1000)).resolves.toBe('cancelled')
  })

  it('can be cancelled while its finalize runs', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun<string, unknown>()
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [] }),
      finalize: { id: 'end', timeoutMs: LONG, run: controlled.run },
    })
    const handle = await executor.enqueueTask(parent)
    await world.environment.untilTrue(() => controlled.calls.length === 1)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'waiting_for_finalize' })
    await handle.cancel()
    await world.environment.turn()
    expect(controlled.call(0).context.cancelSignal.aborted).toBe(true)
    controlled.call(0).returns('late')
    await world.environment.advanceBy(10_000)
    expect(world.storage.dump().map(({ status }) => status)).toEqual(['cancelled', 'cancelled'])
  })
})

describe('a parent without a finalize', () => {
  it('ends finalize_failed where its outcome is above the output limit', async () => {
    const world = createWorld()
    const { executor } = await world.start({ maxSerializedOutputDataSize: 1000 })
    const child = executor.task({ id: 'child', timeoutMs: 1000, run: () => 'x'.repeat(900) })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [childTask(child), childTask(child)] }),
    })
    const handle = await executor.enqueueTask(parent)
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { code: 'too_large' } })
    expect(execution).toHaveProperty(
      'error.message',
      expect.stringMatching(/^Output of task parent is too large/),
    )
  })
})
