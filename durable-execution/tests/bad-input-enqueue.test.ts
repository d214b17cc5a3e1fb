/** Wrong input to `enqueueTask`. */
import { describe, expect, it } from 'vitest'

import {
  createCycle,
  createHostile,
  itRejects,
  itThrows,
  untypedChildTask,
  type Setting,
} from './support/refusals'
import { createWorld } from './support/world'

/** Enqueues `add` with these options. */
const enqueueWith =
  (options: unknown) =>
  ({ executor, add }: Setting): unknown =>
    executor.enqueueTask(add, undefined, options)

/** Enqueues `add` with this input. */
const enqueueInput =
  (input: unknown) =>
  ({ executor, add }: Setting): unknown =>
    executor.enqueueTask(add, input)

describe('an enqueue', () => {
  const enqueue =
    (task: unknown) =>
    ({ executor }: Setting): unknown =>
      executor.enqueueTask(task, 'in')

  const begins =
    'Invalid task: expected what executor.task(…) or one of its siblings returned, got '
  itRejects({ code: 'invalid_task', begins }, [
    ['of nothing', ({ executor }) => executor.enqueueTask(), 'undefined'],
    ['of null', enqueue(null), 'null'],
    ['of the id of a task', enqueue('add'), '"add"'],
    ['of a function', enqueue(() => 1), 'a function'],
    ['of an empty object', enqueue({}), '{}'],
    ['of an object with an id that is no text', enqueue({ id: 5 }), '{"id":5}'],
    ['of a list', enqueue(['add']), '["add"]'],
    ['of a promise', enqueue(Promise.resolve({ id: 'add' })), 'a Promise'],
    ['of what throws', enqueue(createHostile()), 'a value of type object'],
    [
      'of a child',
      ({ executor, add }) => executor.enqueueTask(untypedChildTask(add, 'in')),
      '{"task":{"id":"add"},"input":"in"}',
    ],
  ])

  itRejects({ code: 'not_found' }, [
    [
      'of a task of another executor',
      (s) => s.executor.enqueueTask(s.foreign),
      'Task foreign not found: define it on this executor before it is used',
    ],
    [
      'of a task that nobody defined',
      enqueue({ id: 'unknown' }),
      'Task unknown not found: define it on this executor before it is used',
    ],
    [
      'of a property of every object',
      enqueue({ id: 'constructor' }),
      'Task constructor not found: define it on this executor before it is used',
    ],
    [
      'of the prototype',
      enqueue({ id: '__proto__' }),
      'Task __proto__ not found: define it on this executor before it is used',
    ],
  ])
})

describe('an enqueue with the input', () => {
  itRejects({ code: 'too_large', begins: 'Input of task add is too large: ' }, [
    [
      'of long text',
      enqueueInput('a'.repeat(1000)),
      '1011 bytes, of which 1000 are allowed; store it elsewhere and pass a reference, or raise maxSerializedInputDataSize',
    ],
    [
      'of long text that is few characters',
      enqueueInput('€'.repeat(400)),
      '1211 bytes, of which 1000 are allowed; store it elsewhere and pass a reference, or raise maxSerializedInputDataSize',
    ],
    [
      'of many parts',
      enqueueInput(Array.from({ length: 500 }, () => 10)),
      '1510 bytes, of which 1000 are allowed; store it elsewhere and pass a reference, or raise maxSerializedInputDataSize',
    ],
  ])

  itRejects({ code: 'not_serializable', begins: 'Input of task add cannot be serialized: ' }, [
    [
      'of a function',
      enqueueInput(() => 1),
      'it is a function; use plain data, or a serializer that knows it',
    ],
    [
      'of a symbol',
      enqueueInput(Symbol('in')),
      'it is a symbol; use plain data, or a serializer that knows it',
    ],
    [
      'of a promise',
      enqueueInput(Promise.resolve('in')),
      'it holds a promise: await it first; use plain data, or a serializer that knows it',
    ],
    [
      'that holds a promise',
      enqueueInput({ user: [Promise.resolve('in')] }),
      'it holds a promise: await it first; use plain data, or a serializer that knows it',
    ],
    [
      'with a key of the prototype',
      enqueueInput({ list: { constructor: 1 } }),
      'Detected property constructor. This is a prototype pollution risk, please remove it from your object; use plain data, or a serializer that knows it',
    ],
    [
      'with a getter that throws',
      enqueueInput({
        get name(): string {
          throw new Error('not loaded')
        },
      }),
      'not loaded; use plain data, or a serializer that knows it',
    ],
    [
      'of what throws',
      enqueueInput(createHostile()),
      'hands off; use plain data, or a serializer that knows it',
    ],
  ])

  it('that contains itself is taken', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      run: (_ctx, cycle: { self?: unknown }) => cycle.self === cycle,
    })
    const handle = await executor.enqueueTask(task, createCycle())
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(true)
  })

  const sleep =
    (uniqueId: unknown) =>
    ({ executor, nap }: Setting): unknown =>
      executor.enqueueTask(nap, uniqueId)
  itRejects({ code: 'invalid_input', begins: 'Invalid input to task nap: ' }, [
    [
      'of nothing for a sleeping task',
      ({ executor, nap }) => executor.enqueueTask(nap),
      'expected the unique id of a sleeping task, non-empty text, got undefined',
    ],
    [
      'of null for a sleeping task',
      sleep(null),
      'expected the unique id of a sleeping task, non-empty text, got null',
    ],
    [
      'of empty text for a sleeping task',
      sleep(''),
      'expected the unique id of a sleeping task, non-empty text, got ""',
    ],
    [
      'of a number for a sleeping task',
      sleep(5),
      'expected the unique id of a sleeping task, non-empty text, got 5',
    ],
    [
      'of an object for a sleeping task',
      sleep({ id: 'key' }),
      'expected the unique id of a sleeping task, non-empty text, got {"id":"key"}',
    ],
    [
      'of a date for a sleeping task',
      sleep(new Date(0)),
      'expected the unique id of a sleeping task, non-empty text, got a Date',
    ],
  ])
})

describe('an enqueue with options', () => {
  itRejects({ code: 'invalid_task', begins: 'Invalid options for task add: ' }, [
    ['that are null', enqueueWith(null), 'expected an object, got null'],
    ['that are text', enqueueWith('soon'), 'expected an object, got "soon"'],
    ['that are a number', enqueueWith(5000), 'expected an object, got 5000'],
    ['that are a list', enqueueWith([]), 'expected an object, got []'],
    ['that are a function', enqueueWith(() => ({})), 'expected an object, got a function'],
    ['that are a promise', enqueueWith(Promise.resolve({})), 'expected an object, got a Promise'],
    ['that are a date', enqueueWith(new Date(0)), 'expected an object, got a Date'],
    [
      'that throw',
      enqueueWith(createHostile()),
      'expected an object that can be read, got one that throws',
    ],
    [
      'with a typo',
      enqueueWith({ timeoutMS: 5 }),
      'unknown key "timeoutMS", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue, executionId, transaction',
    ],
    [
      'with a signal',
      enqueueWith({ signal: new AbortController().signal }),
      'unknown key "signal", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue, executionId, transaction',
    ],
  ])

  itRejects({ code: 'invalid_task', begins: 'Invalid options for task ' }, [
    [
      'of a sequence with a time-out',
      ({ executor, chain }) => executor.enqueueTask(chain, 1, { timeoutMs: 5 }),
      'chain: timeoutMs cannot be given, its steps have their own, a chain of them has none',
    ],
    [
      'of a loop with retries',
      ({ executor, poll }) => executor.enqueueTask(poll, 1, { retryOptions: { maxAttempts: 1 } }),
      'poll: retryOptions cannot be given, its steps have their own, a chain of them has none',
    ],
    [
      'of a sleeping task with retries',
      ({ executor, nap }) => executor.enqueueTask(nap, 'key', { retryOptions: {} }),
      'nap: retryOptions cannot be given, a sleeping task runs nothing that could be retried',
    ],
  ])

  itRejects({ code: 'invalid_task' }, [
    [
      'with a time-out of null',
      enqueueWith({ timeoutMs: null }),
      'Invalid timeout value for task add: Invalid input: expected number, got null',
    ],
    [
      'with no time',
      enqueueWith({ timeoutMs: 0 }),
      'Invalid timeout value for task add: Too small: expected number to be >=1, got 0',
    ],
    [
      'with an endless time-out',
      enqueueWith({ timeoutMs: Infinity }),
      'Invalid timeout value for task add: Invalid input: expected number, got Infinity',
    ],
    [
      'with a negative sleep',
      enqueueWith({ sleepMsBeforeRun: -5 }),
      'Invalid sleep ms before run for task add: Too small: expected number to be >=0, got -5',
    ],
    [
      'with a sleep until a date',
      enqueueWith({ sleepMsBeforeRun: new Date(0) }),
      'Invalid sleep ms before run for task add: Invalid input: expected number, got a Date',
    ],
    [
      'with a queue that is empty',
      enqueueWith({ queue: '' }),
      'Invalid queue for task add: Too small: expected string to have >=1 characters, got ""',
    ],
    [
      'with several queues',
      enqueueWith({ queue: ['a', 'b'] }),
      'Invalid queue for task add: Invalid input: expected string, got ["a","b"]',
    ],
    [
      'with half a letter in its queue',
      enqueueWith({ queue: '\udc00' }),
      'Invalid queue for task add: Invalid input: expected no NUL character and no half of a surrogate pair, got "\\udc00"',
    ],
    [
      'with retry options of null',
      enqueueWith({ retryOptions: null }),
      'Invalid retry options for task add: expected an object, got null',
    ],
    [
      'with a number of retries only',
      enqueueWith({ retryOptions: 3 }),
      'Invalid retry options for task add: expected an object, got 3',
    ],
    [
      'with half a retry',
      enqueueWith({ retryOptions: { maxAttempts: 0.5 } }),
      'Invalid retry options for task add: maxAttempts: Invalid input: expected int, got 0.5',
    ],
    [
      'with a typo in retry options',
      enqueueWith({ retryOptions: { maxRetries: 5 } }),
      'Invalid retry options for task add: unknown key "maxRetries", expected only maxAttempts, baseDelayMs, delayMultiplier, maxDelayMs, jitter',
    ],
    [
      'with too much jitter',
      enqueueWith({ retryOptions: { jitter: 100 } }),
      'Invalid retry options for task add: jitter: Too big: expected number to be <=1, got 100',
    ],
  ])

  const begins = 'Invalid execution id for task add: '
  itRejects({ code: 'invalid_task', begins }, [
    [
      'with an id of null',
      enqueueWith({ executionId: null }),
      'expected text of 1 to 255 characters, got null',
    ],
    [
      'with an empty id',
      enqueueWith({ executionId: '' }),
      'expected text of 1 to 255 characters, got ""',
    ],
    [
      'with an id that is a number',
      enqueueWith({ executionId: 42 }),
      'expected text of 1 to 255 characters, got 42',
    ],
    [
      'with an id that is an object',
      enqueueWith({ executionId: { id: 'mine' } }),
      'expected text of 1 to 255 characters, got {"id":"mine"}',
    ],
    [
      'with an id that is a symbol',
      enqueueWith({ executionId: Symbol('mine') }),
      'expected text of 1 to 255 characters, got a symbol',
    ],
    [
      'with an id that is too long',
      enqueueWith({ executionId: 'x'.repeat(256) }),
      'expected text of 1 to 255 characters, got "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…',
    ],
    [
      'with an id with a NUL',
      enqueueWith({ executionId: 'mine\0' }),
      'expected no NUL character and no half of a surrogate pair, got "mine\\u0000"',
    ],
    [
      'with an id with half a letter',
      enqueueWith({ executionId: '\ud83d' }),
      'expected no NUL character and no half of a surrogate pair, got "\\ud83d"',
    ],
  ])

  itRejects({ code: 'already_exists' }, [
    [
      'with an id that is taken by another task',
      ({ executor, poll }) => executor.enqueueTask(poll, 1, { executionId: 'first' }),
      'Execution id first is taken by an execution of task add: give each execution an id of its own',
    ],
  ])

  it.each(['__proto__', 'constructor', 'hasOwnProperty', ' ', 'x'.repeat(255)])(
    'may have the id %s',
    async (executionId) => {
      const { executor } = createWorld().add()
      const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
      const handle = await executor.enqueueTask(task, undefined, { executionId })
      expect(handle.getExecutionId()).toBe(executionId)
      await expect(handle.getExecution()).resolves.toMatchObject({ executionId })
    },
  )
})

describe('an enqueue of a sleeping task', () => {
  it('whose unique id is taken is refused, with what to do', async () => {
    const { executor } = createWorld().add()
    const nap = executor.sleepingTask({ id: 'nap', timeoutMs: 1000 })
    await executor.enqueueTask(nap, 'key', { executionId: 'asleep' })
    await expect(executor.enqueueTask(nap, 'key')).rejects.toMatchObject({
      code: 'already_exists',
      isRetryable: false,
      message:
        'Unique id of sleeping task nap is taken by execution asleep, which is active: wake or cancel it first, or use another',
    })
  })
})

describe('an enqueue in a transaction', () => {
  const begins = 'Invalid options for task add: '
  itThrows({ code: 'invalid_task', begins }, [
    [
      'of null',
      enqueueWith({ transaction: null }),
      'transaction: expected a transaction, got null; leave it out to enqueue without one',
    ],
    [
      'with a typo',
      enqueueWith({ transaction: {}, executionID: 'mine' }),
      'unknown key "executionID", expected only retryOptions, sleepMsBeforeRun, timeoutMs, queue, executionId, transaction',
    ],
  ])

  itRejects({ code: 'invalid_options' }, [
    [
      'on a storage that has none',
      enqueueWith({ transaction: {} }),
      'The storage in memory has no transactions: enqueue without one, or use the storage of a database',
    ],
  ])
})
