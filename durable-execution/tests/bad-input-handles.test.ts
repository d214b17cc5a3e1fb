/** Wrong input to what finds, waits for and wakes executions. */
import { describe, expect, it } from 'vitest'

import type { InMemoryTaskExecutionsStorage } from '../src/index'
import { createHostile, itRejects, untyped, type Setting } from './support/refusals'
import { createWorld } from './support/world'

describe('a handle', () => {
  const find =
    (executionId: unknown) =>
    ({ executor, add }: Setting): unknown =>
      executor.getTaskExecutionHandle(add, executionId)
  const findOf =
    (task: (setting: Setting) => unknown) =>
    (setting: Setting): unknown =>
      setting.executor.getTaskExecutionHandle(task(setting), 'first')

  itRejects({ code: 'invalid_task', begins: 'Invalid task: ' }, [
    [
      'of nothing',
      ({ executor }) => executor.getTaskExecutionHandle(),
      'expected what executor.task(…) or one of its siblings returned, got undefined',
    ],
    [
      'of the id of a task',
      findOf(() => 'add'),
      'expected what executor.task(…) or one of its siblings returned, got "add"',
    ],
    [
      'of an execution id alone',
      ({ executor }) => executor.getTaskExecutionHandle('first'),
      'expected what executor.task(…) or one of its siblings returned, got "first"',
    ],
    [
      'of a task that throws',
      findOf(createHostile),
      'expected what executor.task(…) or one of its siblings returned, got a value of type object',
    ],
    [
      'of a list',
      findOf(({ add }) => [add]),
      'expected what executor.task(…) or one of its siblings returned, got [{"id":"add"}]',
    ],
  ])

  itRejects({ code: 'invalid_task', begins: 'Invalid execution id for task add: ' }, [
    ['without an execution', find(undefined), 'expected text, got undefined'],
    ['of null', find(null), 'expected text, got null'],
    ['of a number', find(1), 'expected text, got 1'],
    ['of an object', find({ executionId: 'first' }), 'expected text, got {"executionId":"first"}'],
    ['of a list of ids', find(['first']), 'expected text, got ["first"]'],
    ['of a symbol', find(Symbol('first')), 'expected text, got a symbol'],
    ['of what throws', find(createHostile()), 'expected text, got a value of type object'],
    ['of a date', find(new Date(0)), 'expected text, got a Date'],
  ])

  itRejects({ code: 'not_found' }, [
    [
      'of a task of another executor',
      findOf(({ foreign }) => foreign),
      'Task foreign not found: define it on this executor before it is used',
    ],
    [
      'of a task that nobody defined',
      findOf(() => ({ id: 'unknown' })),
      'Task unknown not found: define it on this executor before it is used',
    ],
    [
      'of an execution of another task',
      findOf(({ poll }) => poll),
      'Execution first of task poll not found: it is one of another task',
    ],
    [
      'of a missing execution',
      find('te_missing'),
      'Execution te_missing not found: it was never stored, or was pruned after its retention',
    ],
    [
      'of a property of every object',
      find('constructor'),
      'Execution constructor not found: it was never stored, or was pruned after its retention',
    ],
    [
      'of the prototype',
      find('__proto__'),
      'Execution __proto__ not found: it was never stored, or was pruned after its retention',
    ],
    [
      'of empty text',
      find(''),
      'Execution "" not found: it was never stored, or was pruned after its retention',
    ],
    [
      'of text that is too long',
      find('x'.repeat(256)),
      'Execution "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… not found: it was never stored, or was pruned after its retention',
    ],
    [
      'of text with a NUL',
      find('first\0'),
      'Execution "first\\u0000" not found: it was never stored, or was pruned after its retention',
    ],
    [
      'of half a letter',
      find('\ud83d'),
      'Execution "\\ud83d" not found: it was never stored, or was pruned after its retention',
    ],
  ])
})

describe('a wait', () => {
  const wait =
    (options: unknown) =>
    ({ handle }: Setting): unknown =>
      handle.waitAndGetFinishedExecution(options)
  const waitForOutput =
    (options: unknown) =>
    ({ handle }: Setting): unknown =>
      handle.waitAndGetOutput(options)

  itRejects({ code: 'invalid_options', begins: 'Invalid options: ' }, [
    ['of null', wait(null), 'expected an object, got null'],
    ['of a number', wait(5000), 'expected an object, got 5000'],
    ['of text', wait('5s'), 'expected an object, got "5s"'],
    ['of a signal', wait(new AbortController().signal), 'expected an object, got an AbortSignal'],
    ['of a function', wait(() => 1), 'expected an object, got a function'],
    [
      'of what throws',
      wait(createHostile()),
      'expected an object that can be read, got one that throws',
    ],
    [
      'with a typo',
      wait({ pollIntervalMs: 5 }),
      'unknown key "pollIntervalMs", expected only signal, pollingIntervalMs',
    ],
    ['with a signal of null', wait({ signal: null }), 'signal: expected an AbortSignal, got null'],
    ['with a signal that is none', wait({ signal: {} }), 'signal: expected an AbortSignal, got {}'],
    [
      'with the name of a signal',
      wait({ signal: 'SIGTERM' }),
      'signal: expected an AbortSignal, got "SIGTERM"',
    ],
    [
      'with a controller',
      wait({ signal: new AbortController() }),
      'signal: expected an AbortSignal, got an AbortController',
    ],
    [
      'with an emitter',
      wait({ signal: new EventTarget() }),
      'signal: expected an AbortSignal, got an EventTarget',
    ],
    [
      'with a signal that throws',
      wait({ signal: createHostile() }),
      'signal: expected an AbortSignal, got a value of type object',
    ],
    [
      'with no interval',
      wait({ pollingIntervalMs: 0 }),
      'pollingIntervalMs: expected a number of at least 1, got 0',
    ],
    [
      'with an interval of null',
      wait({ pollingIntervalMs: null }),
      'pollingIntervalMs: expected a number of at least 1, got null',
    ],
    [
      'with a negative interval',
      wait({ pollingIntervalMs: -100 }),
      'pollingIntervalMs: expected a number of at least 1, got -100',
    ],
    [
      'with an interval that is no number',
      wait({ pollingIntervalMs: NaN }),
      'pollingIntervalMs: expected a number of at least 1, got NaN',
    ],
    [
      'with an interval of text',
      wait({ pollingIntervalMs: '100' }),
      'pollingIntervalMs: expected a number of at least 1, got "100"',
    ],
    [
      'with an interval that is a big integer',
      wait({ pollingIntervalMs: 100n }),
      'pollingIntervalMs: expected a number of at least 1, got 100n',
    ],
    ['for an output, of null', waitForOutput(null), 'expected an object, got null'],
    [
      'for an output, with a time-out',
      waitForOutput({ timeoutMs: 1000 }),
      'unknown key "timeoutMs", expected only signal, pollingIntervalMs',
    ],
    [
      'for an output, with a signal that is a time',
      waitForOutput({ signal: 1000 }),
      'signal: expected an AbortSignal, got 1000',
    ],
  ])

  it.each([
    ['text', 'enough', 'enough'],
    ['nothing', undefined, 'This operation was aborted'],
    ['null', null, 'null'],
    ['an object', { reason: 1 }, '{"reason":1}'],
    ['what has no text', Object.create(null), '{}'],
    ['what throws', createHostile(), 'an error whose message cannot be read'],
  ])('is given up for whatever reason: %s', async (_name, reason, message) => {
    const world = createWorld()
    const { executor } = world.add()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    const handle = await executor.enqueueTask(task)
    const controller = new AbortController()
    const late = handle.waitAndGetOutput({ signal: controller.signal })
    controller.abort(reason)
    await expect(world.until(late)).rejects.toThrow(message)
    const never = handle.waitAndGetOutput({ signal: controller.signal })
    await expect(world.until(never)).rejects.toThrow(message)
  })
})

describe('a wake-up', () => {
  const wake =
    (...args: unknown[]) =>
    ({ executor, nap }: Setting): unknown =>
      executor.wakeupSleepingTaskExecution(nap, ...args)
  const wakeOf =
    (task: (setting: Setting) => unknown) =>
    (setting: Setting): unknown =>
      setting.executor.wakeupSleepingTaskExecution(task(setting), 'key', { status: 'completed' })

  itRejects({ code: 'invalid_task' }, [
    [
      'of nothing',
      ({ executor }) => executor.wakeupSleepingTaskExecution(),
      'Invalid task: expected what executor.task(…) or one of its siblings returned, got undefined',
    ],
    [
      'of null',
      wakeOf(() => null),
      'Invalid task: expected what executor.task(…) or one of its siblings returned, got null',
    ],
    [
      'of the id of a task',
      wakeOf(() => 'nap'),
      'Invalid task: expected what executor.task(…) or one of its siblings returned, got "nap"',
    ],
    [
      'of a task that does not sleep',
      wakeOf(({ add }) => add),
      'Task add is not a sleeping task: only those are woken',
    ],
    [
      'of a sequence',
      wakeOf(({ chain }) => chain),
      'Task chain is not a sleeping task: only those are woken',
    ],
  ])

  itRejects({ code: 'not_found' }, [
    [
      'of a task of another executor',
      wakeOf(({ foreign }) => foreign),
      'Task foreign not found: define it on this executor before it is used',
    ],
    [
      'of what does not sleep under this id',
      wakeOf(({ nap }) => nap),
      'No execution of sleeping task nap with unique id "key": enqueue it before it is woken',
    ],
  ])

  const completed = { status: 'completed', output: 1 }
  itRejects({ code: 'invalid_input', begins: 'Invalid input to task nap: ' }, [
    [
      'without an id',
      wake(),
      'expected the unique id of a sleeping task, non-empty text, got undefined',
    ],
    [
      'by an id of null',
      wake(null, completed),
      'expected the unique id of a sleeping task, non-empty text, got null',
    ],
    [
      'by an empty id',
      wake('', completed),
      'expected the unique id of a sleeping task, non-empty text, got ""',
    ],
    [
      'by a number',
      wake(5, completed),
      'expected the unique id of a sleeping task, non-empty text, got 5',
    ],
    [
      'by an object',
      wake({ uniqueId: 'key' }, completed),
      'expected the unique id of a sleeping task, non-empty text, got {"uniqueId":"key"}',
    ],
    [
      'by a list',
      wake(['key'], completed),
      'expected the unique id of a sleeping task, non-empty text, got ["key"]',
    ],
  ])

  const begins = 'Invalid wake-up of task nap: '
  itRejects({ code: 'invalid_input', begins }, [
    [
      'with nothing',
      wake('key'),
      "expected { status: 'completed', output } or { status: 'failed', error }, got undefined",
    ],
    [
      'with null',
      wake('key', null),
      "expected { status: 'completed', output } or { status: 'failed', error }, got null",
    ],
    [
      'with an output alone',
      wake('key', 'output'),
      "expected { status: 'completed', output } or { status: 'failed', error }, got \"output\"",
    ],
    [
      'with an empty object',
      wake('key', {}),
      "expected { status: 'completed', output } or { status: 'failed', error }, got {}",
    ],
    [
      'with a status that is none',
      wake('key', { status: 'done', output: 1 }),
      'expected { status: \'completed\', output } or { status: \'failed\', error }, got {"status":"done","output":1}',
    ],
    [
      'with a status that others have',
      wake('key', { status: 'cancelled' }),
      'expected { status: \'completed\', output } or { status: \'failed\', error }, got {"status":"cancelled"}',
    ],
    [
      'with a status of null',
      wake('key', { status: null }),
      "expected { status: 'completed', output } or { status: 'failed', error }, got {\"status\":null}",
    ],
    [
      'with a list',
      wake('key', ['completed', 1]),
      "expected { status: 'completed', output } or { status: 'failed', error }, got [\"completed\",1]",
    ],
    [
      'with what throws',
      wake('key', createHostile()),
      "expected { status: 'completed', output } or { status: 'failed', error }, got a value of type object",
    ],
    [
      'with a promise',
      wake('key', Promise.resolve(completed)),
      "expected { status: 'completed', output } or { status: 'failed', error }, got a Promise",
    ],
    [
      'with a typo',
      wake('key', { status: 'completed', result: 1 }),
      'unknown key "result", expected only status, output',
    ],
    [
      'with output and error',
      wake('key', { ...completed, error: new Error('no') }),
      'unknown key "error", expected only status, output',
    ],
    [
      'with a failure without an error',
      wake('key', { status: 'failed' }),
      'expected { status: \'completed\', output } or { status: \'failed\', error }, got {"status":"failed"}',
    ],
    [
      'with a failure and an output',
      wake('key', { status: 'failed', error: 1, output: 1 }),
      'unknown key "output", expected only status, error',
    ],
  ])

  const output = { code: 'not_serializable', begins: 'Output of task nap ' } as const
  itRejects(output, [
    [
      'with a function',
      wake('key', { status: 'completed', output: () => 1 }),
      'cannot be serialized: it is a function; use plain data, or a serializer that knows it',
    ],
    [
      'with a promise as output',
      wake('key', { status: 'completed', output: Promise.resolve(1) }),
      'cannot be serialized: it holds a promise: await it first; use plain data, or a serializer that knows it',
    ],
  ])

  itRejects({ code: 'too_large', begins: 'Output of task nap ' }, [
    [
      'with an output that is too large',
      wake('key', { status: 'completed', output: 'a'.repeat(2 ** 21) }),
      'is too large: 2097163 bytes, of which 1048576 are allowed; store it elsewhere and pass a reference, or raise maxSerializedOutputDataSize',
    ],
  ])

  it('may be with any error, and leaves it asleep when it is refused', async () => {
    const world = createWorld()
    const { executor } = world.add()
    const nap = executor.sleepingTask({ id: 'nap', timeoutMs: 1000 })
    const handle = await executor.enqueueTask(nap, 'key')
    const wakeUp: (...args: unknown[]) => Promise<unknown> = untyped(
      executor.wakeupSleepingTaskExecution.bind(executor),
    )
    await expect(wakeUp(nap, 'key', { status: 'failed' })).rejects.toThrow('Invalid wake-up')
    expect(statusesIn(world.storage)).toEqual(['running'])
    await expect(wakeUp(nap, 'key', { status: 'failed', error: undefined })).resolves.toMatchObject(
      {
        status: 'failed',
        error: { message: 'undefined' },
      },
    )
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'failed' })
  })
})

function statusesIn(storage: InMemoryTaskExecutionsStorage): string[] {
  return storage.dump().map(({ status }) => status)
}
