/** Calls of a wrong shape, as any procedure may get them: what is no call, names and ids that are none, keys that there are not. */
import type { TasksRouterAction } from '../../src/server'
import {
  callOf,
  invalid,
  ofEach,
  PROCEDURES,
  TARGETING,
  TOO_LONG,
  TOO_LONG_SHOWN,
  type Row,
} from './refused-call'

const NOT_A_CALL: readonly (readonly [string, unknown, string])[] = [
  ['nothing', undefined, 'undefined'],
  ['null', null, 'null'],
  ['text', 'echo', 'string'],
  ['a number', 1, 'number'],
  ['a truth value', true, 'boolean'],
  ['a list', [{ taskName: 'echo' }], 'array'],
]

/** Of another type than text. */
const NO_TEXTS: readonly (readonly [string, unknown, string])[] = [
  ['no', undefined, 'undefined'],
  ['null as', null, 'null'],
  ['a number as', 1, 'number'],
  ['a truth value as', false, 'boolean'],
  ['a list as', ['echo'], 'array'],
  ['an object as', { toString: 'echo' }, 'object'],
]

/** Keys that the executor or its handles know, and calls must not. */
const KEYS: readonly (readonly [string, object])[] = [
  ['transaction', { transaction: {} }],
  ['pollingIntervalMs', { pollingIntervalMs: 1 }],
  ['executionIdPrefix', { executionIdPrefix: '' }],
  ['context', { context: { tenant: 'acme' } }],
  ['constructor', { constructor: {} }],
]

/** Everything that is not text of 1 to 255 characters. */
function wrongNames(
  procedures: readonly TasksRouterAction[],
  key: 'taskName' | 'executionId',
): Row[] {
  return [
    ...NO_TEXTS.flatMap(([what, value, received]) =>
      ofEach(procedures, `${what} ${key}`, (procedure) => [
        callOf(procedure, { [key]: value }),
        invalid(procedure, `${key}: Invalid input: expected string, received ${received}`),
      ]),
    ),
    ...ofEach(procedures, `an empty ${key}`, (procedure) => [
      callOf(procedure, { [key]: '' }),
      invalid(procedure, `${key}: Too small: expected string to have >=1 characters, got ""`),
    ]),
    ...ofEach(procedures, `a ${key} too long`, (procedure) => [
      callOf(procedure, { [key]: TOO_LONG }),
      invalid(
        procedure,
        `${key}: Too big: expected string to have <=255 characters, got ${TOO_LONG_SHOWN}`,
      ),
    ]),
  ]
}

const NO_TASK_NAME = 'taskName: Invalid input: expected string, received undefined'
const NO_EXECUTION_ID = 'executionId: Invalid input: expected string, received undefined'
const ODD_PROTOTYPE = 'Unrecognized key: "__proto__"'

/** Nothing of a prototype counts. */
const PROTOTYPE_PROBLEMS: Readonly<Record<TasksRouterAction, string>> = {
  enqueueTask: `${NO_TASK_NAME}; ${ODD_PROTOTYPE}`,
  getTaskExecution: `${NO_TASK_NAME}; ${NO_EXECUTION_ID}; ${ODD_PROTOTYPE}`,
  waitForTaskExecution: `${NO_TASK_NAME}; ${NO_EXECUTION_ID}; ${ODD_PROTOTYPE}`,
  cancelTaskExecution: `${NO_TASK_NAME}; ${NO_EXECUTION_ID}; ${ODD_PROTOTYPE}`,
  wakeupSleepingTaskExecution: `${NO_TASK_NAME}; uniqueId: Invalid input: expected string, received undefined; outcome: Invalid input: expected object, received undefined; ${ODD_PROTOTYPE}`,
}

export const SHAPES: readonly Row[] = [
  ...NOT_A_CALL.flatMap(([what, json, received]) =>
    ofEach(PROCEDURES, `${what} in place of a call`, (procedure) => [
      { path: procedure, body: { json } },
      invalid(procedure, `Invalid input: expected object, received ${received}`),
    ]),
  ),
  ...wrongNames(PROCEDURES, 'taskName'),
  ...wrongNames(TARGETING, 'executionId'),
  ...KEYS.flatMap(([key, changes]) =>
    ofEach(PROCEDURES, `the key ${key}`, (procedure) => [
      callOf(procedure, changes),
      invalid(procedure, `Unrecognized key: "${key}"`),
    ]),
  ),
  // Text: an object would take it for its prototype.
  ...ofEach(PROCEDURES, 'a name by its prototype', (procedure) => [
    { path: procedure, body: '{"json":{"__proto__":{"taskName":"hold","executionId":"held:1"}}}' },
    invalid(procedure, PROTOTYPE_PROBLEMS[procedure]),
  ]),
  ...ofEach(PROCEDURES, 'a key of a thousand characters', (procedure) => [
    callOf(procedure, { ['k'.repeat(1000)]: 1 }),
    invalid(procedure, `Unrecognized key: "${'k'.repeat(981)}…`),
  ]),
]
