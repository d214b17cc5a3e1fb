/** Calls of those who may not make them: they get the same, whatever there is. */
import {
  callOf,
  FORBIDDEN,
  HELD,
  invalid,
  ofEach,
  PROCEDURES,
  TARGETING,
  UNAUTHORIZED,
  undeclared,
  type Answer,
  type Row,
} from './refused-call'

/** What the router can't help, or must not explain. */
const INTERNAL = undeclared(500, 'INTERNAL_SERVER_ERROR', 'Internal server error')

/** Who is not known, whatever is called. */
const AUTHORIZATIONS: readonly (readonly [string, string | null])[] = [
  ['without a token', null],
  ['with an empty token', 'Bearer '],
  ['with a token that is none', 'Bearer a b'],
  ['with a token of another kind', 'Basic acme'],
]

/** Tokens whose call `authorize`, or the prefix of ids, lets nowhere. */
const TOKENS: readonly (readonly [string, string, Answer])[] = [
  ['by one whom authorize refuses', 'guest', FORBIDDEN],
  ['that the answer of authorize lets through only if read carelessly', 'truthy', FORBIDDEN],
  ['at which authorize throws', 'broken', INTERNAL],
  ['that authorize answers itself', 'limited', undeclared(429, 'TOO_MANY_REQUESTS', 'Later')],
  ['whose prefix of ids may be the beginning of another', 'askew', INTERNAL],
  ['whose prefix of ids is not found', 'homeless', INTERNAL],
]

/** What a caller may try to find out. */
const TRIED: readonly (readonly [string, object])[] = [
  ['a task that is not there', { taskName: 'none' }],
  ['a task by its id in the executor', { taskName: 'internal_echo' }],
  ['__proto__ as a task', { taskName: '__proto__' }],
]

/** Of these the answer is the same as for what is there. */
const IDS: readonly (readonly [string, object])[] = [
  ['an execution that is not there', { executionId: 'none' }],
  ['an execution as the storage names it', { executionId: `acme:${HELD}` }],
  ['an execution of another task', { taskName: 'echo' }],
]

const UNIQUE_IDS: readonly (readonly [string, object])[] = [
  ['a unique id that is not there', { uniqueId: 'none' }],
  ['a task that does not sleep', { taskName: 'echo' }],
]

function tried(token: string | null, who: string, answer: Answer): Row[] {
  const rest = { authorization: token }
  return [
    ...TRIED.flatMap(([what, changes]) =>
      ofEach(PROCEDURES, `${who}, ${what}`, (procedure) => [
        callOf(procedure, changes, rest),
        answer,
      ]),
    ),
    ...IDS.flatMap(([what, changes]) =>
      ofEach(TARGETING, `${who}, ${what}`, (procedure) => [
        callOf(procedure, changes, rest),
        answer,
      ]),
    ),
    ...UNIQUE_IDS.map(([what, changes]): Row => [
      `wakeupSleepingTaskExecution: ${who}, ${what}`,
      callOf('wakeupSleepingTaskExecution', changes, rest),
      answer,
    ]),
  ]
}

export const UNAUTHORIZED_CALLS: readonly Row[] = [
  ...AUTHORIZATIONS.flatMap(([who, authorization]) =>
    ofEach(PROCEDURES, who, (procedure) => [
      callOf(procedure, {}, { authorization }),
      UNAUTHORIZED,
    ]),
  ),
  ...TOKENS.flatMap(([who, token, answer]) =>
    ofEach(PROCEDURES, who, (procedure) => [
      callOf(procedure, {}, { authorization: `Bearer ${token}` }),
      answer,
    ]),
  ),
  ...tried(null, 'without a token', UNAUTHORIZED),
  ...tried('Bearer guest', 'refused', FORBIDDEN),
  ...ofEach(PROCEDURES, 'without a token, and of a wrong shape', (procedure) => [
    callOf(procedure, { taskName: undefined }, { authorization: null }),
    UNAUTHORIZED,
  ]),
  // Of what there is the shape of a call tells nothing.
  ...ofEach(PROCEDURES, 'refused, and of a wrong shape', (procedure) => [
    callOf(procedure, { taskName: undefined }, { authorization: 'Bearer guest' }),
    invalid(procedure, 'taskName: Invalid input: expected string, received undefined'),
  ]),
]
