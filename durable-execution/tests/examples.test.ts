/** Every pattern that the documentation shows, as a user writes it: on real time, through the public names alone. */
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'

import {
  childTask,
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutor,
  InMemoryTaskExecutionsStorage,
  type ExecutorEvent,
  type Task,
} from '../src/index'
import { startExecutor } from './support/executor'
import { silentLogger } from './support/world'

describe('a task', () => {
  it('runs and gives its output', async () => {
    const executor = await startExecutor()
    const add = executor.task({
      id: 'add',
      timeoutMs: 1000,
      run: (_ctx, input: { a: number; b: number }) => input.a + input.b,
    })

    const handle = await executor.enqueueTask(add, { a: 1, b: 2 })

    await expect(handle.waitAndGetOutput()).resolves.toBe(3)
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({ status: 'completed', output: 3, taskId: 'add', attempt: 0 })
  })

  it('is retried until it succeeds', async () => {
    const executor = await startExecutor()
    const flaky = executor.task({
      id: 'flaky',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 5, baseDelayMs: 1, delayMultiplier: 2, maxDelayMs: 10 },
      run: (ctx) => {
        if (ctx.attempt < 2) throw new Error(`attempt ${ctx.attempt} failed`)
        return `attempt ${ctx.attempt}, after: ${ctx.prevError?.message}`
      },
    })

    const handle = await executor.enqueueTask(flaky)

    await expect(handle.waitAndGetOutput()).resolves.toBe('attempt 2, after: attempt 1 failed')
  })

  it('is not retried after an error that says so', async () => {
    const executor = await startExecutor()
    const run = vi.fn(() => {
      throw DurableExecutionError.nonRetryable('no such user')
    })
    const strict = executor.task({
      id: 'strict',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 5 },
      run,
    })

    const handle = await executor.enqueueTask(strict)

    await expect(handle.waitAndGetOutput()).rejects.toThrow('no such user')
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('is told by a signal when it takes too long', async () => {
    const executor = await startExecutor()
    const slow = executor.task({
      id: 'slow',
      timeoutMs: 5,
      run: (ctx) =>
        new Promise<never>((_resolve, reject) => {
          ctx.cancelSignal.addEventListener('abort', () => {
            reject(ctx.cancelSignal.reason as Error)
          })
        }),
    })

    const handle = await executor.enqueueTask(slow)

    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution.status).toBe('timed_out')
  })

  it('starts after a delay', async () => {
    const executor = await startExecutor()
    const remind = executor.task({ id: 'remind', timeoutMs: 1000, run: () => 'now' })
    const before = Date.now()

    const handle = await executor.enqueueTask(remind, undefined, { sleepMsBeforeRun: 30 })

    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'ready' })
    await handle.waitAndGetOutput()
    expect(Date.now() - before).toBeGreaterThanOrEqual(29)
  })

  it('is enqueued once under an id of the caller', async () => {
    const executor = await startExecutor()
    const run = vi.fn((_ctx: unknown, order: number) => `order ${order}`)
    const bill = executor.task({ id: 'bill', timeoutMs: 1000, run })

    const first = await executor.enqueueTask(bill, 7, { executionId: 'bill-order-7' })
    const second = await executor.enqueueTask(bill, 7, { executionId: 'bill-order-7' })

    expect(second.getExecutionId()).toBe('bill-order-7')
    await expect(Promise.all([first, second].map((h) => h.waitAndGetOutput()))).resolves.toEqual([
      'order 7',
      'order 7',
    ])
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('can be cancelled', async () => {
    const executor = await startExecutor()
    const wait = executor.task({
      id: 'wait',
      timeoutMs: 60_000,
      run: (ctx) =>
        new Promise<void>((resolve) => {
          ctx.cancelSignal.addEventListener('abort', () => {
            resolve()
          })
        }),
    })
    const handle = await executor.enqueueTask(wait)

    await handle.cancel()

    await expect(handle.waitAndGetOutput()).rejects.toBeInstanceOf(DurableExecutionCancelledError)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'cancelled' })
  })
})

describe('a checked input', () => {
  it('is checked by a function', async () => {
    const executor = await startExecutor()
    const square = executor
      .validateInput((input: { side: number }) => {
        if (input.side <= 0) throw new Error('side must be positive')
        return input.side
      })
      .task({ id: 'square', timeoutMs: 1000, run: (_ctx, side) => side * side })

    const good = await executor.enqueueTask(square, { side: 3 })
    const bad = await executor.enqueueTask(square, { side: -3 })

    await expect(good.waitAndGetOutput()).resolves.toBe(9)
    await expect(bad.waitAndGetOutput()).rejects.toThrow(
      'Invalid input to task square: side must be positive',
    )
  })

  it('is checked and changed by a schema', async () => {
    const executor = await startExecutor()
    const schema = z.object({
      name: z.string().min(1),
      age: z.string().transform(Number).pipe(z.int()),
    })
    const describe = executor.inputSchema(schema).task({
      id: 'describe',
      timeoutMs: 1000,
      run: (_ctx, user) => `${user.name} is ${user.age + 1} soon`,
    })

    const good = await executor.enqueueTask(describe, { name: 'Ada', age: '36' })
    const bad = await executor.enqueueTask(describe, { name: '', age: 'old' })

    await expect(good.waitAndGetOutput()).resolves.toBe('Ada is 37 soon')
    const error: unknown = await bad.waitAndGetOutput().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'invalid_input', isRetryable: false })
    expect(String(error)).toMatch(/Invalid input to task describe: name: .+\nage: .+/)
  })
})

describe('a parent', () => {
  it('without a finalize gives its own output and its children', async () => {
    const executor = await startExecutor()
    const half = executor.task({
      id: 'half',
      timeoutMs: 1000,
      run: (_ctx, value: number) => {
        if (value % 2 === 1) throw new Error(`${value} is odd`)
        return value / 2
      },
    })
    const halves = executor.parentTask({
      id: 'halves',
      timeoutMs: 1000,
      runParent: (_ctx, values: number[]) => ({
        output: values.length,
        children: values.map((value) => childTask(half, value)),
      }),
    })

    const handle = await executor.enqueueTask(halves, [4, 5])

    const output = await handle.waitAndGetOutput()
    expect(output.output).toBe(2)
    expect(output.children).toMatchObject([
      { taskId: 'half', status: 'completed', output: 2 },
      { taskId: 'half', status: 'failed', error: { message: '5 is odd' } },
    ])
  })

  it('puts typed children together in a finalize function', async () => {
    const executor = await startExecutor()
    const price = executor.task({ id: 'price', timeoutMs: 1000, run: () => 40 })
    const currency = executor.task({ id: 'currency', timeoutMs: 1000, run: () => 'EUR' })
    const offer = executor.parentTask({
      id: 'offer',
      timeoutMs: 1000,
      runParent: (_ctx, name: string) => ({
        output: name,
        children: [childTask(price), childTask(currency)],
      }),
      finalize: ({ output, children: [amount, unit] }) => {
        if (amount.status !== 'completed' || unit.status !== 'completed') return `${output}: none`
        return `${output}: ${amount.output.toFixed(2)} ${unit.output.toLowerCase()}`
      },
    })

    const handle = await executor.enqueueTask(offer, 'Lamp')

    await expect(handle.waitAndGetOutput()).resolves.toBe('Lamp: 40.00 eur')
  })

  it('takes task options as a finalize, with retries of its own', async () => {
    const executor = await startExecutor()
    const part = executor.task({ id: 'part', timeoutMs: 1000, run: (_ctx, n: number) => n })
    const total = executor.parentTask({
      id: 'total',
      timeoutMs: 1000,
      runParent: () => ({ output: 10, children: [1, 2, 3].map((n) => childTask(part, n)) }),
      finalize: {
        id: 'total_sum',
        timeoutMs: 1000,
        retryOptions: { maxAttempts: 1 },
        run: (ctx, { output, children }) => {
          if (ctx.attempt === 0) throw new Error('once more')
          return children.reduce(
            (sum, child) => sum + (child.status === 'completed' ? child.output : 0),
            output,
          )
        },
      },
    })

    const handle = await executor.enqueueTask(total)

    await expect(handle.waitAndGetOutput()).resolves.toBe(16)
  })

  it('takes a parent as a finalize', async () => {
    const executor = await startExecutor()
    const letter = executor.task({
      id: 'letter',
      timeoutMs: 1000,
      run: (_ctx, n: number) => 'abc'[n],
    })
    const upper = executor.task({
      id: 'upper',
      timeoutMs: 1000,
      run: (_ctx, text: string) => text.toUpperCase(),
    })
    const word = executor.parentTask({
      id: 'word',
      timeoutMs: 1000,
      runParent: () => ({ output: '', children: [0, 1, 2].map((n) => childTask(letter, n)) }),
      finalize: {
        id: 'word_upper',
        timeoutMs: 1000,
        runParent: (_ctx, { children }) => ({
          output: children.length,
          children: children.flatMap((child) =>
            child.status === 'completed' ? [childTask(upper, child.output ?? '')] : [],
          ),
        }),
        finalize: ({ output, children }) =>
          `${output} ${children.map((child) => (child.status === 'completed' ? child.output : '?')).join('')}`,
      },
    })

    const handle = await executor.enqueueTask(word)

    await expect(handle.waitAndGetOutput()).resolves.toBe('3 ABC')
  })

  it('makes a tree of parents', async () => {
    const executor = await startExecutor()
    const leaf = executor.task({ id: 'leaf', timeoutMs: 1000, run: (_ctx, n: number) => n })
    const branch = executor.parentTask({
      id: 'branch',
      timeoutMs: 1000,
      runParent: (_ctx, n: number) => ({
        output: n,
        children: [childTask(leaf, n), childTask(leaf, n + 1)],
      }),
      finalize: ({ children }) =>
        children.reduce((sum, child) => sum + (child.status === 'completed' ? child.output : 0), 0),
    })
    const tree = executor.parentTask({
      id: 'tree',
      timeoutMs: 1000,
      runParent: () => ({ output: 0, children: [childTask(branch, 1), childTask(branch, 10)] }),
      finalize: ({ children }) =>
        children.map((child) => (child.status === 'completed' ? child.output : 0)),
    })

    const handle = await executor.enqueueTask(tree)

    await expect(handle.waitAndGetOutput()).resolves.toEqual([3, 21])
  })

  it('may be its own child', async () => {
    const executor = await startExecutor()
    const factorial: Task<number, number> = executor.parentTask({
      id: 'factorial',
      timeoutMs: 1000,
      runParent: (_ctx, n: number) => ({
        output: n,
        children: n <= 1 ? [] : [childTask(factorial, n - 1)],
      }),
      finalize: ({ output, children: [child] }) =>
        child?.status === 'completed' ? output * child.output : 1,
    })

    const handle = await executor.enqueueTask(factorial, 6)

    await expect(handle.waitAndGetOutput()).resolves.toBe(720)
  })
})

describe('a sequence', () => {
  it('hands each output on as the next input', async () => {
    const executor = await startExecutor()
    const parse = executor.task({
      id: 'parse',
      timeoutMs: 1000,
      run: (_ctx, t: string) => Number(t),
    })
    const double = executor.task({ id: 'double', timeoutMs: 1000, run: (_ctx, n: number) => n * 2 })
    const print = executor.task({ id: 'print', timeoutMs: 1000, run: (_ctx, n: number) => `=${n}` })
    const all = executor.sequentialTasks('all', [parse, double, print])

    const handle = await executor.enqueueTask(all, '21')

    await expect(handle.waitAndGetOutput()).resolves.toBe('=42')
  })

  it('may be one of parents', async () => {
    const executor = await startExecutor()
    const add = executor.task({ id: 'add', timeoutMs: 1000, run: (_ctx, n: number) => n + 1 })
    const spread = executor.parentTask({
      id: 'spread',
      timeoutMs: 1000,
      runParent: (_ctx, n: number) => ({
        output: n,
        children: [childTask(add, n), childTask(add, n)],
      }),
      finalize: ({ children }) =>
        children.reduce((sum, child) => sum + (child.status === 'completed' ? child.output : 0), 0),
    })
    const twice = executor.sequentialTasks('twice', [spread, spread])

    const handle = await executor.enqueueTask(twice, 1)

    await expect(handle.waitAndGetOutput()).resolves.toBe(10)
  })
})

describe('a loop', () => {
  it('runs until it is done', async () => {
    const executor = await startExecutor()
    let calls = 0
    const look = executor.task({
      id: 'look',
      timeoutMs: 1000,
      run: (_ctx, url: string) => {
        calls += 1
        return calls < 3
          ? { isDone: false as const }
          : { isDone: true as const, output: `${url} after ${calls}` }
      },
    })
    const poll = executor.loopingTask('poll', look, 10, 1)

    const handle = await executor.enqueueTask(poll, 'https://example.org')

    await expect(handle.waitAndGetOutput()).resolves.toEqual({
      isSuccess: true,
      output: 'https://example.org after 3',
    })
  })
})

describe('a sleeping task', () => {
  it('sleeps until it is woken', async () => {
    const executor = await startExecutor()
    const approval = executor.sleepingTask<{ by: string }>({ id: 'approval', timeoutMs: 60_000 })
    const handle = await executor.enqueueTask(approval, 'invoice-7')

    await executor.wakeupSleepingTaskExecution(approval, 'invoice-7', {
      status: 'completed',
      output: { by: 'Grace' },
    })

    await expect(handle.waitAndGetOutput()).resolves.toEqual({ by: 'Grace' })
  })
})

describe('an executor', () => {
  it('takes work only from its queues', async () => {
    const storage = new InMemoryTaskExecutionsStorage()
    const slow = await startExecutor({ queues: ['slow'] }, storage)
    const fast = await startExecutor({ queues: ['fast'] }, storage)
    const [inSlow, inFast] = [slow, fast].map((executor) =>
      executor.task({ id: 'where', timeoutMs: 1000, queue: 'slow', run: () => executor.id }),
    )
    if (!inSlow || !inFast) throw new Error('Tasks are missing')

    const first = await fast.enqueueTask(inFast)
    const second = await slow.enqueueTask(inSlow, undefined, { queue: 'fast' })

    await expect(first.waitAndGetOutput()).resolves.toBe(slow.id)
    await expect(second.waitAndGetOutput()).resolves.toBe(fast.id)
  })

  it('enqueues many at once, all or none', async () => {
    const executor = await startExecutor()
    const add = executor.task({ id: 'add', timeoutMs: 1000, run: (_ctx, n: number) => n + 1 })
    const greet = executor.task({
      id: 'greet',
      timeoutMs: 1000,
      run: (_ctx, s: string) => `Hi ${s}`,
    })

    const [first, second] = await executor.enqueueTasks([
      childTask(add, 1),
      childTask(greet, 'you'),
    ])

    await expect(first.waitAndGetOutput()).resolves.toBe(2)
    await expect(second.waitAndGetOutput()).resolves.toBe('Hi you')
  })

  it('ends with its block', async () => {
    const storage = new InMemoryTaskExecutionsStorage()
    let leaked: DurableExecutor
    {
      await using executor = new DurableExecutor(storage, { logger: silentLogger })
      leaked = executor
      const one = executor.task({ id: 'one', timeoutMs: 1000, run: () => 1 })
      await executor.start()
      await (await executor.enqueueTask(one)).waitAndGetOutput()
    }
    expect(() => leaked.task({ id: 'two', timeoutMs: 1000, run: () => 2 })).toThrow('was shut down')
  })

  it('tells what happens', async () => {
    const events: ExecutorEvent[] = []
    const executor = await startExecutor({ onEvent: (event) => events.push(event) })
    const one = executor.task({ id: 'one', timeoutMs: 1000, run: () => 1 })

    const handle = await executor.enqueueTask(one)
    await handle.waitAndGetOutput()

    const executionId = handle.getExecutionId()
    expect(events[0]).toMatchObject({ type: 'executor_started' })
    expect(events).toContainEqual({
      type: 'execution_started',
      taskId: 'one',
      executionId,
      attempt: 0,
    })
    expect(events).toContainEqual({
      type: 'execution_settled',
      taskId: 'one',
      executionId,
      status: 'completed',
    })
  })

  it('counts what it did', async () => {
    const executor = await startExecutor({ maxConcurrentTaskExecutions: 7 })
    const one = executor.task({ id: 'one', timeoutMs: 1000, run: () => 1 })
    await (await executor.enqueueTask(one)).waitAndGetOutput()

    const stats = executor.getStats()

    expect(stats.slots).toMatchObject({ capacity: 7 })
    expect(stats.outcomes).toEqual({ completed: 1 })
    expect(stats.storage.isAway).toBe(false)
    expect(stats.storage.verbs['insert']).toMatchObject({ count: 1, failedCount: 0 })
  })

  it('finds an execution again by its id', async () => {
    const storage = new InMemoryTaskExecutionsStorage()
    const worker = await startExecutor({}, storage)
    const client = new DurableExecutor(storage, { logger: silentLogger })
    const one = worker.task({ id: 'one', timeoutMs: 1000, run: () => 1 })
    const oneAtClient = client.task({ id: 'one', timeoutMs: 1000, run: () => 1 })

    const { executionId } = await (await worker.enqueueTask(one)).waitAndGetFinishedExecution()
    const handle = await client.getTaskExecutionHandle(oneAtClient, executionId)

    expect(handle.getTaskId()).toBe('one')
    await expect(handle.waitAndGetOutput()).resolves.toBe(1)
    await client.shutdown()
  })
})
