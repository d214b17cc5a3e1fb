/** Wrong options of the executor: every kind of wrong value for every one of them. */
import { describe, expect, it } from 'vitest'

import { DurableExecutor, InMemoryTaskExecutionsStorage } from '../src/index'
import {
  createHostile,
  itThrows,
  untyped,
  type Refusal,
  type Setting,
  type UntypedConstructor,
} from './support/refusals'
import { silentLogger } from './support/world'

const code = 'invalid_options'
const Executor: UntypedConstructor = untyped(DurableExecutor)

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
