/**
 * Calls that a router of tasks must refuse. Each differs in one point from a call that gets through, and has an answer that is known
 * to the letter.
 */
import type { TasksRouterAction } from '../../src/server'

export const PROCEDURES: readonly TasksRouterAction[] = [
  'enqueueTask',
  'getTaskExecution',
  'waitForTaskExecution',
  'cancelTaskExecution',
  'wakeupSleepingTaskExecution',
]

/** Those that name an execution by its id. */
export const TARGETING: readonly TasksRouterAction[] = [
  'getTaskExecution',
  'waitForTaskExecution',
  'cancelTaskExecution',
]

/** One request. */
export interface Call {
  /** Below the prefix of the router. */
  readonly path: string
  /** What goes as JSON; text goes as it is. */
  readonly body: unknown
  /** By default that of the tenant `acme`; `null`: without any. */
  readonly authorization?: string | null
  readonly method?: string
  readonly contentType?: string
}

/** The whole answer. */
export interface Answer {
  readonly status: number
  /** JSON as what it stands for, anything else as text. */
  readonly body: unknown
}

/** What is wrong with the call, the call, what it must get. */
export type Row = readonly [wrong: string, call: Call, answer: Answer]

/** An execution of `hold` that runs, as its tenant names it. */
export const HELD = 'held:1'

/** The unique id of an execution of `approval` that sleeps. */
export const ASLEEP = 'asleep'

/** The id of that execution. */
export const SLEEPER = 'sleeper:1'

/** One character more than a name may have. */
export const TOO_LONG = 'x'.repeat(256)

/** How a message shows that. */
export const TOO_LONG_SHOWN = `"${'x'.repeat(80)}…" (256 characters)`

const VALID: Readonly<Record<TasksRouterAction, object>> = {
  enqueueTask: { taskName: 'echo', input: 1 },
  getTaskExecution: { taskName: 'hold', executionId: HELD },
  waitForTaskExecution: { taskName: 'hold', executionId: HELD },
  cancelTaskExecution: { taskName: 'hold', executionId: HELD },
  wakeupSleepingTaskExecution: {
    taskName: 'approval',
    uniqueId: ASLEEP,
    outcome: { status: 'completed', output: 1 },
  },
}

/** The call of a procedure that gets through, but for these changes: keys that are `undefined` are left out. */
export function callOf(
  procedure: TasksRouterAction,
  changes: object = {},
  rest: Partial<Call> = {},
): Call {
  return { path: procedure, body: { json: { ...VALID[procedure], ...changes } }, ...rest }
}

/** The same thing wrong with each of these procedures. */
export function ofEach(
  procedures: readonly TasksRouterAction[],
  wrong: string,
  row: (procedure: TasksRouterAction) => readonly [Call, Answer],
): Row[] {
  return procedures.map((procedure) => [`${procedure}: ${wrong}`, ...row(procedure)])
}

/** An error that the procedures declare. */
function declared(status: number, code: string, message: string, reason?: string): Answer {
  const data = reason === undefined ? {} : { data: { code: reason } }
  return { status, body: { json: { defined: true, code, status, message, ...data } } }
}

/** An error of oRPC's, or of the one who set up the server. */
export function undeclared(status: number, code: string, message: string): Answer {
  return { status, body: { json: { defined: false, code, status, message } } }
}

/** Of the middleware of the tests' server. */
export const UNAUTHORIZED = undeclared(401, 'UNAUTHORIZED', 'Who are you?')

export const FORBIDDEN = declared(403, 'FORBIDDEN', 'Forbidden')

export function missing(message: string): Answer {
  return declared(404, 'NOT_FOUND', message, 'not_found')
}

/** @param reason - The code that the error has in the suite. */
export function refused(message: string, reason: string): Answer {
  return declared(400, 'BAD_REQUEST', message, reason)
}

/** The shape of the call is wrong. */
export function invalid(procedure: TasksRouterAction, problem: string): Answer {
  return refused(`Invalid call of ${procedure}: ${problem}`, 'invalid_input')
}
