import { describe, expectTypeOf, it } from 'vitest'

import type { DurableExecutionError } from '../errors'
import { DurableExecutor } from '../executor'
import { InMemoryTaskExecutionsStorage } from '../storage/in-memory'
import { childTask, type ChildTask, type ErroredChild, type FinishedChild } from './children'
import type { AnyTask, InferTaskOutput, Task } from './task'

declare function outputOf<TTask extends AnyTask>(task: TTask): InferTaskOutput<TTask>

const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage())

const countTask = executor.task({
  id: 'count',
  timeoutMs: 1,
  run: (_ctx, text: string) => text.length,
})
const nameTask = executor.task({ id: 'name', timeoutMs: 1, run: (_ctx, _id: number) => 'name' })
const optionalTask = executor.task({
  id: 'optional',
  timeoutMs: 1,
  run: (_ctx, text?: string) => text,
})
const nothingTask = executor.task({ id: 'nothing', timeoutMs: 1, run: () => true })

describe('childTask', () => {
  it('remembers its task', () => {
    expectTypeOf(childTask(countTask, 'a')).toEqualTypeOf<ChildTask<Task<string, number>>>()
  })

  it('checks its input', () => {
    childTask(countTask, 'a', { timeoutMs: 5, queue: 'slow' })
    // @ts-expect-error -- the input is text
    childTask(countTask, 5)
    // @ts-expect-error -- the input can't be left out
    childTask(countTask)
    // @ts-expect-error -- there is no such option
    childTask(countTask, 'a', { timeout: 5 })
    // @ts-expect-error -- only an enqueue has an id of its own
    childTask(countTask, 'a', { executionId: 'mine' })
  })

  it('may leave the input out exactly when undefined fits', () => {
    childTask(optionalTask)
    childTask(optionalTask, 'a')
    childTask(nothingTask)
    childTask(nothingTask, undefined, { sleepMsBeforeRun: 5 })
    // @ts-expect-error -- neither text nor undefined
    childTask(optionalTask, 5)
  })
})

describe('children in a finalize', () => {
  it('are a tuple with the output type of each', () => {
    const parent = executor.parentTask({
      id: 'tuple',
      timeoutMs: 1,
      runParent: (_ctx, input: { id: number }) => ({
        output: input.id,
        children: [childTask(countTask, 'a'), childTask(nameTask, 1)],
      }),
      finalize: ({ output, children }) => {
        expectTypeOf(output).toEqualTypeOf<number>()
        expectTypeOf(children).toEqualTypeOf<[FinishedChild<number>, FinishedChild<string>]>()
        const [count, name] = children
        if (count.status === 'completed') expectTypeOf(count.output).toEqualTypeOf<number>()
        else expectTypeOf(count.error).toEqualTypeOf<DurableExecutionError>()
        if (name.status === 'completed') expectTypeOf(name.output).toEqualTypeOf<string>()
        // @ts-expect-error -- there is no third child
        void children[2]
        return { sum: 1n }
      },
    })
    expectTypeOf(parent).toEqualTypeOf<Task<{ id: number }, { sum: bigint }>>()
  })

  it('are an array of one kind for an array of one kind', () => {
    const parent = executor.parentTask({
      id: 'array',
      timeoutMs: 1,
      runParent: async (_ctx, texts: readonly string[]) => {
        await Promise.resolve()
        return { output: 'own', children: texts.map((text) => childTask(countTask, text)) }
      },
      finalize: ({ output, children }) => {
        expectTypeOf(output).toEqualTypeOf<string>()
        expectTypeOf(children).toEqualTypeOf<FinishedChild<number>[]>()
        return children.map((child) => (child.status === 'completed' ? child.output : 0))
      },
    })
    expectTypeOf(parent).toEqualTypeOf<Task<readonly string[], number[]>>()
  })

  it('are an array of a union for an array of several kinds', () => {
    executor.parentTask({
      id: 'union',
      timeoutMs: 1,
      runParent: (_ctx, isLong: boolean) => {
        const children = isLong ? [childTask(countTask, 'a')] : [childTask(nameTask, 1)]
        return { output: 1, children }
      },
      finalize: ({ children }) => {
        const [first] = children
        if (first?.status === 'completed') {
          expectTypeOf(first.output).toEqualTypeOf<number | string>()
        }
        return 1
      },
    })
  })

  it('are typed where children are plain objects', () => {
    executor.parentTask({
      id: 'plain',
      timeoutMs: 1,
      runParent: () => ({ output: 1, children: [{ task: countTask, input: 'a' }] }),
      finalize: ({ children }) => {
        expectTypeOf(children).toEqualTypeOf<[FinishedChild<number>]>()
      },
    })
  })

  it('may be none', () => {
    const parent = executor.parentTask({
      id: 'none',
      timeoutMs: 1,
      runParent: () => ({ output: 'own', children: [] }),
      finalize: ({ children }) => {
        expectTypeOf(children).toEqualTypeOf<[]>()
        return children.length
      },
    })
    expectTypeOf(parent).toEqualTypeOf<Task<unknown, 0>>()
  })

  it('are typed in a finalize that is task options', () => {
    const parent = executor.parentTask({
      id: 'options',
      timeoutMs: 1,
      runParent: (_ctx, _input: string) => ({ output: 1, children: [childTask(countTask, 'a')] }),
      finalize: {
        id: 'options_end',
        timeoutMs: 1,
        retryOptions: { maxAttempts: 2 },
        run: (ctx, { output, children }) => {
          expectTypeOf(ctx.executionId).toEqualTypeOf<string>()
          expectTypeOf(output).toEqualTypeOf<number>()
          expectTypeOf(children).toEqualTypeOf<[FinishedChild<number>]>()
          return 'done'
        },
      },
    })
    expectTypeOf(parent).toEqualTypeOf<Task<string, string>>()
  })

  it('are typed in a finalize that is a parent, and in its own finalize', () => {
    const parent = executor.parentTask({
      id: 'nested',
      timeoutMs: 1,
      runParent: (_ctx, _input: string) => ({ output: 1, children: [childTask(countTask, 'a')] }),
      finalize: {
        id: 'nested_end',
        timeoutMs: 1,
        runParent: (_ctx, { output, children }) => {
          expectTypeOf(output).toEqualTypeOf<number>()
          expectTypeOf(children).toEqualTypeOf<[FinishedChild<number>]>()
          return { output: 'inner', children: [childTask(nameTask, 1), childTask(nothingTask)] }
        },
        finalize: ({ output, children }) => {
          expectTypeOf(output).toEqualTypeOf<string>()
          expectTypeOf(children).toEqualTypeOf<[FinishedChild<string>, FinishedChild<boolean>]>()
          return new Date()
        },
      },
    })
    expectTypeOf(parent).toEqualTypeOf<Task<string, Date>>()
  })

  it('are the output of a finalize that is a parent without one', () => {
    const parent = executor.parentTask({
      id: 'nested_bare',
      timeoutMs: 1,
      runParent: (_ctx, _input: string) => ({ output: 1, children: [childTask(countTask, 'a')] }),
      finalize: {
        id: 'nested_bare_end',
        timeoutMs: 1,
        runParent: (_ctx, { output, children }) => {
          expectTypeOf(output).toEqualTypeOf<number>()
          expectTypeOf(children).toEqualTypeOf<[FinishedChild<number>]>()
          return { output: 'inner', children: [childTask(nameTask, 1)] }
        },
      },
    })
    expectTypeOf(outputOf(parent).output).toEqualTypeOf<string>()
    expectTypeOf(outputOf(parent).children).toEqualTypeOf<[FinishedChild<string>]>()
  })

  it('are typed in a nested finalize of a parent with a checked input', () => {
    const parent = executor
      .validateInput((text: string) => text.length)
      .parentTask({
        id: 'checked',
        timeoutMs: 1,
        runParent: (_ctx, length) => ({ output: length, children: [childTask(countTask, 'a')] }),
        finalize: {
          id: 'checked_end',
          timeoutMs: 1,
          runParent: (_ctx, { output, children }) => {
            expectTypeOf(output).toEqualTypeOf<number>()
            expectTypeOf(children).toEqualTypeOf<[FinishedChild<number>]>()
            return { output: 'inner', children: [childTask(nameTask, 1)] }
          },
          finalize: ({ output, children }) => {
            expectTypeOf(output).toEqualTypeOf<string>()
            expectTypeOf(children).toEqualTypeOf<[FinishedChild<string>]>()
            return 1n
          },
        },
      })
    expectTypeOf(parent).toEqualTypeOf<Task<string, bigint>>()
  })

  it('are the output of a parent without one', () => {
    const parent = executor.parentTask({
      id: 'bare',
      timeoutMs: 1,
      runParent: () => ({
        output: 'own',
        children: [childTask(countTask, 'a'), childTask(nameTask, 1)],
      }),
    })
    expectTypeOf(outputOf(parent).children).toEqualTypeOf<
      [FinishedChild<number>, FinishedChild<string>]
    >()
    expectTypeOf(outputOf(parent).output).toEqualTypeOf<string>()
  })
})

describe('a finished child', () => {
  it('is told apart by its status', () => {
    const child = {} as FinishedChild<number>
    if (child.status === 'completed') {
      expectTypeOf(child.output).toEqualTypeOf<number>()
      // @ts-expect-error -- a completed child has no error
      void child.error
    } else {
      expectTypeOf(child).toEqualTypeOf<ErroredChild>()
      // @ts-expect-error -- an errored child has no output
      void child.output
    }
  })
})

describe('a parent', () => {
  it('has either a function or children', () => {
    executor.parentTask({
      id: 'mixed',
      timeoutMs: 1,
      runParent: () => ({ output: 1, children: [] }),
      // @ts-expect-error -- a parent has no run
      run: () => 1,
    })
    // @ts-expect-error -- a parent returns its children
    executor.parentTask({ id: 'childless', timeoutMs: 1, runParent: () => ({ output: 1 }) })
    executor.parentTask({
      id: 'odd',
      timeoutMs: 1,
      // @ts-expect-error -- a child is made of a task
      runParent: () => ({ output: 1, children: ['count'] }),
    })
  })
})
