/** Wake-ups whose unique id or outcome is of a wrong shape. */
import { callOf, invalid, type Row } from './refused-call'

const NO_OBJECT = 'Invalid input: expected object, received'
const NO_STRING = 'Invalid input: expected string, received'
const STATUSES = "Invalid discriminator value. Expected 'completed' | 'failed', got"

function wrongShape(wrong: string, changes: object, problem: string): Row {
  return [
    `wakeupSleepingTaskExecution: ${wrong}`,
    callOf('wakeupSleepingTaskExecution', changes),
    invalid('wakeupSleepingTaskExecution', problem),
  ]
}

function wrongOutcome(wrong: string, outcome: unknown, problem: string): Row {
  return wrongShape(wrong, { outcome }, `outcome${problem}`)
}

function wrongError(wrong: string, error: unknown, problem: string): Row {
  return wrongOutcome(wrong, { status: 'failed', error }, `.error${problem}`)
}

const UNIQUE_IDS: readonly Row[] = [
  wrongShape('no unique id', { uniqueId: undefined }, `uniqueId: ${NO_STRING} undefined`),
  wrongShape('null as unique id', { uniqueId: null }, `uniqueId: ${NO_STRING} null`),
  wrongShape('a number as unique id', { uniqueId: 1 }, `uniqueId: ${NO_STRING} number`),
  wrongShape('many unique ids', { uniqueId: ['asleep'] }, `uniqueId: ${NO_STRING} array`),
  wrongShape(
    'an empty unique id',
    { uniqueId: '' },
    'uniqueId: Too small: expected string to have >=1 characters, got ""',
  ),
  wrongShape(
    'an execution id in place of a unique id',
    { uniqueId: undefined, executionId: 'sleeper:1' },
    `uniqueId: ${NO_STRING} undefined; Unrecognized key: "executionId"`,
  ),
]

const OUTCOMES: readonly Row[] = [
  wrongOutcome('no outcome', undefined, `: ${NO_OBJECT} undefined`),
  wrongOutcome('null as outcome', null, `: ${NO_OBJECT} null`),
  wrongOutcome('text as outcome', 'completed', `: ${NO_OBJECT} string`),
  wrongOutcome('a list as outcome', ['completed'], `: ${NO_OBJECT} array`),
  wrongOutcome('an outcome without a status', {}, `.status: ${STATUSES} undefined`),
  wrongOutcome(
    'an outcome there is not',
    { status: 'cancelled' },
    `.status: ${STATUSES} "cancelled"`,
  ),
  wrongOutcome('a list as status', { status: ['completed'] }, `.status: ${STATUSES} a list`),
  wrongOutcome('an object as status', { status: {} }, `.status: ${STATUSES} an object`),
  wrongOutcome(
    'an outcome with both ends',
    { status: 'completed', output: 1, error: { message: 'No' } },
    ': Unrecognized key: "error"',
  ),
  wrongOutcome(
    'an outcome that says when',
    { status: 'completed', finishedAt: 0 },
    ': Unrecognized key: "finishedAt"',
  ),
]

const ERRORS: readonly Row[] = [
  wrongError('a failure without an error', undefined, `: ${NO_OBJECT} undefined`),
  wrongError('null as error', null, `: ${NO_OBJECT} null`),
  wrongError('text as error', 'No', `: ${NO_OBJECT} string`),
  wrongError('a list as error', ['No'], `: ${NO_OBJECT} array`),
  wrongError('an error of no message', {}, `.message: ${NO_STRING} undefined`),
  wrongError('an error whose message is no text', { message: 1 }, `.message: ${NO_STRING} number`),
  wrongError(
    'an error whose message is too long',
    { message: 'x'.repeat(10_001) },
    `.message: Too big: expected string to have <=10000 characters, got "${'x'.repeat(80)}…" (10001 characters)`,
  ),
  wrongError(
    'an error of a type there is not',
    { message: 'No', errorType: 'fatal' },
    '.errorType: Invalid option: expected one of "generic"|"not_found"|"timed_out"|"cancelled", got "fatal"',
  ),
  wrongError(
    'an error of a code there is not',
    { message: 'No', code: 'ENOENT' },
    '.code: Invalid option: expected one of "generic"|"invalid_options"|"invalid_task"|"invalid_input"|"too_large"|"not_serializable"|"not_found"|"already_exists"|"timed_out"|"cancelled"|"too_many_takeovers"|"result_not_stored"|"shut_down"|"storage", got "ENOENT"',
  ),
  wrongError(
    'an error that says whether it is internal',
    { message: 'No', isInternal: false },
    ': Unrecognized key: "isInternal"',
  ),
  wrongError('an error with a stack', { message: 'No', stack: '' }, ': Unrecognized key: "stack"'),
]

export const WAKEUPS: readonly Row[] = [...UNIQUE_IDS, ...OUTCOMES, ...ERRORS]
