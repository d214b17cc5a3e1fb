import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'

import { DurableExecutor } from '../executor'
import { InMemoryTaskExecutionsStorage } from '../storage/in-memory'
import { childTask, type FinishedChild } from './children'
import type { LoopOutput } from './define'
import type { AnyTask, InferTaskInput, InferTaskOutput, Task } from './task'

const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage())

const parse = executor.task({
  id: 'parse',
  timeoutMs: 1,
  run: (_ctx, text: string) => Number(text),
})
const double = executor.task({
  id: 'double',
  timeoutMs: 1,
  run: (_ctx, value: number) => value * 2,
})
const print = executor.task({ id: 'print', timeoutMs: 1, run: (_ctx, value: number) => `${value}` })
const greet = executor.task({
  id: 'greet',
  timeoutMs: 1,
  run: (_ctx, user: { name: string }) => user.name,
})
const user = executor.task({
  id: 'user',
  timeoutMs: 1,
  run: (_ctx, name: string) => Promise.resolve({ name, age: 5 }),
})

describe('a task', () => {
  it('has the types of its function', () => {
    expectTypeOf(parse).toEqualTypeOf<Task<string, number>>()
    expectTypeOf(user).toEqualTypeOf<Task<string, { name: string; age: number }>>()
  })

  it('tells its types', () => {
    expectTypeOf<InferTaskInput<typeof user>>().toEqualTypeOf<string>()
    expectTypeOf<InferTaskOutput<typeof user>>().toEqualTypeOf<{ name: string; age: number }>()
    expectTypeOf<InferTaskInput<string>>().toBeNever()
    expectTypeOf<InferTaskOutput<string>>().toBeNever()
  })

  it('is any task, and fits where less is given and more is taken', () => {
    expectTypeOf(parse).toExtend<AnyTask>()
    expectTypeOf(user).toExtend<Task<string, { name: string }>>()
    expectTypeOf<Task<string | number, string>>().toExtend<Task<string, string>>()
    expectTypeOf<Task<string, string>>().not.toExtend<Task<string | number, string>>()
  })

  it('needs an id, a time-out and a function', () => {
    // @ts-expect-error -- the time-out is missing
    executor.task({ id: 'a', run: () => 1 })
    // @ts-expect-error -- the function is missing
    executor.task({ id: 'a', timeoutMs: 1 })
    // @ts-expect-error -- runParent is of a parent
    executor.task({ id: 'a', timeoutMs: 1, run: () => 1, runParent: () => 1 })
  })

  it('takes every option as undefined', () => {
    executor.task({
      id: 'a',
      timeoutMs: 1,
      retryOptions: { maxAttempts: undefined, jitter: undefined },
      sleepMsBeforeRun: undefined,
      queue: undefined,
      run: () => 1,
    })
  })
})

describe('a sequence', () => {
  it('has the input of its first and the output of its last task', () => {
    expectTypeOf(executor.sequentialTasks('s', [parse, double, print])).toEqualTypeOf<
      Task<string, string>
    >()
    expectTypeOf(executor.sequentialTasks('s', [parse])).toEqualTypeOf<Task<string, number>>()
  })

  it('takes an output that has more than the next input needs', () => {
    expectTypeOf(executor.sequentialTasks('s', [user, greet])).toEqualTypeOf<Task<string, string>>()
  })

  it('does not compile where an output does not fit the next input', () => {
    // @ts-expect-error -- a number is no text
    executor.sequentialTasks('s', [parse, parse])
    // @ts-expect-error -- the second and the third do not fit
    executor.sequentialTasks('s', [parse, print, double])
    // @ts-expect-error -- the last does not fit
    executor.sequentialTasks('s', [parse, double, double, greet])
    // @ts-expect-error -- a name alone is no user
    executor.sequentialTasks('s', [greet, greet])
  })

  it('is made of tasks', () => {
    // @ts-expect-error -- text is no task
    executor.sequentialTasks('s', ['parse'])
  })

  it('composes: a sequence of sequences and of parents', () => {
    const inner = executor.sequentialTasks('inner', [parse, double])
    const parent = executor.parentTask({
      id: 'p',
      timeoutMs: 1,
      runParent: (_ctx, value: number) => ({ output: value, children: [childTask(print, value)] }),
      finalize: ({ children: [child] }) => (child.status === 'completed' ? child.output : ''),
    })
    expectTypeOf(executor.sequentialTasks('outer', [inner, parent, parse])).toEqualTypeOf<
      Task<string, number>
    >()
    // @ts-expect-error -- the parent gives text
    executor.sequentialTasks('outer', [inner, parent, double])
  })

  it('may be a list whose length is not known, of tasks that fit themselves', () => {
    const doubles = Array.from({ length: 3 }, () => double)
    expectTypeOf(executor.sequentialTasks('s', doubles)).toEqualTypeOf<Task<number, number>>()
    const parses = Array.from({ length: 3 }, () => parse)
    // @ts-expect-error -- a number is no text
    executor.sequentialTasks('s', parses)
  })
})

describe('a checked input', () => {
  it('by a function: the task takes what it takes, the function gets what it returns', () => {
    const task = executor
      .validateInput((text: string) => Promise.resolve(text.length))
      .task({
        id: 'a',
        timeoutMs: 1,
        run: (_ctx, length) => {
          expectTypeOf(length).toEqualTypeOf<number>()
          return [length]
        },
      })
    expectTypeOf(task).toEqualTypeOf<Task<string, number[]>>()
  })

  it('by a schema: the task takes its input, the function gets its output', () => {
    const schema = z.object({ count: z.string().transform(Number), note: z.string().default('') })
    const task = executor.inputSchema(schema).task({
      id: 'a',
      timeoutMs: 1,
      run: (_ctx, input) => {
        expectTypeOf(input).toEqualTypeOf<{ count: number; note: string }>()
        return input.note
      },
    })
    expectTypeOf(task).toEqualTypeOf<Task<{ count: string; note?: string | undefined }, string>>()
  })

  it('of a parent', () => {
    const task = executor.inputSchema(z.array(z.coerce.number())).parentTask({
      id: 'a',
      timeoutMs: 1,
      runParent: (_ctx, numbers) => {
        expectTypeOf(numbers).toEqualTypeOf<number[]>()
        return { output: 1, children: numbers.map((value) => childTask(print, value)) }
      },
      finalize: ({ children }) => {
        expectTypeOf(children).toEqualTypeOf<FinishedChild<string>[]>()
        return children.length
      },
    })
    expectTypeOf(task).toEqualTypeOf<Task<unknown[], number>>()
  })

  it('of a sequence: its first task takes what the check returns', () => {
    const builder = executor.validateInput((input: { text: string }) => input.text)
    expectTypeOf(builder.sequentialTasks('s', [parse, print])).toEqualTypeOf<
      Task<{ text: string }, string>
    >()
    // @ts-expect-error -- text is no number
    builder.sequentialTasks('s', [double, print])
  })

  it('of a loop: its iteration takes what the check returns', () => {
    const iteration = executor.task({
      id: 'a',
      timeoutMs: 1,
      run: (_ctx, value: number) => ({ isDone: true as const, output: `${value}` }),
    })
    const builder = executor.validateInput((input: string) => Number(input))
    expectTypeOf(builder.loopingTask('l', iteration, 3)).toEqualTypeOf<
      Task<string, LoopOutput<string>>
    >()
    const other = executor.validateInput((input: string) => input)
    // @ts-expect-error -- text is no number
    other.loopingTask('l', iteration, 3)
  })

  it('is checked by something that can', () => {
    // @ts-expect-error -- no schema
    executor.inputSchema({ type: 'string' })
    // @ts-expect-error -- no function
    executor.validateInput('string')
  })
})

describe('a loop', () => {
  it('takes the input of its iteration and gives its output, or no success', () => {
    const iteration = executor.task({
      id: 'a',
      timeoutMs: 1,
      run: (_ctx, _url: string): { isDone: true; output: number } | { isDone: false } => ({
        isDone: false,
      }),
    })
    const loop = executor.loopingTask('l', iteration, 5, (index) => index * 100)
    expectTypeOf(loop).toEqualTypeOf<Task<string, LoopOutput<number>>>()
    const output = {} as InferTaskOutput<typeof loop>
    if (output.isSuccess) expectTypeOf(output.output).toEqualTypeOf<number>()
    else expectTypeOf(output).toEqualTypeOf<{ readonly isSuccess: false }>()
  })

  it('knows the output of an iteration whose type is inferred', () => {
    const iteration = executor.task({
      id: 'a',
      timeoutMs: 1,
      run: (ctx, url: string) =>
        ctx.attempt === 0
          ? { isDone: false as const }
          : { isDone: true as const, output: url.length },
    })
    expectTypeOf(executor.loopingTask('l', iteration, 5)).toEqualTypeOf<
      Task<string, LoopOutput<number>>
    >()
    const undefinedOnly = executor.task({
      id: 'b',
      timeoutMs: 1,
      run: () => ({ isDone: true as const, output: undefined }),
    })
    expectTypeOf(executor.loopingTask('l', undefinedOnly, 5)).toEqualTypeOf<
      Task<unknown, LoopOutput<undefined>>
    >()
  })

  it('is made of a task that says whether it is done', () => {
    // @ts-expect-error -- a number says nothing
    executor.loopingTask('l', parse, 5)
  })
})

describe('a sleeping task', () => {
  it('takes a unique text and gives what it is woken with', () => {
    const sleeping = executor.sleepingTask<{ ok: boolean }>({ id: 'a', timeoutMs: 1 })
    expectTypeOf(sleeping).toEqualTypeOf<Task<string, { ok: boolean }>>()
  })

  it('has no function and no retries', () => {
    // @ts-expect-error -- nothing runs
    executor.sleepingTask({ id: 'a', timeoutMs: 1, run: () => 1 })
    // @ts-expect-error -- nothing could be retried
    executor.sleepingTask({ id: 'a', timeoutMs: 1, retryOptions: {} })
  })

  it('is woken with an output of its type, or an error', () => {
    const sleeping = executor.sleepingTask<number>({ id: 'a', timeoutMs: 1 })
    void executor.wakeupSleepingTaskExecution(sleeping, 'a', { status: 'completed', output: 1 })
    void executor.wakeupSleepingTaskExecution(sleeping, 'a', { status: 'failed', error: 'no' })
    void executor.wakeupSleepingTaskExecution(sleeping, 'a', {
      status: 'completed',
      // @ts-expect-error -- text is no number
      output: 'no',
    })
    // @ts-expect-error -- a wake-up has an outcome
    void executor.wakeupSleepingTaskExecution(sleeping, 'a', { status: 'cancelled' })
    // @ts-expect-error -- the input of this task is no text
    void executor.wakeupSleepingTaskExecution(double, 'a', { status: 'completed', output: 1 })
  })
})

describe('a recursive task', () => {
  it('is typed where its type is said', () => {
    const tree: Task<number, number> = executor.parentTask({
      id: 'tree',
      timeoutMs: 1,
      runParent: (_ctx, depth: number) => ({
        output: depth,
        children: depth === 0 ? [] : [childTask(tree, depth - 1)],
      }),
      finalize: ({ output, children }) => {
        expectTypeOf(output).toEqualTypeOf<number>()
        const [child] = children
        if (child?.status === 'completed') expectTypeOf(child.output).toEqualTypeOf<number>()
        return output
      },
    })
    expectTypeOf<InferTaskInput<typeof tree>>().toEqualTypeOf<number>()
  })
})
