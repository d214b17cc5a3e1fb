/** Sequences: each output the next input, one commit a step, and an end whatever happens. */
import { describe, expect, it, vi } from 'vitest'

import { childTask, DurableExecutionCancelledError, type Task } from '../src/index'
import { createControlledRun } from './support/controlled-run'
import { createWorld } from './support/world'

const LONG = 600_000

describe('a sequence', () => {
  it('waits for its steps, which run one after another', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const first = createControlledRun<string, string>()
    const second = createControlledRun<string, string>()
    const a = executor.task({ id: 'a', timeoutMs: LONG, run: first.run })
    const b = executor.task({ id: 'b', timeoutMs: LONG, run: second.run })
    const handle = await executor.enqueueTask(executor.sequentialTasks('chain', [a, b]), 'in')
    await world.environment.untilTrue(() => first.calls.length === 1)
    expect(first.call(0).input).toBe('in')
    const waiting = await handle.getExecution()
    expect(waiting).toMatchObject({ status: 'waiting_for_children', input: 'in' })
    expect(waiting).not.toHaveProperty('timeoutMs')
    expect(second.calls).toHaveLength(0)
    first.call(0).returns('between')
    await world.environment.untilTrue(() => second.calls.length === 1)
    expect(second.call(0).input).toBe('between')
    second.call(0).returns('out')
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'completed', output: 'out' })
    expect(execution).not.toHaveProperty('startedAt')
  })

  it('costs one commit a step and a few more', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    await world.environment.advanceBy(1000)
    const add = executor.task({ id: 'add', timeoutMs: 1000, run: (_ctx, n: number) => n + 1 })
    const chain = executor.sequentialTasks(
      'chain',
      Array.from({ length: 10 }, () => add),
    )
    const before = { ...Object.fromEntries(connection.calls) }
    const handle = await executor.enqueueTask(chain, 0)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(10)
    expect(connection.countOf('insert') - (before['insert'] ?? 0)).toBe(1)
    expect(connection.countOf('settle') - (before['settle'] ?? 0)).toBe(11)
    expect(connection.countOf('claim') - (before['claim'] ?? 0)).toBe(0)
    // The end of the last step is known where it was stored.
    expect(connection.countOf('getChildren')).toBe(0)
  })

  it('may be of one task', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const one = executor.task({ id: 'one', timeoutMs: 1000, run: (_ctx, n: number) => n + 1 })
    const handle = await executor.enqueueTask(executor.sequentialTasks('chain', [one]), 1)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(2)
  })

  it('carries undefined from step to step', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const inputs: unknown[] = []
    const step = executor.task({
      id: 'step',
      timeoutMs: 1000,
      run: (_ctx, value: undefined) => {
        inputs.push(value)
      },
    }) as Task<undefined, undefined>
    const handle = await executor.enqueueTask(executor.sequentialTasks('chain', [step, step]))
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBeUndefined()
    expect(inputs).toEqual([undefined, undefined])
  })

  it.each([
    ['throws', new Error('no'), 'no', 'generic'],
    ['throws a cancelled error', new DurableExecutionCancelledError('stop'), 'stop', 'cancelled'],
  ])(
    'ends finalize_failed when a step %s, and starts no further step',
    async (_name, error, message, code) => {
      const world = createWorld()
      const { executor } = await world.start()
      const good = executor.task({ id: 'good', timeoutMs: 1000, run: (_ctx, n: number) => n })
      const bad = executor.task({
        id: 'bad',
        timeoutMs: 1000,
        run: (_ctx, _n: number): number => {
          throw error
        },
      })
      const last = vi.fn(() => 1)
      const never = executor.task({ id: 'never', timeoutMs: 1000, run: last })
      const handle = await executor.enqueueTask(
        executor.sequentialTasks('chain', [good, bad, never]),
        1,
      )
      const execution = await world.until(handle.waitAndGetFinishedExecution())
      expect(execution).toMatchObject({
        status: 'finalize_failed',
        error: { message: `Task at index 1 failed: ${message}`, code },
      })
      expect(last).not.toHaveBeenCalled()
      expect(world.storage.dump()).toHaveLength(3)
    },
  )

  it('retries a step as its own options say', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const flaky = executor.task({
      id: 'flaky',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 2 },
      run: (ctx, n: number) => {
        if (ctx.attempt < 2) throw new Error('again')
        return n + 1
      },
    })
    const handle = await executor.enqueueTask(executor.sequentialTasks('chain', [flaky, flaky]), 0)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(2)
  })

  it('begins after its delay, and its steps after theirs', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const startedAt: number[] = []
    const step = executor.task({
      id: 'step',
      timeoutMs: 1000,
      sleepMsBeforeRun: 1000,
      run: (_ctx, n: number) => {
        startedAt.push(Math.round(world.environment.monotonic()))
        return n
      },
    })
    const chain = executor.sequentialTasks('chain', [step, step])
    const handle = await executor.enqueueTask(chain, 1, { sleepMsBeforeRun: 5000 })
    await world.until(handle.waitAndGetOutput())
    expect(startedAt).toEqual([6000, 7000])
  })

  it('composes with parents, loops, sleeping tasks and sequences', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const add = executor.task({ id: 'add', timeoutMs: 1000, run: (_ctx, n: number) => n + 1 })
    const inner = executor.sequentialTasks('inner', [add, add])
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: (_ctx, n: number) => ({
        output: n,
        children: [childTask(inner, n), childTask(add, n)],
      }),
      finalize: ({ children }) =>
        children.reduce((sum, child) => sum + (child.status === 'completed' ? child.output : 0), 0),
    })
    const iteration = executor.task({
      id: 'iteration',
      timeoutMs: 1000,
      run: (ctx, n: number) =>
        (ctx.parent?.indexInParentChildren ?? 0) < 2
          ? { isDone: false as const }
          : { isDone: true as const, output: n * 10 },
    })
    const loop = executor.loopingTask('loop', iteration, 5)
    const unwrap = executor.task({
      id: 'unwrap',
      timeoutMs: 1000,
      run: (_ctx, result: { isSuccess: true; output: number } | { isSuccess: false }) =>
        `key ${result.isSuccess ? result.output : 'none'}`,
    })
    const sleeper = executor.sleepingTask<number>({ id: 'sleeper', timeoutMs: LONG })
    const outer = executor.sequentialTasks('outer', [inner, parent, loop, unwrap, sleeper, inner])
    const handle = await executor.enqueueTask(outer, 1)
    // inner: 3; parent: 5 + 4; loop: 90
    await world.environment.untilTrue(() =>
      world.storage.dump().some(({ taskId }) => taskId === 'sleeper'),
    )
    await world.until(
      executor.wakeupSleepingTaskExecution(sleeper, 'key 90', { status: 'completed', output: 7 }),
    )
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(9)
    expect(world.storage.dump().every(({ status }) => status === 'completed')).toBe(true)
  })

  it('ends finalize_failed where an output is too large to be the next input', async () => {
    const world = createWorld()
    const { executor } = await world.start({ maxSerializedInputDataSize: 1000 })
    const big = executor.task({ id: 'big', timeoutMs: 1000, run: () => 'x'.repeat(2000) })
    const next = executor.task({ id: 'next', timeoutMs: 1000, run: (_ctx, text: string) => text })
    const handle = await executor.enqueueTask(executor.sequentialTasks('chain', [big, next]))
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { code: 'too_large' } })
    expect(execution).toHaveProperty(
      'error.message',
      expect.stringMatching(/^Input of step 1 of chain is too large/),
    )
  })

  it('ends finalize_failed where the next step is a sleeping task and the output no unique id', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const number = executor.task({ id: 'number', timeoutMs: 1000, run: () => 5 as never })
    const sleeper = executor.sleepingTask({ id: 'sleeper', timeoutMs: 1000 })
    const handle = await executor.enqueueTask(executor.sequentialTasks('chain', [number, sleeper]))
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'finalize_failed', error: { code: 'invalid_input' } })
  })

  it('ends finalize_failed at once where the unique id of its sleeping step is taken', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const sleeper = executor.sleepingTask({ id: 'sleeper', timeoutMs: LONG })
    const name = executor.task({ id: 'name', timeoutMs: 1000, run: () => 'key' })
    await executor.enqueueTask(sleeper, 'key')
    for (const tasks of [[name, sleeper], [sleeper]] as const) {
      const chain = executor.sequentialTasks(`chain_of_${tasks.length}`, tasks as [typeof sleeper])
      const handle = await executor.enqueueTask(chain, 'key')
      const execution = await world.until(handle.waitAndGetFinishedExecution(), 2000)
      expect(execution).toMatchObject({
        status: 'finalize_failed',
        error: { code: 'already_exists' },
      })
    }
    // One step of each chain, though the step before ended in the same call.
    expect(world.storage.dump().filter(({ status }) => status === 'failed')).toHaveLength(2)
  })

  it('refuses to be enqueued with options that it has not', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const add = executor.task({ id: 'add', timeoutMs: 1000, run: (_ctx, n: number) => n + 1 })
    const chain = executor.sequentialTasks('chain', [add])
    await expect(executor.enqueueTask(chain, 1, { timeoutMs: 5 })).rejects.toThrow(
      'Invalid options for task chain: timeoutMs cannot be given',
    )
    expect(() => executor.sequentialTasks('empty', [])).toThrow('No tasks provided')
  })

  it('checks its input when its first step runs', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const add = executor.task({ id: 'add', timeoutMs: 1000, run: (_ctx, n: number) => n + 1 })
    const checked = executor
      .validateInput((text: string) => {
        if (text === '') throw new Error('is empty')
        return Number(text)
      })
      .sequentialTasks('chain', [add, add])
    const good = await executor.enqueueTask(checked, '5')
    const bad = await executor.enqueueTask(checked, '')
    await expect(world.until(good.waitAndGetOutput())).resolves.toBe(7)
    await expect(world.until(bad.waitAndGetFinishedExecution())).resolves.toMatchObject({
      status: 'finalize_failed',
      error: { message: 'Task at index 0 failed: Invalid input to task chain: is empty' },
    })
  })

  it('is cancelled with the step that runs', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun<number, number>({ heedsSignal: true })
    const add = executor.task({ id: 'add', timeoutMs: 1000, run: (_ctx, n: number) => n + 1 })
    const slow = executor.task({ id: 'slow', timeoutMs: LONG, run: controlled.run })
    const handle = await executor.enqueueTask(
      executor.sequentialTasks('chain', [add, slow, add]),
      1,
    )
    await world.environment.untilTrue(() => controlled.calls.length === 1)
    await handle.cancel()
    await world.environment.advanceBy(1000)
    expect(controlled.call(0).context.cancelSignal.aborted).toBe(true)
    expect(
      world.storage
        .dump()
        .map(({ status }) => status)
        .sort(),
    ).toEqual(['cancelled', 'cancelled', 'completed'])
  })

  it('ends when the step that runs is cancelled from outside', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const controlled = createControlledRun<number, number>({ heedsSignal: true })
    const slow = executor.task({ id: 'slow', timeoutMs: LONG, run: controlled.run })
    const handle = await executor.enqueueTask(executor.sequentialTasks('chain', [slow, slow]), 1)
    await world.environment.untilTrue(() => controlled.calls.length === 1)
    const { executionId } = controlled.call(0).context
    await (await executor.getTaskExecutionHandle(slow, executionId)).cancel()
    await expect(world.until(handle.waitAndGetFinishedExecution(), 1000)).resolves.toMatchObject({
      status: 'finalize_failed',
      error: { message: 'Task at index 0 failed: Task execution cancelled' },
    })
  })
})
