/** Calls for what is not there, or not there for this caller: which of the two it is nobody learns. */
import {
  ASLEEP,
  callOf,
  HELD,
  missing,
  ofEach,
  PROCEDURES,
  refused,
  SLEEPER,
  TARGETING,
  type Row,
} from './refused-call'

const OTHER = { authorization: 'Bearer other' }

/** Names of tasks that are none, as text of JSON where that is not the name in quotes. */
const TASKS: readonly (readonly [string, string, string?])[] = [
  ['an unknown task', 'none'],
  ['a task by its id in the executor', 'internal_echo'],
  ['a task in other letters', 'Echo'],
  ['a task with a blank behind', 'echo '],
  ['__proto__ as a task', '__proto__'],
  ['constructor as a task', 'constructor'],
  ['toString as a task', 'toString'],
  ['hasOwnProperty as a task', 'hasOwnProperty'],
  ['a task with a NUL character', 'echo\0', String.raw`"echo\u0000"`],
  ['a task with half of a surrogate pair', '\ud800', String.raw`"\ud800"`],
  ['a task of the longest name', 'x'.repeat(255)],
]

/** Ids of executions that are none of the task `hold` of the tenant. */
const IDS: readonly (readonly [string, string, string?])[] = [
  ['an execution that is not there', 'none'],
  ['an execution of a task of another name', SLEEPER],
  ['an execution as the storage names it', `acme:${HELD}`],
  ['an execution of another tenant', 'other:theirs'],
  ['a path to an execution', `../acme:${HELD}`],
  ['a pattern for executions', 'held%'],
  ['a piece of SQL', "' OR 1=1 --"],
  ['__proto__ as an execution', '__proto__'],
  ['an id with a blank behind', `${HELD} `],
  ['an id in other letters', HELD.toUpperCase()],
  ['an id with a NUL character', `${HELD}\0`, String.raw`"held:1\u0000"`],
  ['an id with half of a surrogate pair', '\udc00', String.raw`"\udc00"`],
  ['an id of the longest, that no prefix fits before', 'x'.repeat(255)],
]

/** Unique ids that no execution of `approval` of the tenant has. */
const UNIQUE_IDS: readonly (readonly [string, string, string?])[] = [
  ['a unique id that is not there', 'none'],
  ['a unique id as the storage knows it', `acme:${ASLEEP}`],
  ['the id of the execution as its unique id', SLEEPER],
  ['__proto__ as a unique id', '__proto__'],
  ['a unique id with a NUL character', `${ASLEEP}\0`, String.raw`"asleep\u0000"`],
  ['a unique id with half of a surrogate pair', '\ud800', String.raw`"\ud800"`],
  [
    'a unique id of a million characters',
    'x'.repeat(1_000_000),
    `"${'x'.repeat(80)}…" (1000000 characters)`,
  ],
]

function noExecution(shown: string, task = 'hold') {
  return missing(`Execution ${shown} of task "${task}" not found`)
}

function noSleeper(shown: string) {
  return missing(`Execution of task "approval" with unique id ${shown} not found`)
}

export const UNKNOWN_CALLS: readonly Row[] = [
  ...TASKS.flatMap(([what, taskName, shown = `"${taskName}"`]) =>
    ofEach(PROCEDURES, what, (procedure) => [
      callOf(procedure, { taskName }),
      missing(`Task ${shown} not found`),
    ]),
  ),
  ...IDS.flatMap(([what, executionId, shown = `"${executionId}"`]) =>
    ofEach(TARGETING, what, (procedure) => [
      callOf(procedure, { executionId }),
      noExecution(shown),
    ]),
  ),
  ...ofEach(TARGETING, 'an execution under the name of another task', (procedure) => [
    callOf(procedure, { taskName: 'echo' }),
    noExecution(`"${HELD}"`, 'echo'),
  ]),
  ...ofEach(TARGETING, 'an execution of another tenant, by its owner’s id', (procedure) => [
    callOf(procedure, {}, OTHER),
    noExecution(`"${HELD}"`),
  ]),
  ...ofEach(TARGETING, 'an execution of another tenant, as the storage names it', (procedure) => [
    callOf(procedure, { executionId: `acme:${HELD}` }, OTHER),
    noExecution(`"acme:${HELD}"`),
  ]),
  ...UNIQUE_IDS.map(([what, uniqueId, shown = `"${uniqueId}"`]): Row => [
    `wakeupSleepingTaskExecution: ${what}`,
    callOf('wakeupSleepingTaskExecution', { uniqueId }),
    noSleeper(shown),
  ]),
  [
    'wakeupSleepingTaskExecution: a sleeping execution of another tenant',
    callOf('wakeupSleepingTaskExecution', {}, OTHER),
    noSleeper(`"${ASLEEP}"`),
  ],
  [
    'wakeupSleepingTaskExecution: a sleeping execution of another tenant, as the storage knows it',
    callOf('wakeupSleepingTaskExecution', { uniqueId: `acme:${ASLEEP}` }, OTHER),
    noSleeper(`"acme:${ASLEEP}"`),
  ],
  ...['echo', 'hold', 'family'].map((taskName): Row => [
    `wakeupSleepingTaskExecution: ${taskName}, which does not sleep`,
    callOf('wakeupSleepingTaskExecution', { taskName }),
    refused(`Task "${taskName}" is not a sleeping task: only those are woken`, 'invalid_task'),
  ]),
]
