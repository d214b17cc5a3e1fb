/** Turns an operation into a call, from its seed and the rows that are there. */
import {
  fitsTakeOver,
  isFinished,
  transitions,
  type ClaimRequest,
  type ExecutionRecord,
} from 'durable-execution'

import { claimOf } from '../context'
import { storedError } from '../factory'
import { SeededRandom } from '../lib/random'
import type { Call } from './call'
import { newRoots } from './new-trees'
import type { Operation, OperationKind } from './operation'
import { handOverOf, settleRequest } from './settlements'
import {
  aClaimant,
  LEASES_MS,
  QUEUES,
  SLEEPING_KEYS,
  TASK_IDS,
  type Choice,
  type World,
} from './world'

/** The call of an operation; `null` where there is nothing it could ask for. */
export function callOf({ index, kind, seed }: Operation, world: World): Call | null {
  const random = new SeededRandom(seed)
  // Ids that are in no order: neither of time nor of places under a parent.
  const prefix = random.bits().toString(36)
  let made = 0
  const newId = (): string => {
    made += 1
    return `te_${random.integer(10, 99)}${prefix}_${index}_${made}`
  }
  const call = CALLS[kind]({ ...world, random, newId })
  return call && !isAmbiguous(call, world) ? call : null
}

/**
 * How many milliseconds pass before an operation: at least one, now and then so many that leases lapse, now and then exactly
 * until something is due.
 */
export function pauseBefore({ seed }: Operation, { rows, now }: World): number {
  const random = new SeededRandom(~seed)
  const nextClaimAt = Math.min(
    ...rows.map(({ claimAt }) => claimAt ?? Infinity).filter((time) => time > now),
  )
  if (random.chance(0.07) && Number.isFinite(nextClaimAt)) return nextClaimAt - now
  const [min, max] = random.oneOf<readonly [number, number]>(
    [1, 20],
    [1, 20],
    [1, 20],
    [20, 500],
    [20, 500],
    [500, 3000],
    [2000, 16_000],
  )
  return random.integer(min, max)
}

const CALLS: Readonly<Record<OperationKind, (choice: Choice) => Call | null>> = {
  insert,
  claim,
  settle: (choice) => {
    const request = settleRequest(choice)
    return request ? { verb: 'settle', request } : claim(choice)
  },
  renew: (choice) => ({
    verb: 'renew',
    request: { claims: someClaims(choice), leaseMs: choice.random.oneOf(...LEASES_MS) },
  }),
  release: (choice) => {
    const claims = someClaims(choice).map((claim) => ({
      ...claim,
      dueInMs: choice.random.chance(0.5) ? 0 : choice.random.integer(1, 1000),
    }))
    return { verb: 'release', request: { claims } }
  },
  wake,
  cancel,
  repeat,
  recover: (choice) => {
    const { rows, random } = choice
    const { executorId, leaseMs } = aClaimant(choice)
    const held = rows.filter((row) => row.executorId === executorId).map((row) => row.executionId)
    const exceptExecutionIds = random.sample(held, random.integer(0, held.length))
    const from = random.chance(0.5) ? choice.now + random.integer(-5000, 5000) : undefined
    return {
      verb: 'recover',
      request: { executorId, leaseMs, queues: QUEUES, exceptExecutionIds, from },
    }
  },
  lostClaims: (choice) => ({ verb: 'lostClaims', request: { claims: someClaims(choice) } }),
  get: ({ rows, random }) => {
    const executionIds = random.sample(rows, 5).map(({ executionId }) => executionId)
    return { verb: 'get', request: { executionIds: ['te_missing', ...executionIds] } }
  },
  getChildren: ({ rows, random }) => {
    const child = random.pick(rows.filter(({ parent }) => parent !== null))
    const parentExecutionId = child?.parent?.executionId ?? 'te_missing'
    const request = { parentExecutionId, after: random.integer(-1, 2), limit: random.integer(1, 3) }
    return { verb: 'getChildren', request }
  },
  nextClaimAt: () => ({ verb: 'nextClaimAt', request: { queues: ['none', ...QUEUES] } }),
  prune: ({ rows, now, random }) => {
    // Now and then to the very millisecond at which something finished.
    const finishedAt = random.chance(0.4) ? random.pick(rows)?.finishedAt : null
    const finishedBefore = finishedAt ?? now - random.integer(0, 30_000)
    return { verb: 'prune', request: { finishedBefore, limit: random.integer(1, 20) } }
  },
}

function insert(choice: Choice): Call {
  const { random, rows } = choice
  // Now and then an id that is there already: that of a root, since users choose ids for roots only.
  const roots = rows.filter(({ parent }) => parent === null)
  const taken = random.chance(0.15) ? random.pick(roots)?.executionId : undefined
  const executions = newRoots(choice, taken)
  const allOrNothing = random.chance(0.2)
  // Nobody holds anything here: it makes no difference.
  const failsWhenHeldUp = random.chance(0.5)
  const request = { ...aClaimant(choice), executions, allOrNothing, failsWhenHeldUp }
  return { verb: 'insert', request }
}

function claim(choice: Choice): Call {
  const { random, now } = choice
  const queue = random.oneOf(...QUEUES)
  const hasSuspects = choice.rows.some(
    (row) => row.queue === queue && isDue(row, 0, now) && transitions.isSuspect(row),
  )
  const request: ClaimRequest = {
    ...aClaimant(choice),
    queue,
    limit: random.integer(1, 6),
    exceptTaskIds: random.chance(0.15) ? [random.oneOf(...TASK_IDS)] : undefined,
    takeOver: random.weighted({ also: 14, never: 3, only: 3 }, 'also'),
    suspects: hasSuspects && random.chance(0.6) ? 'only' : 'exclude',
    from: random.chance(0.2) ? now - random.integer(0, 5000) : undefined,
  }
  return { verb: 'claim', request: withoutTies(request, choice) }
}

/** The rows that a claim chooses from, the one due first at the front. */
function claimable(request: ClaimRequest, { rows, now }: World): ExecutionRecord[] {
  const { queue, from = -Infinity, exceptTaskIds = [], takeOver, suspects } = request
  return rows
    .filter((row) => row.queue === queue && isDue(row, from, now))
    .filter((row) => fitsTakeOver(row, takeOver))
    .filter((row) => transitions.isSuspect(row) === (suspects === 'only'))
    .filter((row) => !exceptTaskIds.includes(row.taskId))
    .sort((a, b) => (a.claimAt ?? 0) - (b.claimAt ?? 0))
}

/** Raises the limit so far that it does not part rows that are due at the very same moment. */
function withoutTies(request: ClaimRequest, world: World): ClaimRequest {
  const due = claimable(request, world)
  const last = due[request.limit - 1]
  if (!last) return request
  return {
    ...request,
    limit: due.filter((row) => (row.claimAt ?? 0) <= (last.claimAt ?? 0)).length,
  }
}

/**
 * Whether two storages may answer a call differently and both be right: where a claim takes one of several rows due at the same
 * moment, or a wake finds two that finished in the same millisecond. Such calls are not made.
 */
export function isAmbiguous(call: Call, world: World): boolean {
  if (call.verb === 'wake') return hasTwoNewest(world, call.request.sleepingKey)
  if (call.verb !== 'claim') return false
  const limit = call.request.suspects === 'only' ? 1 : call.request.limit
  const due = claimable(call.request, world)
  return limit < due.length && due[limit - 1]?.claimAt === due[limit]?.claimAt
}

function isDue({ claimAt }: ExecutionRecord, from: number, now: number): boolean {
  return claimAt !== null && claimAt >= from && claimAt <= now
}

/** Claims that are held, and now and then one that is not. */
function someClaims({ rows, random }: Choice): { executionId: string; claimCount: number }[] {
  const held = rows.filter(({ executorId }) => executorId !== null)
  const others = rows.filter(({ executorId }) => executorId === null)
  const picked = [
    ...random.sample(held, random.integer(1, 4)),
    ...random.sample(others, random.integer(0, 1)),
  ]
  const claims = picked.map((row) => {
    const { executionId, claimCount } = claimOf(row)
    return { executionId, claimCount: random.chance(0.1) ? claimCount - 1 : claimCount }
  })
  return random.chance(0.1) ? [...claims, { executionId: 'te_missing', claimCount: 1 }] : claims
}

function wake(choice: Choice): Call {
  const { random } = choice
  const sleepingKey = random.oneOf(...SLEEPING_KEYS)
  const outcome = random.chance(0.7)
    ? ({ status: 'completed', output: `"woken ${random.integer(1, 99)}"` } as const)
    : ({ status: 'failed', error: storedError() } as const)
  const request = { ...aClaimant(choice), sleepingKey, outcome, handOver: handOverOf(choice) }
  return { verb: 'wake', request }
}

/** Whether two executions with this key finished last, in the same millisecond: then neither is the newest. */
function hasTwoNewest({ rows }: World, sleepingKey: string): boolean {
  const finishedAt = rows
    .filter((row) => isFinished(row.status) && row.sleepingKey?.startsWith(`${sleepingKey}:`))
    .map((row) => row.finishedAt ?? 0)
  const newest = Math.max(...finishedAt)
  return finishedAt.filter((time) => time === newest).length > 1
}

function cancel({ rows, random }: Choice): Call {
  const active = rows.filter(({ status }) => !isFinished(status))
  const picked = [
    ...random.sample(active, random.integer(1, 3)),
    ...random.sample(rows, random.integer(0, 1)),
  ]
  const executionIds = picked.map(({ executionId }) => executionId)
  const missing = random.chance(0.1) ? ['te_missing'] : []
  const error = storedError({ errorType: 'cancelled', code: 'cancelled' })
  return { verb: 'cancel', request: { executionIds: [...executionIds, ...missing], error } }
}

/** The verbs that are repeated when their answer was lost. A claim is not: what it took comes back by `recover`. */
const REPEATED = new Set<Call['verb']>(['insert', 'settle', 'renew', 'release', 'wake', 'cancel'])

function repeat({ calls, random }: Choice): Call | null {
  const recent = calls.filter(({ verb }) => REPEATED.has(verb)).slice(-12)
  // Mostly the very last one: others have had less time to go on from there.
  return (random.chance(0.6) ? recent.at(-1) : random.pick(recent)) ?? null
}
