/** Parents: what they see of their children, in every way those can end, and what they end as themselves. */
import { describe, expect, it, vi } from 'vitest'

import {
  childTask,
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionTimedOutError,
  type DurableExecutorOptions,
  type ParentRun,
  type TaskRunContext,
} from '../src/index'
import { createControlledRun } from './support/controlled-run'
import { createWorld } from './support/world'

const LONG = 600_000

/** Runs a parent without types: `runParent` returns what the test says. */
async function runParentReturning(value: unknown, options: DurableExecutorOptions = {}) {
  const world = createWorld()
  const { executor } = await world.start(options)
  const child = executor.task({ id: 'child', timeoutMs: 1000, run: (_ctx, n: unknown) => n })
  const resolved: unknown =
    typeof value === 'function' ? (value as (c: unknown) => unknown)(child) : value
  const parent = executor.parentTask({
    id: 'parent',
    timeoutMs: 1000,
    retryOptions: { maxAttempts: 2 },
    runParent: () => resolved as ParentRun<unknown, []>,
  })
  const handle = await executor.enqueueTask(parent)
  const execution = await world.until(handle.waitAndGetFinishedExecution())
  return { world, execution, rows: world.storage.dump() }
}

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

  it('takes many children, in pages, and keeps their order', async () => {
    const world = createWorld()
    const { executor } = await world.start({ maxChildrenPerTaskExecution: 1200 })
    const child = executor.task({ id: 'child', timeoutMs: 1000, run: (_ctx, n: number) => n })
    const numbers = Array.from({ length: 1200 }, (_, index) => index)
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: numbers.map((n) => childTask(child, n)) }),
      finalize: ({ children }) =>
        children.map((one) => (one.status === 'completed' ? one.output : -1)),
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual(numbers)
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

describe('what a parent returns', () => {
  const many = (count: number) => (child: unknown) => ({
    output: 1,
    children: Array.from({ length: count }, () => ({ task: child, input: 1 })),
  })

  it('may have as many children as allowed, and no more', async () => {
    const options = { maxChildrenPerTaskExecution: 5 }
    const fits = await runParentReturning(many(5), options)
    expect(fits.execution.status).toBe('completed')
    const { execution, rows } = await runParentReturning(many(6), options)
    expect(execution).toMatchObject({ status: 'failed', attempt: 0 })
    expect(execution).toHaveProperty(
      'error.message',
      'Invalid run of parent task parent: it returned 6 children, of which 5 are allowed; nest parents, or raise maxChildrenPerTaskExecution',
    )
    expect(rows).toHaveLength(1)
  })

  it.each([
    ['nothing', undefined, /it returned undefined, expected \{ output, children/],
    ['null', null, /it returned null/],
    ['text', 'children', /it returned "children"/],
    ['no children', { output: 1 }, /it returned \{"output":1\}/],
    ['children that are no list', { output: 1, children: {} }, /expected \{ output, children/],
    [
      'a child that is nothing',
      { output: 1, children: [undefined] },
      /child 0 is undefined, expected childTask/,
    ],
    ['a child that is text', { output: 1, children: ['child'] }, /child 0 is "child"/],
    ['a child without a task', { output: 1, children: [{ input: 1 }] }, /child 0 is \{"input":1\}/],
    ['a child of an odd task', { output: 1, children: [{ task: { id: 5 } }] }, /child 0 is/],
    [
      'a child of an unknown task',
      { output: 1, children: [{ task: { id: 'who' } }] },
      /^Task who not found/,
    ],
    [
      'a child with a wrong option',
      (task: unknown) => ({ output: 1, children: [{ task, options: { timeoutMs: -1 } }] }),
      /^Invalid timeout value for task child/,
    ],
    [
      'a child with wrong retry options',
      (task: unknown) => ({
        output: 1,
        children: [{ task, options: { retryOptions: { jitter: 7 } } }],
      }),
      /^Invalid retry options for task child: jitter/,
    ],
    [
      'a child with options that are none',
      (task: unknown) => ({ output: 1, children: [{ task, options: 5 }] }),
      /^Invalid options for task child/,
    ],
  ])('fails it at once and for good if it is %s', async (_name, value, message) => {
    const { execution, rows } = await runParentReturning(value)
    expect(execution).toMatchObject({ status: 'failed', attempt: 0, error: { isRetryable: false } })
    expect(execution).toHaveProperty('error.message', expect.stringMatching(message))
    expect(rows).toHaveLength(1)
  })
})

describe('a context', () => {
  it('tells root and parent at every depth, in finalizes and steps too', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const contexts = new Map<string, TaskRunContext>()
    const note = (context: TaskRunContext): void => {
      contexts.set(context.taskId, context)
    }
    const leaf = executor.task({ id: 'leaf', timeoutMs: 1000, run: note })
    const step = executor.task({ id: 'step', timeoutMs: 1000, run: note })
    const chain = executor.sequentialTasks('chain', [step])
    const inner = executor.parentTask({
      id: 'inner',
      timeoutMs: 1000,
      runParent: (context) => {
        note(context)
        return { output: 1, children: [childTask(chain), childTask(leaf)] }
      },
      finalize: { id: 'inner_end', timeoutMs: 1000, run: note },
    })
    const outer = executor.parentTask({
      id: 'outer',
      timeoutMs: 1000,
      runParent: (context) => {
        note(context)
        return { output: 1, children: [childTask(inner)] }
      },
      finalize: {
        id: 'outer_end',
        timeoutMs: 1000,
        runParent: (context) => {
          note(context)
          return { output: 1, children: [] }
        },
        finalize: { id: 'outer_end_end', timeoutMs: 1000, run: note },
      },
    })
    const handle = await executor.enqueueTask(outer)
    await world.until(handle.waitAndGetOutput())

    const root = { taskId: 'outer', executionId: handle.getExecutionId() }
    const idOf = (taskId: string): string | undefined =>
      world.storage.dump().find((row) => row.taskId === taskId)?.executionId
    const placeOf = (taskId: string) => {
      const { parent } = contexts.get(taskId) ?? {}
      return (
        parent && [
          parent.taskId,
          parent.executionId === idOf(parent.taskId),
          parent.indexInParentChildren,
          parent.isFinalizeOfParent,
        ]
      )
    }
    expect(contexts.size).toBe(7)
    for (const [taskId, context] of contexts) {
      expect(context.root).toEqual(root)
      expect(context.executionId).toBe(idOf(taskId))
    }
    expect(contexts.get('outer')).not.toHaveProperty('parent')
    expect(placeOf('inner')).toEqual(['outer', true, 0, false])
    expect(placeOf('leaf')).toEqual(['inner', true, 1, false])
    expect(placeOf('step')).toEqual(['chain', true, 0, false])
    expect(placeOf('inner_end')).toEqual(['inner', true, 0, true])
    expect(placeOf('outer_end')).toEqual(['outer', true, 0, true])
    expect(placeOf('outer_end_end')).toEqual(['outer_end', true, 0, true])
  })

  it('is told of an execution too', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const child = executor.task({ id: 'child', timeoutMs: 1000, run: (ctx) => ctx.executionId })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [childTask(child)] }),
      finalize: ({ children: [only] }) => (only.status === 'completed' ? only.output : ''),
    })
    const handle = await executor.enqueueTask(parent)
    const childId = await world.until(handle.waitAndGetOutput())
    const childHandle = await executor.getTaskExecutionHandle(child, childId)
    await expect(childHandle.getExecution()).resolves.toMatchObject({
      root: { taskId: 'parent', executionId: handle.getExecutionId() },
      parent: {
        taskId: 'parent',
        executionId: handle.getExecutionId(),
        indexInParentChildren: 0,
        isFinalizeOfParent: false,
      },
    })
  })
})
