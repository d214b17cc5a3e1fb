/** Wrong options of a task: every kind of wrong value for every one of them. */
import { describe, expect, it } from 'vitest'

import { createHostile, itThrows, type Refusal, type Setting } from './support/refusals'
import { createWorld } from './support/world'

const code = 'invalid_task'
const run = (): number => 1
const runParent = (): object => ({ output: 1, children: [] })
const base = { id: 'sum', timeoutMs: 1000, run }

/** Defines a task with these options. */
const define =
  (options: unknown) =>
  ({ executor }: Setting): unknown =>
    executor.task(options)

/** Defines a task of which only these options are odd. */
const defineWith = (options: object) => define({ ...base, ...options })

describe('a task', () => {
  itThrows({ code, begins: 'Invalid task options: ' }, [
    ['of nothing', ({ executor }) => executor.task(), 'expected an object, got undefined'],
    ['of null', define(null), 'expected an object, got null'],
    ['of text', define('sum'), 'expected an object, got "sum"'],
    ['of a number', define(5), 'expected an object, got 5'],
    ['of a function', define(run), 'expected an object, got a function'],
    ['of a symbol', define(Symbol('sum')), 'expected an object, got a symbol'],
    ['of a big integer', define(5n), 'expected an object, got 5n'],
  ])

  itThrows({ code }, [
    [
      'of a list',
      define([base]),
      'Invalid task options: expected an object, got [{"id":"sum","timeoutMs":1000}]',
    ],
    [
      'of a promise',
      define(Promise.resolve(base)),
      'Invalid task options: expected an object, got a Promise',
    ],
    [
      'of an object that throws',
      define(createHostile()),
      'Invalid task options: expected an object that can be read, got one that throws',
    ],
    ['of an empty object', define({}), 'Invalid task id: expected text, got undefined'],
    ['with an id of null', defineWith({ id: null }), 'Invalid task id: expected text, got null'],
    ['with an id that is a number', defineWith({ id: 7 }), 'Invalid task id: expected text, got 7'],
    [
      'with an id that is a list',
      defineWith({ id: ['sum'] }),
      'Invalid task id: expected text, got ["sum"]',
    ],
    [
      'with an id that is a symbol',
      defineWith({ id: Symbol('sum') }),
      'Invalid task id: expected text, got a symbol',
    ],
    [
      'with an empty id',
      defineWith({ id: '' }),
      'Task id cannot be empty: give it letters, digits or underscores',
    ],
    [
      'with an id of blanks',
      defineWith({ id: '  ' }),
      'Invalid task id "  ": expected only letters, digits and underscores',
    ],
    [
      'with an id with a dash',
      defineWith({ id: 'sum-up' }),
      'Invalid task id "sum-up": expected only letters, digits and underscores',
    ],
    [
      'with an id of other letters',
      defineWith({ id: 'größe' }),
      'Invalid task id "größe": expected only letters, digits and underscores',
    ],
    [
      'with an id with a line break',
      defineWith({ id: 'sum\n' }),
      'Invalid task id "sum\\n": expected only letters, digits and underscores',
    ],
    [
      'with an id with a NUL',
      defineWith({ id: 'sum\0' }),
      'Invalid task id "sum\\u0000": expected only letters, digits and underscores',
    ],
    [
      'with an id that is too long',
      defineWith({ id: 'a'.repeat(256) }),
      'Invalid task id "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…: expected at most 255 characters, got 256',
    ],
    [
      'with an id that is taken',
      defineWith({ id: 'add' }),
      'Task add already exists: give every task of an executor an id of its own',
    ],
    [
      'with the id of a task of another kind',
      defineWith({ id: 'nap' }),
      'Task nap already exists: give every task of an executor an id of its own',
    ],
  ])

  itThrows({ code, begins: 'Invalid options for task sum: ' }, [
    [
      'without a function',
      defineWith({ run: undefined }),
      'run: expected a function, got undefined',
    ],
    ['whose function is null', defineWith({ run: null }), 'run: expected a function, got null'],
    ['whose function is text', defineWith({ run: 'run' }), 'run: expected a function, got "run"'],
    [
      'whose function has been called',
      defineWith({ run: Promise.resolve(1) }),
      'run: expected a function, got a Promise',
    ],
    [
      'that is a parent too',
      defineWith({ runParent }),
      'it has both run and runParent; a task has run, a parent task has runParent',
    ],
    [
      'that is a parent only',
      defineWith({ run: undefined, runParent }),
      'runParent belongs to a parent task; define it with parentTask and runParent',
    ],
    [
      'with a finalize',
      defineWith({ finalize: run }),
      'finalize belongs to a parent task; define it with parentTask and runParent',
    ],
    [
      'with a typo',
      defineWith({ retryoptions: { maxAttempts: 3 } }),
      'unknown key "retryoptions", expected only id, timeoutMs, sleepMsBeforeRun, queue, retryOptions, run',
    ],
    [
      'with an option of an execution',
      defineWith({ executionId: 'mine' }),
      'unknown key "executionId", expected only id, timeoutMs, sleepMsBeforeRun, queue, retryOptions, run',
    ],
    [
      'whose options throw',
      define({
        ...base,
        get queue() {
          throw new Error('no')
        },
      }),
      'expected an object that can be read, got one that throws',
    ],
  ])

  it.each(['__proto__', 'constructor', 'toString', 'a'.repeat(255)])(
    'may have the id %s, which is not taken before',
    (id) => {
      const { executor } = createWorld().add()
      executor.task({ ...base, id })
      expect(() => executor.task({ ...base, id })).toThrow(`Task ${id} already exists`)
    },
  )
})

/** Wrong values of one option of a task. */
function describeOption(
  name: string,
  begins: string,
  ...values: [value: unknown, ends: string][]
): void {
  const rows = values.map(([value, ends], index): Refusal => [
    `is refused, wrong in way ${index + 1}`,
    defineWith({ [name]: value }),
    ends,
  ])
  describe(`option ${name} of a task`, () => {
    itThrows({ code, begins: `${begins} for task sum: ` }, rows)
  })
}

describeOption(
  'timeoutMs',
  'Invalid timeout value',
  [undefined, 'Invalid input: expected number, got undefined'],
  [null, 'Invalid input: expected number, got null'],
  [0, 'Too small: expected number to be >=1, got 0'],
  [-1, 'Too small: expected number to be >=1, got -1'],
  [1.5, 'Invalid input: expected int, got 1.5'],
  [NaN, 'Invalid input: expected number, got NaN'],
  [Infinity, 'Invalid input: expected number, got Infinity'],
  [1e15, 'Too big: expected number to be <=3153600000000, got 1000000000000000'],
  ['1s', 'Invalid input: expected number, got "1s"'],
  [1000n, 'Invalid input: expected number, got 1000n'],
  [new Date(1000), 'Invalid input: expected number, got a Date'],
)
describeOption(
  'sleepMsBeforeRun',
  'Invalid sleep ms before run',
  [null, 'Invalid input: expected number, got null'],
  [-1, 'Too small: expected number to be >=0, got -1'],
  [0.5, 'Invalid input: expected int, got 0.5'],
  [NaN, 'Invalid input: expected number, got NaN'],
  [-Infinity, 'Invalid input: expected number, got -Infinity'],
  [() => 5, 'Invalid input: expected number, got a function'],
)
describeOption(
  'queue',
  'Invalid queue',
  [null, 'Invalid input: expected string, got null'],
  ['', 'Too small: expected string to have >=1 characters, got ""'],
  [5, 'Invalid input: expected string, got 5'],
  [['fast'], 'Invalid input: expected string, got ["fast"]'],
  [
    'a'.repeat(256),
    'Too big: expected string to have <=255 characters, got "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…',
  ],
  [
    'a\0',
    'Invalid input: expected no NUL character and no half of a surrogate pair, got "a\\u0000"',
  ],
)
describeOption(
  'retryOptions',
  'Invalid retry options',
  [null, 'expected an object, got null'],
  [3, 'expected an object, got 3'],
  [[], 'expected an object, got []'],
  [{ maxAttempts: -1 }, 'maxAttempts: Too small: expected number to be >=0, got -1'],
  [{ maxAttempts: 1.5 }, 'maxAttempts: Invalid input: expected int, got 1.5'],
  [{ maxAttempts: Infinity }, 'maxAttempts: Invalid input: expected number, got Infinity'],
  [{ maxAttempts: null }, 'maxAttempts: Invalid input: expected number, got null'],
  [
    { attempts: 3 },
    'unknown key "attempts", expected only maxAttempts, baseDelayMs, delayMultiplier, maxDelayMs, jitter',
  ],
  [{ baseDelayMs: -1 }, 'baseDelayMs: Too small: expected number to be >=0, got -1'],
  [{ baseDelayMs: '1s' }, 'baseDelayMs: Invalid input: expected number, got "1s"'],
  [{ delayMultiplier: -2 }, 'delayMultiplier: Too small: expected number to be >=0, got -2'],
  [{ delayMultiplier: NaN }, 'delayMultiplier: Invalid input: expected number, got NaN'],
  [
    { maxDelayMs: 1e15 },
    'maxDelayMs: Too big: expected number to be <=3153600000000, got 1000000000000000',
  ],
  [{ jitter: 1.5 }, 'jitter: Too big: expected number to be <=1, got 1.5'],
  [{ jitter: true }, 'jitter: Invalid input: expected number, got true'],
  [
    { maxAttempts: 3n, jitter: -1 },
    'maxAttempts: Invalid input: expected number, got 3n; jitter: Too small: expected number to be >=0, got -1',
  ],
  [createHostile(), 'expected an object that can be read, got one that throws'],
)
