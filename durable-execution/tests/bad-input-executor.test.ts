/** Wrong input to the executor itself: its storage, its environment, its end, and calls after it. */
import { describe, expect, it } from 'vitest'

import { DurableExecutor, InMemoryTaskExecutionsStorage } from '../src/index'
import {
  createCycle,
  createHostile,
  itRejects,
  itThrows,
  untyped,
  type Setting,
  type UntypedConstructor,
} from './support/refusals'
import { silentLogger } from './support/world'

const code = 'invalid_options'
const Executor: UntypedConstructor = untyped(DurableExecutor)

describe('a storage', () => {
  const withStorage = (storage: unknown) => (): unknown => new Executor(storage)
  const begins =
    'Invalid storage: expected a storage of task executions, such as new InMemoryTaskExecutionsStorage(), '

  itThrows({ code, begins }, [
    ['that is left out', () => new Executor(), 'got undefined'],
    ['that is null', withStorage(null), 'got null'],
    ['that is text', withStorage('postgres://localhost/db'), 'got "postgres://localhost/db"'],
    ['that is an empty object', withStorage({}), 'got {}'],
    ['that is a class', withStorage(InMemoryTaskExecutionsStorage), 'got a function'],
    ['that is still being made', withStorage(Promise.resolve()), 'got a Promise'],
    ['that contains itself', withStorage(createCycle()), 'got a value of type object'],
    ['that throws when it is read', withStorage(createHostile()), 'got a value of type object'],
    [
      'that lacks verbs',
      withStorage({ insert: () => 1, get: () => 1 }),
      'got one without getChildren, claim, settle, renew, lostClaims, recover, release, wake, cancel, nextClaimAt, prune',
    ],
    [
      'whose listen is no function',
      () => new Executor(Object.assign(new InMemoryTaskExecutionsStorage(), { listen: true })),
      'got one whose listen is true, no function',
    ],
  ])
})

describe('a storage in memory', () => {
  const Storage: new (...args: unknown[]) => object = untyped(InMemoryTaskExecutionsStorage)

  itThrows({ code, begins: 'Invalid options: ' }, [
    ['of options that are null', () => new Storage(null), 'expected an object, got null'],
    [
      'of options that are a clock',
      () => new Storage(Date.now),
      'expected an object, got a function',
    ],
    [
      'of a clock that stands still',
      () => new Storage({ now: 5 }),
      'now: expected a function, got 5',
    ],
    [
      'of an option it has not',
      () => new Storage({ clock: Date.now }),
      'unknown key "clock", expected only now',
    ],
  ])
})

describe('an environment', () => {
  const withEnvironment =
    (environment: unknown) =>
    ({ world }: Setting): unknown =>
      new Executor(world.storage, {}, environment)
  const begins =
    'Invalid environment: expected the functions now, monotonic, random, setTimer, afterMicrotasks, afterTurn, '

  itThrows({ code, begins }, [
    [
      'that is null',
      withEnvironment(null),
      "got null without now, monotonic, random, setTimer, afterMicrotasks, afterTurn; leave it out to use the machine's own",
    ],
    [
      'that lacks functions',
      withEnvironment({ now: Date.now }),
      "got {} without monotonic, random, setTimer, afterMicrotasks, afterTurn; leave it out to use the machine's own",
    ],
  ])
})

describe('a shutdown', () => {
  const withOptions =
    (options: unknown) =>
    ({ executor }: Setting): unknown =>
      executor.shutdown(options)

  itRejects({ code, begins: 'Invalid options: ' }, [
    ['of null', withOptions(null), 'expected an object, got null'],
    ['of a number', withOptions(5000), 'expected an object, got 5000'],
    ['of the name of a signal', withOptions('SIGTERM'), 'expected an object, got "SIGTERM"'],
    ['of a list', withOptions([]), 'expected an object, got []'],
    [
      'of an option it has not',
      withOptions({ grace: 5 }),
      'unknown key "grace", expected only graceMs',
    ],
    [
      'of options that throw',
      withOptions(createHostile()),
      'expected an object that can be read, got one that throws',
    ],
    [
      'with a negative grace',
      withOptions({ graceMs: -1 }),
      'graceMs: expected a number of at least 0, got -1',
    ],
    [
      'with a grace that is no number',
      withOptions({ graceMs: NaN }),
      'graceMs: expected a number of at least 0, got NaN',
    ],
    [
      'with a grace of text',
      withOptions({ graceMs: '5s' }),
      'graceMs: expected a number of at least 0, got "5s"',
    ],
    [
      'with a grace of null',
      withOptions({ graceMs: null }),
      'graceMs: expected a number of at least 0, got null',
    ],
    [
      'with a grace that is a big integer',
      withOptions({ graceMs: 5n }),
      'graceMs: expected a number of at least 0, got 5n',
    ],
  ])

  it('that is refused has not begun', async () => {
    const executor = new Executor(new InMemoryTaskExecutionsStorage(), { logger: silentLogger })
    const shutdown = untyped<(options: unknown) => Promise<void>>(executor.shutdown.bind(executor))
    await expect(shutdown({ graceMs: -1 })).rejects.toThrow('Invalid options')
    await expect(executor.start()).resolves.toBeUndefined()
    await shutdown({ graceMs: Infinity })
  })
})

describe('after a shutdown', () => {
  const task = { id: 'late', timeoutMs: 1000, run: () => 1 }
  const after =
    (call: (setting: Setting) => unknown) =>
    async (setting: Setting): Promise<unknown> => {
      await setting.world.until(untyped<Promise<void>>(setting.executor.shutdown()))
      return call(setting)
    }
  const validated = ({ executor }: Setting): Setting['executor'] =>
    untyped(executor.validateInput(String))

  itRejects({ code: 'shut_down', begins: 'Executor ' }, [
    [
      'nothing is started',
      after(({ executor }) => executor.start()),
      'here was shut down: start needs a new executor',
    ],
    [
      'no task is defined',
      after(({ executor }) => executor.task(task)),
      'here was shut down: task needs a new executor',
    ],
    [
      'no task with a checked input is defined',
      after((s) => validated(s).task(task)),
      'here was shut down: task needs a new executor',
    ],
    [
      'nothing is enqueued',
      after(({ executor, add }) => executor.enqueueTask(add)),
      'here was shut down: enqueueTask needs a new executor',
    ],
    [
      'nothing is enqueued in a batch',
      after(({ executor }) => executor.enqueueTasks([])),
      'here was shut down: enqueueTasks needs a new executor',
    ],
    [
      'no end is waited for',
      after(({ handle }) => handle.waitAndGetOutput()),
      'was shut down while waiting for execution first: it goes on elsewhere; wait for it with another executor',
    ],
  ])

  itRejects({ code }, [
    [
      'a wait with wrong options is refused all the same',
      after(({ handle }) => handle.waitAndGetOutput({ signal: 'abort' })),
      'Invalid options: signal: expected an AbortSignal, got "abort"',
    ],
  ])

  itRejects({ code: 'not_found' }, [
    [
      'an execution that is not there is not found',
      after(({ executor, add }) => executor.getTaskExecutionHandle(add, 'nowhere')),
      'Execution nowhere not found: it was never stored, or was pruned after its retention',
    ],
  ])
})
