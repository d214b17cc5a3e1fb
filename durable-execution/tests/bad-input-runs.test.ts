/** What user functions return and throw: whatever it is, it ends in the execution's own row, and is not tried again in vain. */
import { describe, expect, it, vi } from 'vitest'

import {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionTimedOutError,
} from '../src/index'
import { itEnds, retryOptions, runTask, timeoutMs, type Kit } from './support/endings'
import { createCycle, createHostile, untyped, untypedChildTask } from './support/refusals'
import { createWorld } from './support/world'

describe('a task that returns', () => {
  const returning = (value: unknown) => (kit: Kit) =>
    kit.executor.task({ id: 'sum', timeoutMs, retryOptions, run: () => value })

  itEnds(
    'failed',
    { code: 'not_serializable', begins: 'Output of task sum cannot be serialized: ' },
    [
      [
        'a function',
        returning(() => 1),
        'it is a function; use plain data, or a serializer that knows it',
      ],
      [
        'a symbol',
        returning(Symbol('out')),
        'it is a symbol; use plain data, or a serializer that knows it',
      ],
      [
        'a promise within',
        returning({ pages: [Promise.resolve(1)] }),
        'it holds a promise: await it first; use plain data, or a serializer that knows it',
      ],
      [
        'what throws',
        returning(
          Object.freeze({
            get page(): number {
              throw new RangeError('no page')
            },
          }),
        ),
        'no page; use plain data, or a serializer that knows it',
      ],
      [
        'what throws what is no error',
        returning({
          get page(): number {
            throw untyped<Error>(7)
          },
        }),
        '7; use plain data, or a serializer that knows it',
      ],
      [
        'a key of the prototype',
        returning(JSON.parse('{"__proto__":{"isAdmin":true}}')),
        'Detected property __proto__. This is a prototype pollution risk, please remove it from your object; use plain data, or a serializer that knows it',
      ],
    ],
  )

  itEnds('failed', { code: 'too_large' }, [
    [
      'what is too large',
      returning('a'.repeat(2 ** 21)),
      'Output of task sum is too large: 2097163 bytes, of which 1048576 are allowed; store it elsewhere and pass a reference, or raise maxSerializedOutputDataSize',
    ],
  ])

  const finalizing = (value: unknown) => (kit: Kit) =>
    kit.executor.parentTask({
      id: 'sum',
      timeoutMs,
      runParent: () => ({ children: [untypedChildTask(kit.child)] }),
      finalize: () => value,
    })
  itEnds('finalize_failed', { code: 'not_serializable', begins: 'Output of task sum_finalize ' }, [
    [
      'a function, as a finalize',
      finalizing(() => 1),
      'cannot be serialized: it is a function; use plain data, or a serializer that knows it',
    ],
    [
      'a promise within, as a finalize',
      finalizing([Promise.resolve(1)]),
      'cannot be serialized: it holds a promise: await it first; use plain data, or a serializer that knows it',
    ],
  ])
})

describe('a serializer that', () => {
  const add = ({ executor }: Kit): unknown =>
    executor.task({ id: 'sum', timeoutMs, retryOptions, run: () => 'out' })
  /** Does this with the output, and JSON with everything else. */
  const of = (serialize: (value: unknown) => unknown, deserialize: (text: string) => unknown) => ({
    serializer: {
      serialize: (value: unknown) =>
        untyped<string>(value === 'out' ? serialize(value) : JSON.stringify(value)),
      deserialize,
    },
  })
  const refuse = (): never => {
    throw new Error('out of order')
  }

  describe.each([
    [
      'throws',
      of(refuse, JSON.parse),
      'out of order; use plain data, or a serializer that knows it',
    ],
    [
      'answers nothing',
      of(() => undefined, JSON.parse),
      'the serializer returned undefined instead of text; its serialize must return a string',
    ],
    [
      'answers null',
      of(() => null, JSON.parse),
      'the serializer returned object instead of text; its serialize must return a string',
    ],
    [
      'answers an object, as superjson does',
      of(() => ({ json: 1 }), JSON.parse),
      'the serializer returned object instead of text; its serialize must return a string',
    ],
    [
      'answers bytes',
      of(() => Buffer.from('out'), JSON.parse),
      'the serializer returned object instead of text; its serialize must return a string',
    ],
    [
      'answers later',
      of((value) => Promise.resolve(value), JSON.parse),
      'the serializer returned object instead of text; its serialize must return a string',
    ],
  ])('%s', (_name, options, ends) => {
    const begins = 'Output of task sum cannot be serialized: '
    itEnds('failed', { code: 'not_serializable', begins }, [['fails the task', add, ends]], options)
  })

  it('refuses the input refuses the enqueue', async () => {
    const { executor } = createWorld().add(of(refuse, refuse))
    const task = executor.task({ id: 'sum', timeoutMs, run: (_ctx, text: string) => text })
    await expect(executor.enqueueTask(task, 'out')).rejects.toMatchObject({
      code: 'not_serializable',
      isRetryable: false,
      message:
        'Input of task sum cannot be serialized: out of order; use plain data, or a serializer that knows it',
    })
  })
})

describe('a task that throws', () => {
  /** Fields of any type, and getters that throw. */
  class OddError extends DurableExecutionError {
    constructor() {
      super('odd')
      Object.defineProperty(this, 'isRetryable', { value: 'no' })
      Object.defineProperty(this, 'isInternal', { value: { yes: 1n } })
      Object.defineProperty(this, 'code', { value: 5n })
      Object.defineProperty(this, 'retryAfterMs', { value: 'soon' })
    }
  }
  class BrokenError extends DurableExecutionError {
    constructor() {
      super('broken')
      for (const key of ['message', 'isRetryable', 'isInternal', 'code', 'retryAfterMs']) {
        Object.defineProperty(this, key, {
          get: () => Reflect.get(createHostile(), key) as unknown,
        })
      }
    }
  }
  const impatient = DurableExecutionError.retryable('busy', { retryAfterMs: 1e300 })

  it.each([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['empty text', '', 'an error without a message'],
    ['false', false, 'false'],
    ['a big integer', 5n, '5'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a function', () => 1, '() => 1'],
    ['a list', [1], '[1]'],
    ['an object that contains itself', createCycle(), 'an error whose message cannot be read'],
    ['a date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ['what refuses everything', createHostile(), 'an error whose message cannot be read'],
    ['an error without text', new Error(''), 'Error'],
    [
      'an error without text and name',
      Object.assign(new Error(''), { name: '' }),
      'an error without a message',
    ],
    ['an error of ours with odd fields', new OddError(), 'odd'],
  ])('is tried again, and keeps what it threw: %s', async (_name, thrown, message) => {
    // No mock: those look at what is thrown.
    const run = (): never => {
      throw thrown as Error
    }
    const { execution } = await runTask(({ executor }) =>
      executor.task({ id: 'sum', timeoutMs, retryOptions: { maxAttempts: 1 }, run }),
    )
    expect(execution).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { message, code: 'generic', isRetryable: true },
    })
  })

  it.each([
    ['one of ours that says so', DurableExecutionError.nonRetryable('no'), 'failed', 'generic'],
    ['one that was cancelled', new DurableExecutionCancelledError(), 'cancelled', 'cancelled'],
    ['one of ours that is broken', new BrokenError(), 'failed', 'generic'],
    [
      'one with a code of its own',
      DurableExecutionError.nonRetryable('no', untyped({ code: 'out_of_stock' })),
      'failed',
      'out_of_stock',
    ],
  ])('is not tried again where it is of no use: %s', async (_name, thrown, status, code) => {
    const run = vi.fn(() => Promise.reject(thrown))
    const { execution } = await runTask(({ executor }) =>
      executor.task({ id: 'sum', timeoutMs, retryOptions, run }),
    )
    expect(execution).toMatchObject({ status, attempt: 0, error: { code, isRetryable: false } })
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('a time-out of its own ends timed out, after its retries', async () => {
    const { execution } = await runTask(({ executor }) =>
      executor.task({
        id: 'sum',
        timeoutMs,
        retryOptions,
        run: () => Promise.reject(new DurableExecutionTimedOutError()),
      }),
    )
    expect(execution).toMatchObject({ status: 'timed_out', attempt: 3 })
  })

  it('an error that asks for endless patience waits for a time that a storage knows', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const run = () => Promise.reject(impatient)
    const task = executor.task({ id: 'sum', timeoutMs, retryOptions, run })
    const handle = await executor.enqueueTask(task)
    await world.environment.advanceBy(100)
    const execution = await handle.getExecution()
    expect(execution).toMatchObject({ status: 'ready', attempt: 1 })
    const startAt = untyped<{ startAt: Date }>(execution).startAt.getTime()
    expect(startAt - world.environment.now()).toBeGreaterThan(99 * 365 * 86_400_000)
  })
})

describe('a loop', () => {
  const looping = (iteration: unknown, sleep?: unknown) => (kit: Kit) =>
    kit.executor.loopingTask(
      'again',
      kit.executor.task({ id: 'once', timeoutMs, retryOptions, run: () => iteration }),
      3,
      sleep,
    )
  const onward = { isDone: false }

  itEnds(
    'finalize_failed',
    { code: 'invalid_task', begins: 'Iteration 0 of loop again returned ' },
    [
      [
        'whose iteration returns nothing',
        looping(undefined),
        'undefined: expected { isDone: true, output } or { isDone: false }',
      ],
      [
        'whose iteration returns a number',
        looping(5),
        '5: expected { isDone: true, output } or { isDone: false }',
      ],
      [
        'whose iteration returns text',
        looping('done'),
        '"done": expected { isDone: true, output } or { isDone: false }',
      ],
      [
        'whose iteration does not say whether it is done',
        looping({ output: 1 }),
        '{"output":1}: expected { isDone: true, output } or { isDone: false }',
      ],
      [
        'whose iteration is done with text',
        looping({ isDone: 'yes', output: 1 }),
        '{"isDone":"yes","output":1}: expected { isDone: true, output } or { isDone: false }',
      ],
      [
        'whose iteration is done with null',
        looping({ isDone: null }),
        '{"isDone":null}: expected { isDone: true, output } or { isDone: false }',
      ],
    ],
  )

  const begins = 'Invalid sleep ms before run for task again: for iteration 1 its function '
  itEnds('finalize_failed', { code: 'invalid_task', begins }, [
    [
      'whose sleep is none',
      looping(onward, () => undefined),
      'returned undefined; expected a number of at least 0 and at most 3153600000000',
    ],
    [
      'whose sleep is negative',
      looping(onward, () => -1),
      'returned -1; expected a number of at least 0 and at most 3153600000000',
    ],
    [
      'whose sleep is no number',
      looping(onward, () => NaN),
      'returned NaN; expected a number of at least 0 and at most 3153600000000',
    ],
    [
      'whose sleep is endless',
      looping(onward, () => Infinity),
      'returned Infinity; expected a number of at least 0 and at most 3153600000000',
    ],
    [
      'whose sleep is beyond all dates',
      looping(onward, () => 1e300),
      'returned 1e+300; expected a number of at least 0 and at most 3153600000000',
    ],
    [
      'whose sleep is told later',
      looping(onward, () => Promise.resolve(5)),
      'returned a Promise; expected a number of at least 0 and at most 3153600000000',
    ],
    [
      'whose sleep throws',
      looping(onward, () => {
        throw new Error('no idea')
      }),
      'threw: no idea; expected a number of at least 0 and at most 3153600000000',
    ],
  ])
})
