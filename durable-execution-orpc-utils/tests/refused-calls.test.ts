/** Calls that must not get through, as raw requests: each gets its exact error, and changes nothing. */
import { ORPCError } from '@orpc/server'
import { InMemoryTaskExecutionsStorage } from 'durable-execution'
import { beforeEach, describe, expect, it } from 'vitest'

import { serveTasks, type TasksServer } from './support/tasks-server'

/** One request. */
interface Call {
  readonly procedure: string
  /** What goes as JSON; text goes as it is. */
  readonly body: unknown
  /** `null`: without a token. */
  readonly token?: string | null
  readonly method?: string
  readonly contentType?: string
}

interface Answer {
  readonly status: number
  readonly code?: string
  readonly message?: string | RegExp
  readonly data?: unknown
}

const INVALID = { status: 400, code: 'BAD_REQUEST', data: { code: 'invalid_input' } } as const
const FORBIDDEN = { status: 403, code: 'FORBIDDEN', message: 'Forbidden', data: undefined } as const
const UNAUTHORIZED = { status: 401, code: 'UNAUTHORIZED', message: 'Who are you?' } as const

/** Of an execution of `hold` that runs while the calls are made. */
const HELD = 'held:1'

function missing(message: string): Answer {
  return { status: 404, code: 'NOT_FOUND', message, data: { code: 'not_found' } }
}

function invalid(message: string | RegExp): Answer {
  return { ...INVALID, message }
}

function noTask(name: string): Answer {
  return missing(`Task ${JSON.stringify(name)} not found`)
}

function enqueue(json: object, rest: Partial<Call> = {}): Call {
  return { procedure: 'enqueueTask', body: { json }, ...rest }
}

function target(procedure: string, json: object, rest: Partial<Call> = {}): Call {
  return { procedure, body: { json }, ...rest }
}

function wakeup(json: object, rest: Partial<Call> = {}): Call {
  return { procedure: 'wakeupSleepingTaskExecution', body: { json }, ...rest }
}

const completed = { status: 'completed', output: 1 }
const long = 'x'.repeat(256)
const held = { taskName: 'hold', executionId: HELD }

const UNAUTHORIZED_CALLS: [string, Call, Answer][] = [
  ['an enqueue without a token', enqueue({ taskName: 'echo' }, { token: null }), UNAUTHORIZED],
  ['a look without a token', target('getTaskExecution', held, { token: null }), UNAUTHORIZED],
  ['a wait without a token', target('waitForTaskExecution', held, { token: null }), UNAUTHORIZED],
  ['a cancel without a token', target('cancelTaskExecution', held, { token: null }), UNAUTHORIZED],
  [
    'a wake-up without a token',
    wakeup({ taskName: 'approval', uniqueId: 'a', outcome: completed }, { token: null }),
    UNAUTHORIZED,
  ],
  ['a token that is none', enqueue({ taskName: 'echo' }, { token: 'a b' }), UNAUTHORIZED],
  ['no token, and a wrong shape', enqueue({}, { token: null }), UNAUTHORIZED],
  ['an enqueue that is refused', enqueue({ taskName: 'echo' }, { token: 'guest' }), FORBIDDEN],
  [
    'a refused look at what is there',
    target('getTaskExecution', held, { token: 'guest' }),
    FORBIDDEN,
  ],
  [
    'a refused look at what is not there',
    target('getTaskExecution', { taskName: 'hold', executionId: 'none' }, { token: 'guest' }),
    FORBIDDEN,
  ],
  [
    'a refused call of a task that is not there',
    target('getTaskExecution', { taskName: 'none', executionId: HELD }, { token: 'guest' }),
    FORBIDDEN,
  ],
  ['a refused wait', target('waitForTaskExecution', held, { token: 'guest' }), FORBIDDEN],
  ['a refused cancel', target('cancelTaskExecution', held, { token: 'guest' }), FORBIDDEN],
  [
    'a refused wake-up',
    wakeup({ taskName: 'approval', uniqueId: 'asleep', outcome: completed }, { token: 'guest' }),
    FORBIDDEN,
  ],
  [
    'a call that the answer of authorize lets through only if read carelessly',
    enqueue({ taskName: 'echo' }, { token: 'truthy' }),
    FORBIDDEN,
  ],
  [
    'a call at which authorize throws',
    enqueue({ taskName: 'echo' }, { token: 'broken' }),
    { status: 500, code: 'INTERNAL_SERVER_ERROR', message: 'Internal server error' },
  ],
  [
    'a call that authorize answers itself',
    enqueue({ taskName: 'echo' }, { token: 'limited' }),
    { status: 429, code: 'TOO_MANY_REQUESTS', message: 'Later' },
  ],
]

const UNKNOWN_CALLS: [string, Call, Answer][] = [
  ['an unknown task', enqueue({ taskName: 'none' }), noTask('none')],
  [
    'a task by its id instead of its name',
    enqueue({ taskName: 'internal_echo' }),
    noTask('internal_echo'),
  ],
  ['__proto__', enqueue({ taskName: '__proto__' }), noTask('__proto__')],
  ['constructor', enqueue({ taskName: 'constructor' }), noTask('constructor')],
  ['toString', enqueue({ taskName: 'toString' }), noTask('toString')],
  ['hasOwnProperty', enqueue({ taskName: 'hasOwnProperty' }), noTask('hasOwnProperty')],
  [
    '__proto__ in a cancel',
    target('cancelTaskExecution', { taskName: '__proto__', executionId: HELD }),
    noTask('__proto__'),
  ],
  [
    'constructor in a wait',
    target('waitForTaskExecution', { taskName: 'constructor', executionId: HELD }),
    noTask('constructor'),
  ],
  [
    'a wake-up of __proto__',
    wakeup({ taskName: '__proto__', uniqueId: 'a', outcome: completed }),
    noTask('__proto__'),
  ],
  [
    'an execution that is not there',
    target('getTaskExecution', { taskName: 'hold', executionId: 'none' }),
    missing('Execution "none" of task "hold" not found'),
  ],
  [
    'an execution of another task',
    target('getTaskExecution', { taskName: 'echo', executionId: HELD }),
    missing(`Execution "${HELD}" of task "echo" not found`),
  ],
  [
    'a wait for an execution of another task',
    target('waitForTaskExecution', { taskName: 'echo', executionId: HELD }),
    missing(`Execution "${HELD}" of task "echo" not found`),
  ],
  [
    'a cancel of an execution of another task',
    target('cancelTaskExecution', { taskName: 'echo', executionId: HELD }),
    missing(`Execution "${HELD}" of task "echo" not found`),
  ],
  [
    'an id no database can hold',
    target('getTaskExecution', { taskName: 'hold', executionId: 'a\0b' }),
    missing(String.raw`Execution "a\u0000b" of task "hold" not found`),
  ],
  [
    'a wake-up of nobody',
    wakeup({ taskName: 'approval', uniqueId: 'none', outcome: completed }),
    missing('Execution of task "approval" with unique id "none" not found'),
  ],
  ['a procedure that is not there', { procedure: 'runTask', body: { json: {} } }, { status: 404 }],
  ['a procedure of the prototype', { procedure: 'toString', body: { json: {} } }, { status: 404 }],
]

const MALFORMED_CALLS: [string, Call, Answer][] = [
  [
    'no name',
    enqueue({}),
    invalid(
      'Invalid call of enqueueTask: taskName: Invalid input: expected string, received undefined',
    ),
  ],
  [
    'an empty name',
    enqueue({ taskName: '' }),
    invalid(/^Invalid call of enqueueTask: taskName: Too small/),
  ],
  [
    'a name of no text',
    enqueue({ taskName: ['echo'] }),
    invalid(
      'Invalid call of enqueueTask: taskName: Invalid input: expected string, received array',
    ),
  ],
  ['a name too long', enqueue({ taskName: long }), invalid(/taskName: Too big/)],
  [
    'no object',
    { procedure: 'enqueueTask', body: { json: 'echo' } },
    invalid('Invalid call of enqueueTask: Invalid input: expected object, received string'),
  ],
  ['nothing', { procedure: 'enqueueTask', body: {} }, invalid(/expected object/)],
  [
    'an unknown key',
    enqueue({ taskName: 'echo', transaction: {} }),
    invalid('Invalid call of enqueueTask: Unrecognized key: "transaction"'),
  ],
  [
    'a transaction among the options',
    enqueue({ taskName: 'echo', options: { transaction: {} } }),
    invalid('Invalid call of enqueueTask: options: Unrecognized key: "transaction"'),
  ],
  [
    'a polling interval',
    target('waitForTaskExecution', { ...held, pollingIntervalMs: 1 }),
    invalid('Invalid call of waitForTaskExecution: Unrecognized key: "pollingIntervalMs"'),
  ],
  [
    'options that are none',
    enqueue({ taskName: 'echo', options: 'fast' }),
    invalid(
      'Invalid call of enqueueTask: options: Invalid input: expected object, received string',
    ),
  ],
  [
    'an own id of no text',
    enqueue({ taskName: 'echo', options: { executionId: 1 } }),
    invalid(/options\.executionId: Invalid input: expected string/),
  ],
  [
    'an empty own id',
    enqueue({ taskName: 'echo', options: { executionId: '' } }),
    invalid(/options\.executionId: Too small/),
  ],
  [
    'an own id too long',
    enqueue({ taskName: 'echo', options: { executionId: long } }),
    invalid(/options\.executionId: Too big/),
  ],
  [
    'an own id no database can hold',
    enqueue({ taskName: 'echo', options: { executionId: 'a\0b' } }),
    {
      status: 400,
      code: 'BAD_REQUEST',
      message: /^Invalid execution id for task "echo": expected no NUL character/,
      data: { code: 'invalid_task' },
    },
  ],
  [
    'an own id that another task has',
    enqueue({ taskName: 'echo', options: { executionId: HELD } }),
    {
      status: 400,
      code: 'BAD_REQUEST',
      message: `Execution id "${HELD}" is taken by an execution of another task: give each execution an id of its own`,
      data: { code: 'already_exists' },
    },
  ],
  [
    'a negative time-out',
    enqueue({ taskName: 'echo', options: { timeoutMs: -1 } }),
    {
      status: 400,
      code: 'BAD_REQUEST',
      message: /^Invalid timeout value for task "echo": /,
      data: { code: 'invalid_task' },
    },
  ],
  [
    'retries that are no number',
    enqueue({ taskName: 'echo', options: { retryOptions: { maxAttempts: '9' } } }),
    invalid(/options\.retryOptions\.maxAttempts: Invalid input: expected number, received string/),
  ],
  [
    'an unknown option of retries',
    enqueue({ taskName: 'echo', options: { retryOptions: { max: 9 } } }),
    invalid('Invalid call of enqueueTask: options.retryOptions: Unrecognized key: "max"'),
  ],
  [
    'a delay without end',
    enqueue({ taskName: 'echo', options: { sleepMsBeforeRun: 1e300 } }),
    { status: 400, code: 'BAD_REQUEST', data: { code: 'invalid_task' } },
  ],
  [
    'a queue of no text',
    enqueue({ taskName: 'echo', options: { queue: {} } }),
    invalid(/options\.queue: Invalid input: expected string/),
  ],
  [
    'an input too large',
    enqueue({ taskName: 'echo', input: 'x'.repeat(2 ** 20 + 1) }),
    {
      status: 400,
      code: 'BAD_REQUEST',
      message:
        /^Input of task "echo" is too large: \d+ bytes, of which 1048576 are allowed; store it elsewhere and pass a reference$/,
      data: { code: 'too_large' },
    },
  ],
  [
    'a sleeping task without a unique id',
    enqueue({ taskName: 'approval', input: 1 }),
    {
      status: 400,
      code: 'BAD_REQUEST',
      message: /^Invalid input to task "approval": expected the unique id/,
      data: { code: 'invalid_input' },
    },
  ],
  [
    'a unique id that is taken',
    enqueue({ taskName: 'approval', input: 'asleep', options: { executionId: 'mine' } }),
    {
      status: 400,
      code: 'BAD_REQUEST',
      message:
        'Unique id "asleep" of task "approval" is taken by an execution that is active: wake or cancel it first, or use another',
      data: { code: 'already_exists' },
    },
  ],
  [
    'a look without an id',
    target('getTaskExecution', { taskName: 'hold' }),
    invalid(
      'Invalid call of getTaskExecution: executionId: Invalid input: expected string, received undefined',
    ),
  ],
  [
    'a look with many ids',
    target('getTaskExecution', { taskName: 'hold', executionId: [HELD] }),
    invalid(/executionId: Invalid input: expected string, received array/),
  ],
  [
    'a cancel with an empty id',
    target('cancelTaskExecution', { taskName: 'hold', executionId: '' }),
    invalid(/^Invalid call of cancelTaskExecution: executionId: Too small/),
  ],
  [
    'a wake-up of a task that does not sleep',
    wakeup({ taskName: 'echo', uniqueId: 'a', outcome: completed }),
    {
      status: 400,
      code: 'BAD_REQUEST',
      message: 'Task "echo" is not a sleeping task: only those are woken',
      data: { code: 'invalid_task' },
    },
  ],
  [
    'a wake-up without an outcome',
    wakeup({ taskName: 'approval', uniqueId: 'asleep' }),
    invalid(/^Invalid call of wakeupSleepingTaskExecution: outcome/),
  ],
  [
    'a wake-up with an outcome there is not',
    wakeup({ taskName: 'approval', uniqueId: 'asleep', outcome: { status: 'cancelled' } }),
    invalid(/^Invalid call of wakeupSleepingTaskExecution: outcome\.status: Invalid discriminator/),
  ],
  [
    'a wake-up with an error of no message',
    wakeup({ taskName: 'approval', uniqueId: 'asleep', outcome: { status: 'failed', error: {} } }),
    invalid(/outcome\.error\.message: Invalid input: expected string/),
  ],
  [
    'a wake-up with an output too large',
    wakeup({
      taskName: 'approval',
      uniqueId: 'asleep',
      outcome: { status: 'completed', output: 'x'.repeat(2 ** 20 + 1) },
    }),
    { status: 400, code: 'BAD_REQUEST', data: { code: 'too_large' } },
  ],
  ['no JSON', { procedure: 'enqueueTask', body: '{"json":' }, { status: 400, code: 'BAD_REQUEST' }],
  [
    'a path into the prototype among the types of values',
    {
      procedure: 'enqueueTask',
      body: { json: { taskName: 'echo' }, meta: [[1, '__proto__', 'polluted']] },
    },
    { status: 400, code: 'BAD_REQUEST' },
  ],
  [
    'a big integer that is none',
    {
      procedure: 'enqueueTask',
      body: { json: { taskName: 'echo', input: 'x' }, meta: [[0, 'input']] },
    },
    { status: 400, code: 'BAD_REQUEST' },
  ],
  [
    'an enqueue by GET, which a link on any page could make',
    {
      procedure: `enqueueTask?data=${encodeURIComponent('{"json":{"taskName":"echo"}}')}`,
      body: null,
      method: 'GET',
    },
    { status: 405, code: 'METHOD_NOT_SUPPORTED' },
  ],
]

const ALL = [...UNAUTHORIZED_CALLS, ...UNKNOWN_CALLS, ...MALFORMED_CALLS]

let server: TasksServer
let storage: InMemoryTaskExecutionsStorage

/** Of the rows all but what a lease that is renewed changes. */
function state(): unknown {
  return storage.dump().map(({ claimAt: _, updatedAt: __, ...row }) => row)
}

beforeEach(async () => {
  storage = new InMemoryTaskExecutionsStorage()
  server = await serveTasks({
    storage,
    router: {
      authorize: ({ context: { tenant } }) => {
        if (tenant === 'broken') throw new Error('The password is swordfish')
        // What users without types answer.
        if (tenant === 'truthy') return 'yes' as unknown as boolean
        if (tenant === 'limited') throw new ORPCError('TOO_MANY_REQUESTS', { message: 'Later' })
        return tenant !== 'guest'
      },
    },
  })
  const { hold, approval } = server.tasks
  await server.executor.enqueueTask(hold, 'a', { executionId: HELD })
  await server.executor.enqueueTask(approval, 'asleep')
  await expect.poll(() => server.runs.held.has('a'), { timeout: 30_000 }).toBe(true)
})

async function send({ procedure, body, token = 'acme', method = 'POST' }: Call): Promise<{
  status: number
  answer: unknown
}> {
  const headers = {
    'content-type': 'application/json',
    ...(token !== null && { authorization: `Bearer ${token}` }),
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${server.url}/rpc/${procedure}`, {
    method,
    headers,
    ...(method === 'POST' && { body: text }),
  })
  const answered = await response.text()
  return {
    status: response.status,
    answer: answered.startsWith('{') ? (JSON.parse(answered) as unknown) : answered,
  }
}

describe('a call that must not get through', () => {
  it('is one of at least forty', () => {
    expect(ALL.length).toBeGreaterThanOrEqual(40)
    expect(new Set(ALL.map(([name]) => name)).size).toBe(ALL.length)
  })

  it.each(ALL)('gets its error and changes nothing: %s', async (_name, call, expected) => {
    const before = state()
    const { status, answer } = await send(call)
    expect(status).toBe(expected.status)
    if (expected.code !== undefined) {
      const { message = /./ } = expected
      expect(answer).toMatchObject({
        json: {
          code: expected.code,
          status: expected.status,
          message: message instanceof RegExp ? (expect.stringMatching(message) as string) : message,
        },
      })
    }
    if ('data' in expected) {
      expect((answer as { json: { data?: unknown } }).json.data).toEqual(expected.data)
    }
    const text = JSON.stringify(answer)
    expect(text).not.toMatch(/swordfish|node_modules|at .*\.ts:/)
    expect(state()).toEqual(before)
    expect(server.runs.calls).toEqual(new Map([['hold', 1]]))
    expect(Reflect.get(Object.prototype, 'polluted')).toBeUndefined()
  })
})
