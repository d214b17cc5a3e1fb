/** Loops: iterations until one is done, at most so many, and an end whatever happens. */
import { describe, expect, it, vi } from 'vitest'

import type { LoopIteration } from '../src/index'
import { createControlledRun } from './support/controlled-run'
import { createWorld } from './support/world'

const LONG = 600_000
const NOT_DONE = { isDone: false } as const

/** Runs a loop whose iterations return what `iterate` says. */
async function runLoop(
  iterate: (index: number, input: string) => LoopIteration<string>,
  limits: { maxIterations?: number; sleepMs?: number | ((iteration: number) => number) } = {},
) {
  const world = createWorld()
  const { executor } = await world.start()
  const inputs: string[] = []
  const startedAt: number[] = []
  const iteration = executor.task({
    id: 'iteration',
    timeoutMs: 1000,
    run: (ctx, input: string) => {
      inputs.push(input)
      startedAt.push(Math.round(world.environment.monotonic()))
      return iterate(ctx.parent?.indexInParentChildren ?? -1, input)
    },
  })
  const { maxIterations = 10, sleepMs } = limits
  const loop = executor.loopingTask('loop', iteration, maxIterations, sleepMs)
  const handle = await executor.enqueueTask(loop, 'in')
  const execution = await world.until(handle.waitAndGetFinishedExecution(), 1e9)
  return { world, execution, inputs, startedAt }
}

describe('a loop', () => {
  it('runs until an iteration is done, each with the input of the loop', async () => {
    const { execution, inputs } = await runLoop((index) =>
      index < 3 ? NOT_DONE : { isDone: true, output: `after ${index}` },
    )
    expect(execution).toMatchObject({
      status: 'completed',
      output: { isSuccess: true, output: 'after 3' },
    })
    expect(inputs).toEqual(['in', 'in', 'in', 'in'])
  })

  it('ends without success after its last iteration', async () => {
    const { execution, inputs } = await runLoop(() => NOT_DONE, { maxIterations: 3 })
    expect(execution).toMatchObject({ status: 'completed', output: { isSuccess: false } })
    expect(inputs).toHaveLength(3)
  })

  it('may be done in its last iteration', async () => {
    const { execution } = await runLoop(
      (index) => (index < 2 ? NOT_DONE : { isDone: true, output: 'just' }),
      { maxIterations: 3 },
    )
    expect(execution).toMatchObject({ output: { isSuccess: true, output: 'just' } })
  })

  it('sleeps before each iteration but the first', async () => {
    const { startedAt } = await runLoop(() => NOT_DONE, { maxIterations: 3, sleepMs: 5000 })
    expect(startedAt).toEqual([0, 5000, 10_000])
  })

  it('sleeps as long as a function of the iteration says', async () => {
    const sleepMs = vi.fn((iteration: number) => iteration * 1000)
    const { startedAt } = await runLoop(() => NOT_DONE, { maxIterations: 4, sleepMs })
    expect(startedAt).toEqual([0, 1000, 3000, 6000])
    expect(new Set(sleepMs.mock.calls.map(([iteration]) => iteration))).toEqual(new Set([1, 2, 3]))
  })

  it('ends finalize_failed when an iteration fails', async () => {
    const { execution, inputs } = await runLoop((index) => {
      if (index === 1) throw new Error('broken')
      return NOT_DONE
    })
    expect(execution).toMatchObject({
      status: 'finalize_failed',
      error: { message: 'Iteration 1 failed: broken' },
    })
    expect(inputs).toHaveLength(2)
  })

  it.each([
    ['nothing', undefined],
    ['a number', 5],
    ['an odd answer', { isDone: 'perhaps' }],
  ])('ends finalize_failed when an iteration returns %s', async (_name, value) => {
    const { execution, inputs } = await runLoop(() => value as never)
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { code: 'invalid_task' } })
    expect(execution).toHaveProperty(
      'error.message',
      expect.stringMatching(/^Iteration 0 of loop loop returned/),
    )
    expect(inputs).toHaveLength(1)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no idea')
      },
      'no idea',
    ],
    ['returns no number', () => 'soon' as never, 'Invalid sleep ms before run for task loop'],
    ['returns what is negative', () => -1, 'Invalid sleep ms before run for task loop'],
  ])('ends finalize_failed when its sleep function %s', async (_name, sleepMs, message) => {
    const { execution } = await runLoop(() => NOT_DONE, { sleepMs })
    expect(execution).toMatchObject({ status: 'finalize_failed' })
    expect(execution).toHaveProperty('error.message', expect.stringContaining(message))
  })

  it('retries an iteration as its own options say, which does not count as one', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const run = vi.fn((ctx: { attempt: number }): LoopIteration<string> => {
      if (ctx.attempt === 0) throw new Error('again')
      return NOT_DONE
    })
    const iteration = executor.task({
      id: 'iteration',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 1 },
      run,
    })
    const handle = await executor.enqueueTask(executor.loopingTask('loop', iteration, 2))
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual({ isSuccess: false })
    expect(run).toHaveBeenCalledTimes(4)
  })

  it('may be of parents', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    let rounds = 0
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: (rounds += 1), children: [] }),
      finalize: ({ output }): LoopIteration<number> =>
        output < 4 ? NOT_DONE : { isDone: true, output },
    })
    const handle = await executor.enqueueTask(executor.loopingTask('loop', parent, 10))
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual({
      isSuccess: true,
      output: 4,
    })
  })

  it('checks its input in every iteration', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const validate = vi.fn((text: string) => Number(text))
    const inputs: number[] = []
    const iteration = executor.task({
      id: 'iteration',
      timeoutMs: 1000,
      run: (_ctx, n: number): LoopIteration<number> => {
        inputs.push(n)
        return NOT_DONE
      },
    })
    const loop = executor.validateInput(validate).loopingTask('loop', iteration, 3)
    const handle = await executor.enqueueTask(loop, '7')
    await world.until(handle.waitAndGetOutput())
    expect(inputs).toEqual([7, 7, 7])
    expect(validate).toHaveBeenCalledTimes(3)
  })

  it('costs nothing while it sleeps, and can be cancelled then', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun<LoopIteration<string>>()
    const iteration = executor.task({ id: 'iteration', timeoutMs: 1000, run: controlled.run })
    const handle = await executor.enqueueTask(executor.loopingTask('loop', iteration, 9, LONG))
    await world.environment.untilTrue(() => controlled.calls.length === 1)
    controlled.call(0).returns(NOT_DONE)
    await world.environment.advanceBy(60_000)
    expect(executor.getStats().slots.taken).toBe(0)
    await handle.cancel()
    await world.environment.advanceBy(2 * LONG)
    expect(controlled.calls).toHaveLength(1)
    expect(world.storage.dump().map(({ status }) => status)).not.toContain('ready')
  })

  it('goes through thousands of iterations', async () => {
    const { execution, inputs } = await runLoop(
      (index) => (index < 1999 ? NOT_DONE : { isDone: true, output: 'at last' }),
      { maxIterations: 1_000_000_000 },
    )
    expect(execution).toMatchObject({ output: { isSuccess: true, output: 'at last' } })
    expect(inputs).toHaveLength(2000)
  })
})
