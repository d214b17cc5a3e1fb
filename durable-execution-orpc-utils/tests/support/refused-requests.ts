/** Requests that are no calls: of a wrong method or content type, with a body that can't be read, for procedures there are not. */
import type { TasksRouterAction } from '../../src/server'
import {
  callOf,
  FORBIDDEN,
  HELD,
  invalid,
  missing,
  ofEach,
  PROCEDURES,
  UNAUTHORIZED,
  undeclared,
  type Answer,
  type Call,
  type Row,
} from './refused-call'

const UNREADABLE = undeclared(
  400,
  'BAD_REQUEST',
  "Malformed request. Ensure the request body is properly formatted and the 'Content-Type' header is set correctly.",
)

/** What the server of the tests answers where no procedure is: oRPC leaves that to it. */
const NO_PROCEDURE: Answer = { status: 404, body: 'No such procedure' }

const BODIES: readonly (readonly [string, Partial<Call>])[] = [
  ['no JSON', { body: '{"json":' }],
  ['null in place of a message', { body: 'null' }],
  ['types of values that are no list', { body: { json: {}, meta: 5 } }],
  ['a type of a value that is null', { body: { json: {}, meta: [null] } }],
  ['a path to a value that is not there', { body: { json: {}, meta: [[1, 'taskName']] } }],
  [
    'a path into the prototype',
    { body: { json: { taskName: 'echo' }, meta: [[1, '__proto__', 'polluted']] } },
  ],
  [
    'a path into the constructor',
    { body: { json: { taskName: 'echo' }, meta: [[1, 'constructor', 'prototype', 'polluted']] } },
  ],
  ['a big integer that is none', { body: { json: { taskName: 'x' }, meta: [[0, 'taskName']] } }],
  ['a URL that is none', { body: { json: { taskName: 'x' }, meta: [[4, 'taskName']] } }],
  ['a map that is none', { body: { json: { taskName: 'x' }, meta: [[7, 'taskName']] } }],
  ['a form that is none', { contentType: 'multipart/form-data; boundary=x' }],
]

/** Bodies that are read, and hold no call. */
const EMPTY: readonly (readonly [string, Partial<Call>])[] = [
  ['no body', { body: '' }],
  ['a list in place of a message', { body: '[]' }],
  ['text in place of a message', { body: '"echo"' }],
  ['a call as plain text', { contentType: 'text/plain' }],
  ['a call as bytes', { contentType: 'application/octet-stream' }],
  [
    'a form of a page',
    { contentType: 'application/x-www-form-urlencoded', body: 'json[taskName]=echo' },
  ],
  ['OPTIONS in place of a call', { method: 'OPTIONS', body: '' }],
]

const NO_PROCEDURES: readonly string[] = [
  'runTask',
  'enqueuetask',
  'enqueueTask/toString',
  'enqueueTask/~orpc',
  '~orpc',
  'toString',
  'constructor',
  'hasOwnProperty',
  '__proto__',
  '',
]

/** What these do is only asked for by POST. */
const WRITING = ['enqueueTask', 'cancelTaskExecution', 'wakeupSleepingTaskExecution'] as const

const READING = ['getTaskExecution', 'waitForTaskExecution'] as const

function byGet(procedure: TasksRouterAction, rest: Partial<Call> = {}): Call {
  const call = callOf(procedure)
  const query = encodeURIComponent(JSON.stringify(call.body))
  return { ...call, ...rest, method: 'GET', path: `${procedure}?data=${query}` }
}

export const REQUESTS: readonly Row[] = [
  ...BODIES.flatMap(([what, rest]) =>
    ofEach(PROCEDURES, what, (procedure) => [callOf(procedure, {}, rest), UNREADABLE]),
  ),
  ...EMPTY.flatMap(([what, rest]) =>
    ofEach(PROCEDURES, what, (procedure) => [
      callOf(procedure, {}, rest),
      invalid(procedure, 'Invalid input: expected object, received undefined'),
    ]),
  ),
  ...ofEach(WRITING, 'by GET, which a link on any page could make', (procedure) => [
    byGet(procedure),
    undeclared(405, 'METHOD_NOT_SUPPORTED', 'Method Not Supported'),
  ]),
  ...ofEach(READING, 'by GET, without a token', (procedure) => [
    byGet(procedure, { authorization: null }),
    UNAUTHORIZED,
  ]),
  ...ofEach(READING, 'by GET, refused', (procedure) => [
    byGet(procedure, { authorization: 'Bearer guest' }),
    FORBIDDEN,
  ]),
  ...ofEach(READING, 'by GET, an execution of another tenant', (procedure) => [
    byGet(procedure, { authorization: 'Bearer other' }),
    missing(`Execution "${HELD}" of task "hold" not found`),
  ]),
  ...ofEach(READING, 'by GET, without a call', (procedure) => [
    callOf(procedure, {}, { method: 'GET' }),
    invalid(procedure, 'Invalid input: expected object, received undefined'),
  ]),
  ...ofEach(READING, 'by GET, with no JSON', (procedure) => [
    { ...callOf(procedure, {}, { method: 'GET' }), path: `${procedure}?data={` },
    UNREADABLE,
  ]),
  ...ofEach(PROCEDURES, 'by HEAD, whose answer has no body', (procedure) => [
    callOf(procedure, {}, { method: 'HEAD' }),
    { status: 400, body: '' },
  ]),
  ...['acme', null].flatMap((tenant) =>
    NO_PROCEDURES.map((path): Row => [
      `no procedure: ${JSON.stringify(path)}, ${tenant === null ? 'without' : 'with'} a token`,
      {
        path,
        body: { json: { taskName: 'echo' } },
        authorization: tenant === null ? null : `Bearer ${tenant}`,
      },
      NO_PROCEDURE,
    ]),
  ),
]
