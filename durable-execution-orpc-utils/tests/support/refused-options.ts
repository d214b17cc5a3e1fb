/** Enqueues whose options are wrong: of their shape the router says so, of their values the executor. */
import {
  callOf,
  HELD,
  invalid,
  refused,
  TOO_LONG,
  TOO_LONG_SHOWN,
  type Answer,
  type Row,
} from './refused-call'

function enqueue(wrong: string, changes: object, answer: Answer): Row {
  return [`enqueueTask: ${wrong}`, callOf('enqueueTask', changes), answer]
}

/** Options of a wrong shape. */
function wrongShape(wrong: string, options: unknown, problem: string): Row {
  return enqueue(wrong, { options }, invalid('enqueueTask', problem))
}

/** Options of the right shape, with a value that the executor refuses. */
function wrongValue(wrong: string, options: object, problem: string): Row {
  return enqueue(wrong, { options }, refused(problem, 'invalid_task'))
}

function wrongRetry(wrong: string, retryOptions: object, problem: string): Row {
  return wrongValue(wrong, { retryOptions }, `Invalid retry options for task "echo": ${problem}`)
}

const NO_STRING = 'Invalid input: expected string, received'
const NO_NUMBER = 'Invalid input: expected number, received'
const EMPTY = 'Too small: expected string to have >=1 characters, got ""'
const BIG = `Too big: expected string to have <=255 characters, got ${TOO_LONG_SHOWN}`
const ODD_TEXT = 'expected no NUL character and no half of a surrogate pair, got'

const TIMEOUT = 'Invalid timeout value for task "echo":'
const SLEEP = 'Invalid sleep ms before run for task "echo":'
const ENDLESS =
  'Too big: expected int to be <=9007199254740991, got 1e+300; Too big: expected number to be <=3153600000000, got 1e+300'

const COMMON: readonly Row[] = [
  wrongShape('text as options', 'fast', 'options: Invalid input: expected object, received string'),
  wrongShape('a list as options', [], 'options: Invalid input: expected object, received array'),
  wrongShape('null as options', null, 'options: Invalid input: expected object, received null'),
  wrongShape('a transaction', { transaction: {} }, 'options: Unrecognized key: "transaction"'),
  wrongShape(
    'odd options',
    { priority: 1, delay: 1 },
    'options: Unrecognized keys: "priority", "delay"',
  ),
  [
    'enqueueTask: options by their prototype',
    {
      path: 'enqueueTask',
      body: '{"json":{"taskName":"echo","options":{"__proto__":{"executionId":"mine"}}}}',
    },
    invalid('enqueueTask', 'options: Unrecognized key: "__proto__"'),
  ],
  wrongShape('a queue of no text', { queue: {} }, `options.queue: ${NO_STRING} object`),
  wrongShape('null as a queue', { queue: null }, `options.queue: ${NO_STRING} null`),
  wrongShape('an empty queue', { queue: '' }, `options.queue: ${EMPTY}`),
  wrongShape('a queue too long', { queue: TOO_LONG }, `options.queue: ${BIG}`),
  wrongValue(
    'a queue with a NUL character',
    { queue: 'a\0b' },
    String.raw`Invalid queue for task "echo": Invalid input: ${ODD_TEXT} "a\u0000b"`,
  ),
  wrongValue(
    'a queue with half of a surrogate pair',
    { queue: '\ud800' },
    String.raw`Invalid queue for task "echo": Invalid input: ${ODD_TEXT} "\ud800"`,
  ),
]

const IDS: readonly Row[] = [
  wrongShape(
    'an own id of no text',
    { executionId: 1 },
    `options.executionId: ${NO_STRING} number`,
  ),
  wrongShape('many own ids', { executionId: ['a'] }, `options.executionId: ${NO_STRING} array`),
  wrongShape('null as own id', { executionId: null }, `options.executionId: ${NO_STRING} null`),
  wrongShape('an empty own id', { executionId: '' }, `options.executionId: ${EMPTY}`),
  wrongShape('an own id too long', { executionId: TOO_LONG }, `options.executionId: ${BIG}`),
  wrongValue(
    'an own id that leaves no room for the prefix',
    { executionId: 'x'.repeat(251) },
    'Invalid call of enqueueTask: options.executionId: expected at most 250 characters, got 251',
  ),
  wrongValue(
    'an own id with a NUL character',
    { executionId: 'a\0b' },
    String.raw`Invalid execution id for task "echo": ${ODD_TEXT} "a\u0000b"`,
  ),
  wrongValue(
    'an own id with half of a surrogate pair',
    { executionId: '\udc00' },
    String.raw`Invalid execution id for task "echo": ${ODD_TEXT} "\udc00"`,
  ),
  wrongValue(
    'an own id with the words of a message in it',
    { executionId: 'task internal_echo, got; \0' },
    String.raw`Invalid execution id for task "echo": ${ODD_TEXT} "task internal_echo, got; \u0000"`,
  ),
  enqueue(
    'an own id that another task has',
    { options: { executionId: HELD } },
    refused(
      `Execution id "${HELD}" is taken by an execution of another task: give each execution an id of its own`,
      'already_exists',
    ),
  ),
]

const TIMES: readonly Row[] = [
  wrongShape('text as time-out', { timeoutMs: '9' }, `options.timeoutMs: ${NO_NUMBER} string`),
  wrongShape('null as time-out', { timeoutMs: null }, `options.timeoutMs: ${NO_NUMBER} null`),
  [
    'enqueueTask: a time-out that is NaN',
    {
      path: 'enqueueTask',
      body: {
        json: { taskName: 'echo', options: { timeoutMs: null } },
        meta: [[2, 'options', 'timeoutMs']],
      },
    },
    invalid('enqueueTask', `options.timeoutMs: ${NO_NUMBER} NaN`),
  ],
  wrongValue(
    'a negative time-out',
    { timeoutMs: -1 },
    `${TIMEOUT} Too small: expected number to be >=1, got -1`,
  ),
  wrongValue(
    'no time at all',
    { timeoutMs: 0 },
    `${TIMEOUT} Too small: expected number to be >=1, got 0`,
  ),
  wrongValue(
    'half a millisecond as time-out',
    { timeoutMs: 1.5 },
    `${TIMEOUT} Invalid input: expected int, got 1.5`,
  ),
  wrongValue('a time-out without end', { timeoutMs: 1e300 }, `${TIMEOUT} ${ENDLESS}`),
  wrongShape(
    'text as delay',
    { sleepMsBeforeRun: '9' },
    `options.sleepMsBeforeRun: ${NO_NUMBER} string`,
  ),
  wrongShape(
    'an object as delay',
    { sleepMsBeforeRun: {} },
    `options.sleepMsBeforeRun: ${NO_NUMBER} object`,
  ),
  wrongValue(
    'a negative delay',
    { sleepMsBeforeRun: -1 },
    `${SLEEP} Too small: expected number to be >=0, got -1`,
  ),
  wrongValue(
    'half a millisecond as delay',
    { sleepMsBeforeRun: 0.5 },
    `${SLEEP} Invalid input: expected int, got 0.5`,
  ),
  wrongValue('a delay without end', { sleepMsBeforeRun: 1e300 }, `${SLEEP} ${ENDLESS}`),
]

const RETRIES: readonly Row[] = [
  wrongShape(
    'a number as retries',
    { retryOptions: 3 },
    'options.retryOptions: Invalid input: expected object, received number',
  ),
  wrongShape(
    'null as retries',
    { retryOptions: null },
    'options.retryOptions: Invalid input: expected object, received null',
  ),
  ...['maxAttempts', 'baseDelayMs', 'delayMultiplier', 'maxDelayMs', 'jitter'].map((key) =>
    wrongShape(
      `text as ${key}`,
      { retryOptions: { [key]: '9' } },
      `options.retryOptions.${key}: ${NO_NUMBER} string`,
    ),
  ),
  wrongShape(
    'an odd option of retries',
    { retryOptions: { max: 9 } },
    'options.retryOptions: Unrecognized key: "max"',
  ),
  ...['maxAttempts', 'baseDelayMs', 'delayMultiplier', 'maxDelayMs', 'jitter'].map((key) =>
    wrongRetry(
      `a negative ${key}`,
      { [key]: -1 },
      `${key}: Too small: expected number to be >=0, got -1`,
    ),
  ),
  wrongRetry(
    'half an attempt',
    { maxAttempts: 1.5 },
    'maxAttempts: Invalid input: expected int, got 1.5',
  ),
  wrongRetry(
    'attempts without end',
    { maxAttempts: 1e300 },
    'maxAttempts: Too big: expected int to be <=9007199254740991, got 1e+300',
  ),
  wrongRetry(
    'a jitter above 1',
    { jitter: 2 },
    'jitter: Too big: expected number to be <=1, got 2',
  ),
  wrongRetry(
    'a first delay without end',
    { baseDelayMs: 1e300 },
    'baseDelayMs: Too big: expected number to be <=3153600000000, got 1e+300',
  ),
  wrongRetry(
    'a longest delay without end',
    { maxDelayMs: 1e300 },
    'maxDelayMs: Too big: expected number to be <=3153600000000, got 1e+300',
  ),
  wrongRetry(
    'two wrong options of retries',
    { maxAttempts: -1, jitter: -1 },
    'maxAttempts: Too small: expected number to be >=0, got -1; jitter: Too small: expected number to be >=0, got -1',
  ),
  enqueue(
    'retries of a sleeping task',
    { taskName: 'approval', input: 'new', options: { retryOptions: { maxAttempts: 1 } } },
    refused(
      'Invalid options for task "approval": retryOptions cannot be given, a sleeping task runs nothing that could be retried',
      'invalid_task',
    ),
  ),
]

export const OPTIONS: readonly Row[] = [...COMMON, ...IDS, ...TIMES, ...RETRIES]
