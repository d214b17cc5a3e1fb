/**
 * Calls that must not get through, as raw requests: each gets its exact error, and changes nothing. The table is every procedure by
 * everything that can be wrong with a call of it.
 */
import { ORPCError } from '@orpc/server'
import { InMemoryTaskExecutionsStorage } from 'durable-execution'
import { beforeEach, describe, expect, it } from 'vitest'

import {
  ASLEEP,
  callOf,
  HELD,
  PROCEDURES,
  SLEEPER,
  TARGETING,
  type Answer,
  type Call,
  type Row,
} from './support/refused-call'
import { OPTIONS } from './support/refused-options'
import { REQUESTS } from './support/refused-requests'
import { SHAPES } from './support/refused-shapes'
import { UNAUTHORIZED_CALLS } from './support/refused-unauthorized'
import { UNKNOWN_CALLS } from './support/refused-unknown'
import { VALUES } from './support/refused-values'
import { WAKEUPS } from './support/refused-wakeups'
import { serveTasks, type Caller, type TasksServer } from './support/tasks-server'
import { until } from './support/world'

const TABLE: Readonly<Record<string, readonly Row[]>> = {
  'of those who may not make it': UNAUTHORIZED_CALLS,
  'for what is not there': UNKNOWN_CALLS,
  'of a wrong shape': SHAPES,
  'with wrong options': OPTIONS,
  'with a wrong outcome': WAKEUPS,
  'with a wrong value': VALUES,
  'that is no call': REQUESTS,
}

const ALL = Object.values(TABLE).flat()

let server: TasksServer
let storage: InMemoryTaskExecutionsStorage

/** Of the rows all but what a lease that is renewed changes. */
function state(): unknown {
  return storage.dump().map(({ claimAt: _, updatedAt: __, ...row }) => row)
}

function authorize({ context: { tenant } }: { context: Caller }): boolean {
  if (tenant === 'broken') throw new Error('The password is swordfish')
  // What users without types answer.
  if (tenant === 'truthy') return 'yes' as unknown as boolean
  if (tenant === 'limited') throw new ORPCError('TOO_MANY_REQUESTS', { message: 'Later' })
  return tenant !== 'guest'
}

function executionIdPrefix({ tenant }: Caller): string {
  if (tenant === 'homeless') throw new Error('The password is swordfish')
  return tenant === 'askew' ? tenant : `${tenant}:`
}

beforeEach(async () => {
  storage = new InMemoryTaskExecutionsStorage()
  server = await serveTasks({ storage, router: { authorize, executionIdPrefix } })
  const { executor, tasks, runs } = server
  await executor.enqueueTask(tasks.hold, 'a', { executionId: `acme:${HELD}` })
  await executor.enqueueTask(tasks.approval, `acme:${ASLEEP}`, { executionId: `acme:${SLEEPER}` })
  await until('it runs', () => runs.held.has('a'))
})

function send({
  path,
  body,
  authorization = 'Bearer acme',
  method = 'POST',
  contentType = 'application/json',
}: Call): Promise<Response> {
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return fetch(`${server.url}/rpc/${path}`, {
    method,
    headers: { 'content-type': contentType, ...(authorization !== null && { authorization }) },
    ...(hasBody && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
}

async function answerTo(call: Call): Promise<Answer> {
  const response = await send(call)
  if (response.headers.get('content-type') === 'text/event-stream') {
    // A wait that got through: it may go on for as long as its execution.
    await response.body?.cancel()
    return { status: response.status, body: 'A stream of events' }
  }
  const text = await response.text()
  const body = text.startsWith('{') ? (JSON.parse(text) as unknown) : text
  return { status: response.status, body }
}

describe('the table of refused calls', () => {
  it('has each thing that can be wrong once', () => {
    expect(ALL.length).toBeGreaterThanOrEqual(40)
    expect(new Set(ALL.map(([wrong]) => wrong)).size).toBe(ALL.length)
  })

  it.each(PROCEDURES)('changes a call of %s that gets through', async (procedure) => {
    const response = await send(callOf(procedure))
    expect(response.status).toBe(200)
    await response.body?.cancel()
  })
})

describe.each(Object.entries(TABLE))('a call %s', (_kind, rows) => {
  it.each(rows)('gets its error and changes nothing: %s', async (_wrong, call, expected) => {
    const before = state()
    const answer = await answerTo(call)
    expect(answer).toStrictEqual(expected)
    // Nothing of the server's inside, whatever the table says.
    expect(JSON.stringify(answer)).not.toMatch(/swordfish|node_modules|at .*\.ts:/)
    expect(state()).toEqual(before)
    expect(server.runs.calls).toEqual(new Map([['hold', 1]]))
    expect(server.runs.aborted).toEqual([])
    expect(Reflect.get(Object.prototype, 'polluted')).toBeUndefined()
  })
})

/** Two calls: one for what is there, and one for what nobody has. */
interface Alike {
  readonly what: string
  readonly there: Call
  readonly nowhere: Call
  /** The name in the one, and in the other. */
  readonly names?: readonly [string, string]
}

const OTHER = { authorization: 'Bearer other' }
const GUEST = { authorization: 'Bearer guest' }

const ALIKE: readonly Alike[] = [
  ...PROCEDURES.map((procedure) => ({
    what: `a task, to who is refused: ${procedure}`,
    there: callOf(procedure, {}, GUEST),
    nowhere: callOf(procedure, { taskName: 'none' }, GUEST),
  })),
  ...TARGETING.map((procedure) => ({
    what: `an execution, to who is refused: ${procedure}`,
    there: callOf(procedure, {}, GUEST),
    nowhere: callOf(procedure, { executionId: 'none' }, GUEST),
  })),
  ...TARGETING.map((procedure) => ({
    what: `an execution, to another tenant: ${procedure}`,
    there: callOf(procedure, {}, OTHER),
    nowhere: callOf(procedure, { executionId: 'none' }, OTHER),
    names: [HELD, 'none'] as const,
  })),
  {
    what: 'a sleeping execution, to another tenant',
    there: callOf('wakeupSleepingTaskExecution', {}, OTHER),
    nowhere: callOf('wakeupSleepingTaskExecution', { uniqueId: 'none' }, OTHER),
    names: [ASLEEP, 'none'],
  },
]

describe('what there is', () => {
  it.each(ALIKE)('is not told by the answer: $what', async ({ there, nowhere, names }) => {
    const found = JSON.stringify(await answerTo(there))
    const expected = JSON.stringify(await answerTo(nowhere))
    expect(names ? found.replaceAll(...names) : found).toBe(expected)
  })
})
