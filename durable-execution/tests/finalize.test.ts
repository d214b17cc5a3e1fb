/** Finalizes: what they get, how they nest, and what becomes of their parent when they fail. */
import { describe, expect, it, vi } from 'vitest'

import {
  childTask,
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionTimedOutError,
} from '../src/index'
import { createWorld } from './support/world'

describe('a finalize', () => {
  it.each([
    ['throws', new Error('no'), 'no'],
    ['throws a cancelled error', new DurableExecutionCancelledError('stop'), 'stop'],
    ['throws a timed out error', new DurableExecutionTimedOutError('slow'), 'slow'],
  ])('that %s makes its parent finalize_failed with that error', async (_name, error, message) => {
    const world = createWorld()
    const { executor } = await world.start()
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [] }),
      finalize: () => {
        throw error
      },
    })
    const handle = await executor.enqueueTask(parent)
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { message } })
    expect(execution).toHaveProperty(
      'error.name',
      error instanceof DurableExecutionError ? error.name : 'DurableExecutionError',
    )
  })

  it('is retried as its options say', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const attempts: number[] = []
    const runParent = vi.fn(() => ({ output: 1, children: [] }))
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent,
      finalize: {
        id: 'end',
        timeoutMs: 1000,
        retryOptions: { maxAttempts: 2, baseDelayMs: 500 },
        run: (ctx) => {
          attempts.push(ctx.attempt)
          if (ctx.attempt < 2) throw new Error('again')
          return 'end'
        },
      },
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('end')
    expect(attempts).toEqual([0, 1, 2])
    expect(runParent).toHaveBeenCalledTimes(1)
  })

  it('that is a parent nests, as deep as it goes', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const double = executor.task({ id: 'double', timeoutMs: 1000, run: (_ctx, n: number) => n * 2 })
    const sum = (children: readonly { status: string; output?: unknown }[]): number =>
      children.reduce((total, child) => total + Number(child.output ?? 0), 0)
    const parent = executor.parentTask({
      id: 'first',
      timeoutMs: 1000,
      runParent: () => ({ output: 0, children: [childTask(double, 1), childTask(double, 2)] }),
      finalize: {
        id: 'second',
        timeoutMs: 1000,
        runParent: (_ctx, { children }) => ({
          output: sum(children),
          children: [childTask(double, sum(children))],
        }),
        finalize: {
          id: 'third',
          timeoutMs: 1000,
          runParent: (_ctx, { output, children }) => ({
            output: [output, sum(children)],
            children: [childTask(double, 100)],
          }),
          finalize: ({ output, children }) => [output, sum(children)],
        },
      },
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual([[6, 12], 200])
  })

  it('that is a parent without a finalize gives its output and children', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const child = executor.task({ id: 'child', timeoutMs: 1000, run: () => 'out' })
    const parent = executor.parentTask({
      id: 'first',
      timeoutMs: 1000,
      runParent: () => ({ output: 0, children: [childTask(child)] }),
      finalize: {
        id: 'second',
        timeoutMs: 1000,
        runParent: () => ({ output: 'inner', children: [childTask(child)] }),
      },
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toMatchObject({
      output: 'inner',
      children: [{ status: 'completed', output: 'out' }],
    })
  })

  it('gets at most maxFinalizeInputBytes; above, its parent says so', async () => {
    const world = createWorld()
    const { executor } = await world.start({ maxFinalizeInputBytes: 2 ** 20 })
    const child = executor.task({ id: 'child', timeoutMs: 1000, run: () => 'x'.repeat(300_000) })
    const run = vi.fn(() => 1)
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: (_ctx, count: number) => ({
        output: 1,
        children: Array.from({ length: count }, () => childTask(child)),
      }),
      finalize: run,
    })
    const small = await executor.enqueueTask(parent, 3)
    await expect(world.until(small.waitAndGetOutput())).resolves.toBe(1)
    const large = await executor.enqueueTask(parent, 4)
    const execution = await world.until(large.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { code: 'too_large' } })
    expect(execution).toHaveProperty(
      'error.message',
      expect.stringContaining('raise maxFinalizeInputBytes'),
    )
    expect(run).toHaveBeenCalledTimes(1)
  })
})
