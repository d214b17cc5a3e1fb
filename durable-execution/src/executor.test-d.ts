import { describe, expectTypeOf, it } from 'vitest'

import type { DurableExecutionError } from './errors'
import type { FinishedTaskExecution, TaskExecution } from './execution/execution'
import { DurableExecutor, type EnqueueOptions } from './executor'
import type { TaskExecutionHandle } from './handle'
import { InMemoryTaskExecutionsStorage } from './storage/in-memory'
import type { TaskExecutionsStorage } from './storage/storage'
import { childTask } from './task/children'
import type { Task } from './task/task'

const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage())

const add = executor.task({
  id: 'add',
  timeoutMs: 1,
  run: (_ctx, input: { a: number; b: number }) => input.a + input.b,
})
const nothing = executor.task({ id: 'nothing', timeoutMs: 1, run: () => 'done' })
const nothingTyped = {} as Task<undefined, string>
const voidTyped = {} as Task<void, string>
const optional = executor.task({
  id: 'optional',
  timeoutMs: 1,
  run: (_ctx, input: string | undefined) => input ?? '',
})
const nullable = executor.task({
  id: 'nullable',
  timeoutMs: 1,
  run: (_ctx, input: string | null) => input,
})

describe('enqueueTask', () => {
  it('answers a handle of the output', async () => {
    const handle = await executor.enqueueTask(add, { a: 1, b: 2 })
    expectTypeOf(handle).toEqualTypeOf<TaskExecutionHandle<number>>()
    expectTypeOf(await handle.waitAndGetOutput()).toEqualTypeOf<number>()
    expectTypeOf(await handle.getExecution()).toEqualTypeOf<TaskExecution<number>>()
    expectTypeOf(await handle.waitAndGetFinishedExecution()).toEqualTypeOf<
      FinishedTaskExecution<number>
    >()
  })

  it('checks the input', () => {
    // @ts-expect-error -- b is missing
    void executor.enqueueTask(add, { a: 1 })
    // @ts-expect-error -- text is no number
    void executor.enqueueTask(add, { a: 1, b: '2' })
    // @ts-expect-error -- null is not undefined
    void executor.enqueueTask(optional, null)
  })

  it('may leave the input out exactly when undefined fits', () => {
    void executor.enqueueTask(nothing)
    void executor.enqueueTask(nothingTyped)
    void executor.enqueueTask(voidTyped)
    void executor.enqueueTask(optional)
    void executor.enqueueTask(optional, 'text')
    void executor.enqueueTask(nothing, undefined, { sleepMsBeforeRun: 5 })
    // @ts-expect-error -- the input is missing
    void executor.enqueueTask(add)
    // @ts-expect-error -- null is not undefined
    void executor.enqueueTask(nullable)
    // @ts-expect-error -- a sleeping task needs its unique id
    void executor.enqueueTask({} as Task<string, number>)
  })

  it('checks the options', () => {
    void executor.enqueueTask(nothing, undefined, {
      executionId: 'mine',
      retryOptions: { maxAttempts: 1 },
      sleepMsBeforeRun: 1,
      timeoutMs: 1,
      queue: 'slow',
      transaction: undefined,
    })
    // @ts-expect-error -- there is no such option
    void executor.enqueueTask(nothing, undefined, { delay: 5 })
  })
})

describe('the option transaction', () => {
  it('does not exist for a storage that has none', () => {
    expectTypeOf<EnqueueOptions['transaction']>().toEqualTypeOf<undefined>()
    // @ts-expect-error -- the storage in memory has no transactions
    void executor.enqueueTask(nothing, undefined, { transaction: {} })
  })

  it('has the type that the storage says', () => {
    interface MyTransaction {
      readonly query: (sql: string) => void
    }
    const storage = {} as TaskExecutionsStorage<MyTransaction>
    const withTransactions = new DurableExecutor(storage)
    expectTypeOf(withTransactions).toEqualTypeOf<DurableExecutor<MyTransaction>>()
    const transaction = {} as MyTransaction
    void withTransactions.enqueueTask(nothing, undefined, { transaction })
    // @ts-expect-error -- this is none of its transactions
    void withTransactions.enqueueTask(nothing, undefined, { transaction: 'begin' })
  })
})

describe('enqueueTasks', () => {
  it('answers a tuple of handles for a tuple', async () => {
    const handles = await executor.enqueueTasks([
      childTask(add, { a: 1, b: 2 }),
      childTask(nothing),
    ])
    expectTypeOf(handles).toEqualTypeOf<
      [TaskExecutionHandle<number>, TaskExecutionHandle<string>]
    >()
  })

  it('answers an array of handles for an array', async () => {
    const children = [1, 2].map((a) => childTask(add, { a, b: 0 }))
    expectTypeOf(await executor.enqueueTasks(children)).toEqualTypeOf<
      TaskExecutionHandle<number>[]
    >()
  })
})

describe('getTaskExecutionHandle', () => {
  it('answers a handle of the output', async () => {
    expectTypeOf(await executor.getTaskExecutionHandle(add, 'te_1')).toEqualTypeOf<
      TaskExecutionHandle<number>
    >()
  })
})

describe('an execution', () => {
  it('has only the fields of its status', () => {
    const execution = {} as TaskExecution<number>
    // @ts-expect-error -- it may not have finished
    void execution.output
    switch (execution.status) {
      case 'ready':
        expectTypeOf(execution.startAt).toEqualTypeOf<Date>()
        expectTypeOf(execution.prevError).toEqualTypeOf<DurableExecutionError | undefined>()
        break
      case 'running':
        expectTypeOf(execution.startedAt).toEqualTypeOf<Date>()
        // @ts-expect-error -- it has no output yet
        void execution.output
        break
      case 'waiting_for_children':
        expectTypeOf(execution.activeChildrenCount).toEqualTypeOf<number>()
        break
      case 'waiting_for_finalize':
        // @ts-expect-error -- it has no end yet
        void execution.finishedAt
        break
      case 'completed':
        expectTypeOf(execution.output).toEqualTypeOf<number>()
        expectTypeOf(execution.finishedAt).toEqualTypeOf<Date>()
        // @ts-expect-error -- it has no error
        void execution.error
        break
      case 'failed':
      case 'timed_out':
      case 'finalize_failed':
      case 'cancelled':
        expectTypeOf(execution.error).toEqualTypeOf<DurableExecutionError>()
        break
      default:
        expectTypeOf(execution).toBeNever()
    }
  })
})

describe('an executor', () => {
  it('can be disposed of', () => {
    expectTypeOf(executor).toExtend<AsyncDisposable>()
  })
})
