/** What user functions return and throw: whatever it is, it ends in the execution's own row, and is not tried again in vain. */
import { describe, expect, it, vi } from 'vitest'

import {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionTimedOutError,
  type AnyTask,
  type DurableExecutorOptions,
  type TaskExecutionStatus,
} from '../src/index'
import {
  createCycle,
  createHostile,
  expectRefusal,
  untyped,
  untypedChildTask,
  type Common,
  type UntypedExecutor,
} from './support/refusals'
import { createWorld, eventsOf } from './support/world'

const retryOptions = { maxAttempts: 3 }
const timeoutMs = 1000

/** What a row may use to define its task. */
interface Kit {
  readonly executor: UntypedExecutor
  readonly child: AnyTask
  readonly nap: AnyTask
}

/** Runs a task, and answers how it ended, what is stored, and how often a task called `sum` was run. */
async function runTask(define: (kit: Kit) => unknown, options: DurableExecutorOptions = {}) {
  const world = createWorld()
  const { executor, events } = await world.start(options)
  const child = executor.task({ id: 'child', timeoutMs, run: () => 'done' })
  const nap = executor.sleepingTask({ id: 'nap', timeoutMs })
  const task = define({ executor: untyped(executor), child, nap })
  const handle = await executor.enqueueTask(untyped<AnyTask>(task), untyped<never>('in'))
  const execution = await world.until(handle.waitAndGetFinishedExecution())
  expect(eventsOf(events, 'background_error')).toEqual([])
  expect(executor.getStats().slots.taken).toBe(0)
  return { execution, rows: world.storage.dump() }
}

type Row<TValue = (kit: Kit) => unknown> = readonly [name: string, value: TValue, ends: string]

/** Tasks that end so, at their first attempt and for good. */
function itEnds(
  status: TaskExecutionStatus,
  common: Common,
  rows: readonly Row[],
  options?: DurableExecutorOptions,
): void {
  it.each(rows)('%s', async (_name, define, ends) => {
    const { execution } = await runTask(define, options)
    expect(execution).toMatchObject({ status, attempt: 0 })
    expectRefusal(untyped<{ error: unknown }>(execution).error, common, ends)
  })
}

describe('a parent that returns', () => {
  /** Its function is called once, and no child is stored. */
  function itFails(common: Common, rows: readonly Row[]): void {
    it.each(rows)('%s', async (_name, makeValue, ends) => {
      const runParent = vi.fn()
      const { execution, rows: stored } = await runTask((kit) => {
        runParent.mockImplementation(() => makeValue(kit))
        return kit.executor.parentTask({ id: 'sum', timeoutMs, retryOptions, runParent })
      })
      expect(execution).toMatchObject({ status: 'failed', attempt: 0 })
      expectRefusal(untyped<{ error: unknown }>(execution).error, common, ends)
      expect(runParent).toHaveBeenCalledTimes(1)
      expect(stored).toHaveLength(1)
    })
  }
  const withChild = (makeChild: (kit: Kit) => unknown) => (kit: Kit) => ({
    output: 1,
    children: [untypedChildTask(kit.child), makeChild(kit)],
  })
  const withOptions = (options: unknown) => withChild(({ child }) => ({ task: child, options }))

  itFails({ code: 'invalid_task', begins: 'Invalid run of parent task sum: it returned ' }, [
    ['nothing', () => undefined, '@@'],
    ['null', () => null, '@@'],
    ['a number', () => 5, '@@'],
    ['text', () => 'children', '@@'],
    ['a function', () => () => ({}), '@@'],
    ['a list of children', ({ child }) => [untypedChildTask(child)], '@@'],
    ['an object without children', () => ({ output: 1 }), '@@'],
    ['one child', ({ child }) => ({ output: 1, children: untypedChildTask(child) }), '@@'],
    ['a set of children', () => ({ output: 1, children: new Set() }), '@@'],
    ['children of null', () => ({ output: 1, children: null }), '@@'],
    ['what throws', createCycle, '@@'],
  ])

  itFails({ code: 'invalid_task', begins: 'Invalid run of parent task sum: child 1 ' }, [
    ['nothing among children', withChild(() => undefined), '@@'],
    ['text among children', withChild(() => 'child'), '@@'],
    ['a task among children', withChild(({ child }) => child), '@@'],
    ['a promise among children', withChild(() => Promise.resolve()), '@@'],
    ['a list among children', withChild(({ child }) => [untypedChildTask(child)]), '@@'],
    ['a child of nothing', withChild(() => untypedChildTask()), '@@'],
    ['a child of what throws', withChild(createHostile), '@@'],
    [
      'a child with an option beside its options',
      withChild(({ child }) => ({ task: child, queue: 'a' })),
      '@@',
    ],
  ])

  it('holes among children fails', async () => {
    const { execution } = await runTask(({ executor, child }) =>
      executor.parentTask({
        id: 'sum',
        timeoutMs,
        runParent: () => ({ children: Object.assign([], { 1: untypedChildTask(child) }) }),
      }),
    )
    expect(execution).toMatchObject({
      status: 'failed',
      error: {
        message:
          'Invalid run of parent task sum: child 0 is undefined, expected childTask(task, input)',
      },
    })
  })

  itFails({ code: 'invalid_task', begins: 'Invalid options for task child: ' }, [
    ['a child whose options are null', withOptions(null), '@@'],
    ['a child whose options are a number', withOptions(5000), '@@'],
    ['a child with a typo in its options', withOptions({ timeoutMS: 5 }), '@@'],
    ['a child with an id of its own', withOptions({ executionId: 'mine' }), '@@'],
    ['a child in a transaction', withOptions({ transaction: {} }), '@@'],
    ['a child whose options throw', withOptions(createHostile()), '@@'],
  ])

  itFails({ code: 'invalid_task' }, [
    ['a child with no time', withOptions({ timeoutMs: 0 }), '@@'],
    ['a child with a negative sleep', withOptions({ sleepMsBeforeRun: -1 }), '@@'],
    ['a child with an empty queue', withOptions({ queue: '' }), '@@'],
    ['a child with wrong retries', withOptions({ retryOptions: { maxAttempts: NaN } }), '@@'],
    ['a child with a typo in its retries', withOptions({ retryOptions: { max: 1 } }), '@@'],
    [
      'a sleeping child with retries',
      withChild(({ nap }) => ({ task: nap, input: 'key', options: { retryOptions: {} } })),
      '@@',
    ],
  ])

  itFails({ code: 'not_found' }, [
    ['a child of an unknown task', withChild(() => ({ task: { id: 'unknown' } })), '@@'],
    ['a child of the prototype', withChild(() => ({ task: { id: '__proto__' } })), '@@'],
  ])

  itFails({ code: 'invalid_input' }, [
    ['a sleeping child without its id', withChild(({ nap }) => ({ task: nap })), '@@'],
    ['a sleeping child with an odd id', withChild(({ nap }) => ({ task: nap, input: 5 })), '@@'],
  ])

  itFails({ code: 'not_serializable' }, [
    [
      'a child whose input is a function',
      withChild((kit) => untypedChildTask(kit.child, () => 1)),
      '@@',
    ],
    [
      'a child whose input is a promise',
      withChild((kit) => untypedChildTask(kit.child, Promise.resolve())),
      '@@',
    ],
    ['an output that is a symbol', () => ({ output: Symbol('out'), children: [] }), '@@'],
  ])

  itFails({ code: 'too_large' }, [
    [
      'a child whose input is too large',
      withChild((kit) => untypedChildTask(kit.child, 'a'.repeat(2 ** 21))),
      '@@',
    ],
    ['an output that is too large', () => ({ output: 'a'.repeat(2 ** 21), children: [] }), '@@'],
  ])
})

describe('a task that returns', () => {
  const returning = (value: unknown) => (kit: Kit) =>
    kit.executor.task({ id: 'sum', timeoutMs, retryOptions, run: () => value })

  itEnds(
    'failed',
    { code: 'not_serializable', begins: 'Output of task sum cannot be serialized: ' },
    [
      ['a function', returning(() => 1), '@@'],
      ['a symbol', returning(Symbol('out')), '@@'],
      ['a promise within', returning({ pages: [Promise.resolve(1)] }), '@@'],
      [
        'what throws',
        returning(
          Object.freeze({
            get page(): number {
              throw new RangeError('no page')
            },
          }),
        ),
        '@@',
      ],
      [
        'what throws what is no error',
        returning({
          get page(): number {
            throw untyped<Error>(7)
          },
        }),
        '@@',
      ],
      ['a key of the prototype', returning(JSON.parse('{"__proto__":{"isAdmin":true}}')), '@@'],
    ],
  )

  itEnds('failed', { code: 'too_large' }, [
    ['what is too large', returning('a'.repeat(2 ** 21)), '@@'],
  ])

  const finalizing = (value: unknown) => (kit: Kit) =>
    kit.executor.parentTask({
      id: 'sum',
      timeoutMs,
      runParent: () => ({ children: [untypedChildTask(kit.child)] }),
      finalize: () => value,
    })
  itEnds('finalize_failed', { code: 'not_serializable', begins: 'Output of task sum_finalize ' }, [
    ['a function, as a finalize', finalizing(() => 1), '@@'],
    ['a promise within, as a finalize', finalizing([Promise.resolve(1)]), '@@'],
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

  itEnds(
    'failed',
    { code: 'not_serializable', begins: 'Input of execution ' },
    [
      [
        'cannot read what it wrote fails the task',
        (kit) => kit.executor.task({ id: 'sum', timeoutMs, retryOptions, run: () => 1 }),
        '@@',
      ],
    ],
    of(String, refuse),
  )
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
        Object.defineProperty(this, key, { get: () => createHostile().toString() })
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
    const run = vi.fn(() => {
      throw thrown as Error
    })
    const { execution } = await runTask(({ executor }) =>
      executor.task({ id: 'sum', timeoutMs, retryOptions: { maxAttempts: 1 }, run }),
    )
    expect(execution).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { message, code: 'generic', isRetryable: true },
    })
    expect(run).toHaveBeenCalledTimes(2)
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
      ['whose iteration returns nothing', looping(undefined), '@@'],
      ['whose iteration returns a number', looping(5), '@@'],
      ['whose iteration returns text', looping('done'), '@@'],
      ['whose iteration does not say whether it is done', looping({ output: 1 }), '@@'],
      ['whose iteration is done with text', looping({ isDone: 'yes', output: 1 }), '@@'],
      ['whose iteration is done with null', looping({ isDone: null }), '@@'],
    ],
  )

  const begins = 'Invalid sleep ms before run for task again: for iteration 1 its function '
  itEnds('finalize_failed', { code: 'invalid_task', begins }, [
    ['whose sleep is none', looping(onward, () => undefined), '@@'],
    ['whose sleep is negative', looping(onward, () => -1), '@@'],
    ['whose sleep is no number', looping(onward, () => NaN), '@@'],
    ['whose sleep is endless', looping(onward, () => Infinity), '@@'],
    ['whose sleep is beyond all dates', looping(onward, () => 1e300), '@@'],
    ['whose sleep is told later', looping(onward, () => Promise.resolve(5)), '@@'],
    [
      'whose sleep throws',
      looping(onward, () => {
        throw new Error('no idea')
      }),
      '@@',
    ],
  ])
})

describe('a check of the input that', () => {
  const checking = (check: (executor: UntypedExecutor) => unknown) => (kit: Kit) =>
    untyped<UntypedExecutor>(check(kit.executor)).task({
      id: 'sum',
      timeoutMs,
      retryOptions,
      run: () => 1,
    })
  const answering = (result: unknown) =>
    checking((executor) => executor.inputSchema({ '~standard': { validate: () => result } }))
  const throwing = (thrown: unknown) =>
    checking((executor) =>
      executor.validateInput(() => {
        throw thrown as Error
      }),
    )

  itEnds('failed', { code: 'invalid_input', begins: 'Invalid input to task sum: ' }, [
    ['answers nothing', answering(undefined), '@@'],
    ['answers null', answering(null), '@@'],
    ['answers text', answering('fine'), '@@'],
    ['answers true', answering(true), '@@'],
    ['answers issues that are no list', answering({ issues: 'wrong' }), '@@'],
    ['answers a list of no issues', answering({ issues: [] }), '@@'],
  ])

  it.each([
    ['text', 'expected a number', 'expected a number'],
    ['nothing', undefined, 'undefined'],
    ['what refuses everything', createHostile(), 'an error whose message cannot be read'],
    ['an error that could be retried', DurableExecutionError.retryable('busy'), 'busy'],
  ])('throws %s fails the execution, at once and for good', async (_name, thrown, message) => {
    const { execution } = await runTask(throwing(thrown))
    expect(execution).toMatchObject({
      status: 'failed',
      attempt: 0,
      error: {
        code: 'invalid_input',
        isRetryable: false,
        message: `Invalid input to task sum: ${message}`,
      },
    })
  })
})
