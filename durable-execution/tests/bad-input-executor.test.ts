/** Wrong input to the executor itself: its storage, its options, its start and its end. */
import { describe, expect, it } from 'vitest'

import { DurableExecutor, InMemoryTaskExecutionsStorage } from '../src/index'
import {
  createCycle,
  createHostile,
  itRejects,
  itThrows,
  untyped,
  type Refusal,
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
    'Invalid environment: expected the functions now, monotonic, random, setTimer, afterMicrotasks, '

  itThrows({ code, begins }, [
    [
      'that is null',
      withEnvironment(null),
      "got null without now, monotonic, random, setTimer, afterMicrotasks; leave it out to use the machine's own",
    ],
    [
      'that lacks functions',
      withEnvironment({ now: Date.now }),
      "got {} without monotonic, random, setTimer, afterMicrotasks; leave it out to use the machine's own",
    ],
  ])
})

describe('options', () => {
  class Settings {
    readonly leaseMS = 5000
  }
  const withOptions =
    (options: unknown) =>
    ({ world }: Setting): unknown =>
      new Executor(world.storage, options)

  itThrows({ code, begins: 'Invalid options: expected an object' }, [
    ['that are null', withOptions(null), ', got null'],
    ['that are text', withOptions('worker'), ', got "worker"'],
    ['that are a number', withOptions(1000), ', got 1000'],
    ['that are a list', withOptions([{ leaseMs: 5000 }]), ', got [{"leaseMs":5000}]'],
    ['that are a function', withOptions(() => ({})), ', got a function'],
    ['that are a symbol', withOptions(Symbol('options')), ', got a symbol'],
    ['that are a date', withOptions(new Date(0)), ', got a Date'],
    ['that are a map', withOptions(new Map([['leaseMs', 5000]])), ', got a Map'],
    ['that are still being loaded', withOptions(Promise.resolve({})), ', got a Promise'],
    [
      'that throw when they are read',
      withOptions(createHostile()),
      ' that can be read, got one that throws',
    ],
  ])

  itThrows({ code, begins: 'Invalid options: ' }, [
    [
      'of which several are wrong',
      withOptions({ leaseMs: '15s', queues: ['a', 5], maxTakeovers: 1 }),
      'queues.1: Invalid input: expected string, got 5; leaseMs: Invalid input: expected number, got "15s"; maxTakeovers: Too small: expected number to be >=2, got 1',
    ],
  ])

  it.each([
    ['leaseMS', { leaseMS: 5000 }],
    ['leaseMS', new Settings()],
    ['__proto__', JSON.parse('{"__proto__":{"leaseMs":5000}}') as object],
    ['constructor', { constructor: Object }],
  ])('with a key that is none are refused, with all that there are: %s', (key, options) => {
    expect(() => new Executor(new InMemoryTaskExecutionsStorage(), options)).toThrow(
      `Invalid options: unknown key "${key}", expected only executorId, serializer, logger, logLevel, queues, maxConcurrentTaskExecutions, maxChildrenPerTaskExecution, maxSerializedInputDataSize, maxSerializedOutputDataSize, leaseMs, maxTakeovers, abortGraceMs, onEvent, maxFinalizeInputBytes, retentionMs, pollIntervalMs`,
    )
  })

  it('may be of a class, and each may be undefined', async () => {
    class Configured {
      readonly leaseMs = undefined
      get executorId(): string {
        return 'from a getter'
      }
    }
    const executor = new Executor(new InMemoryTaskExecutionsStorage(), new Configured())
    expect(executor.id).toBe('from a getter')
    await executor.shutdown()
  })
})

/** Wrong values of one option. */
function describeOption(name: string, ...values: [value: unknown, ends: string][]): void {
  const rows = values.map(([value, ends], index): Refusal => {
    const call = ({ world }: Setting): unknown => new Executor(world.storage, { [name]: value })
    return [`is refused, wrong in way ${index + 1}`, call, ends]
  })
  describe(`option ${name}`, () => {
    itThrows({ code, begins: `Invalid options: ${name}` }, rows)
  })
}

describeOption(
  'executorId',
  ['', ': Too small: expected string to have >=1 characters, got ""'],
  [
    'a'.repeat(256),
    ': Too big: expected string to have <=255 characters, got "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…',
  ],
  [7, ': Invalid input: expected string, got 7'],
  [null, ': Invalid input: expected string, got null'],
  [Symbol('id'), ': Invalid input: expected string, got a symbol'],
  [
    'a\0b',
    ': Invalid input: expected no NUL character and no half of a surrogate pair, got "a\\u0000b"',
  ],
  [
    'half \ud83d',
    ': Invalid input: expected no NUL character and no half of a surrogate pair, got "half \\ud83d"',
  ],
)
describeOption(
  'serializer',
  [
    JSON,
    ': Invalid input: expected an object with the functions serialize, deserialize, got a JSON',
  ],
  [
    { serialize: () => '' },
    ': Invalid input: expected an object with the functions serialize, deserialize, got {}',
  ],
  [
    () => '',
    ': Invalid input: expected an object with the functions serialize, deserialize, got a function',
  ],
  [null, ': Invalid input: expected an object with the functions serialize, deserialize, got null'],
  [
    createHostile(),
    ': Invalid input: expected an object with the functions serialize, deserialize, got a value of type object',
  ],
)
describeOption(
  'logger',
  [
    'console',
    ': Invalid input: expected an object with the functions debug, info, warn, error, got "console"',
  ],
  [
    { ...silentLogger, warn: 5 },
    ': Invalid input: expected an object with the functions debug, info, warn, error, got {"warn":5}',
  ],
  [
    null,
    ': Invalid input: expected an object with the functions debug, info, warn, error, got null',
  ],
)
describeOption(
  'logLevel',
  [
    'trace',
    ': Invalid option: expected one of "debug"|"info"|"warn"|"error"|"silent", got "trace"',
  ],
  [0, ': Invalid option: expected one of "debug"|"info"|"warn"|"error"|"silent", got 0'],
  [null, ': Invalid option: expected one of "debug"|"info"|"warn"|"error"|"silent", got null'],
)
describeOption(
  'queues',
  [[], ': Too small: expected array to have >=1 items, got []'],
  ['default', ': Invalid input: expected array, got "default"'],
  [new Set(['default']), ': Invalid input: expected array, got a Set'],
  [['a', 'a'], ': expected each name once, got ["a","a"]'],
  [['a', ''], '.1: Too small: expected string to have >=1 characters, got ""'],
  [['a', null], '.1: Invalid input: expected string, got null'],
  [
    ['a\0'],
    '.0: Invalid input: expected no NUL character and no half of a surrogate pair, got "a\\u0000"',
  ],
  [
    Array.from({ length: 65 }, (_, index) => `${index}`),
    ': Too big: expected array to have <=64 items, got ["0","1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"…',
  ],
  [Array.from({ length: 1 }), '.0: Invalid input: expected string, got undefined'],
)
describeOption(
  'maxConcurrentTaskExecutions',
  [0, ': Too small: expected number to be >=1, got 0'],
  [-1, ': Too small: expected number to be >=1, got -1'],
  [1.5, ': Invalid input: expected int, got 1.5'],
  [NaN, ': Invalid input: expected number, got NaN'],
  [Infinity, ': Invalid input: expected number, got Infinity'],
  [5n, ': Invalid input: expected number, got 5n'],
  ['10', ': Invalid input: expected number, got "10"'],
)
describeOption(
  'maxChildrenPerTaskExecution',
  [0, ': Too small: expected number to be >=1, got 0'],
  [100_001, ': Too big: expected number to be <=100000, got 100001'],
)
describeOption(
  'maxSerializedInputDataSize',
  [0, ': Too small: expected number to be >=1, got 0'],
  [2 ** 26 + 1, ': Too big: expected number to be <=67108864, got 67108865'],
)
describeOption(
  'maxSerializedOutputDataSize',
  ['1 MiB', ': Invalid input: expected number, got "1 MiB"'],
  [
    1e300,
    ': Too big: expected int to be <=9007199254740991, got 1e+300; maxSerializedOutputDataSize: Too big: expected number to be <=67108864, got 1e+300',
  ],
)
describeOption(
  'leaseMs',
  [999, ': Too small: expected number to be >=1000, got 999'],
  [1e15, ': Too big: expected number to be <=3153600000000, got 1000000000000000'],
  [new Date(5000), ': Invalid input: expected number, got a Date'],
)
describeOption(
  'maxTakeovers',
  [1, ': Too small: expected number to be >=2, got 1'],
  [null, ': Invalid input: expected number, got null'],
)
describeOption(
  'abortGraceMs',
  [-1, ': Too small: expected number to be >=0, got -1'],
  [0.5, ': Invalid input: expected int, got 0.5'],
)
describeOption(
  'onEvent',
  [null, ': Invalid input: expected function, got null'],
  [{ handle: () => 1 }, ': Invalid input: expected function, got {}'],
)
describeOption(
  'maxFinalizeInputBytes',
  [1000, ': Too small: expected number to be >=1048576, got 1000'],
  [-Infinity, ': Invalid input: expected number, got -Infinity'],
)
describeOption(
  'retentionMs',
  [59_999, ': Too small: expected number to be >=60000, got 59999'],
  ['30 days', ': Invalid input: expected number, got "30 days"'],
  [false, ': Invalid input: expected number, got false'],
)
describeOption(
  'pollIntervalMs',
  [9, ': Too small: expected number to be >=10, got 9'],
  [[200], ': Invalid input: expected number, got [200]'],
)

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
