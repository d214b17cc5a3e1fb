/**
 * Storages that misbehave as networks and databases do: answers that are lost, calls that come twice, late, out of order, or not
 * at all for a while. An executor has to keep every promise over each of them.
 */
import type { TaskExecutionsStorage } from 'durable-execution'

import { SeededRandom } from './lib/random'
import { systemClock, type Clock } from './lib/until'

/** A verb that a disturbance can get in the way of. */
export type DisturbedVerb = Exclude<keyof TaskExecutionsStorage, 'listen'>

/** What happens around a call of a verb. It makes the call as often as it likes, and answers what it likes. */
export type Disturbance = <T>(verb: DisturbedVerb, call: () => Promise<T>) => Promise<T>

/** A storage whose every call goes through a disturbance. */
export function disturbStorage(
  storage: TaskExecutionsStorage,
  disturb: Disturbance,
): TaskExecutionsStorage {
  return {
    insert: (request) => disturb('insert', () => storage.insert(request)),
    get: (request) => disturb('get', () => storage.get(request)),
    getChildren: (request) => disturb('getChildren', () => storage.getChildren(request)),
    claim: (request) => disturb('claim', () => storage.claim(request)),
    settle: (request) => disturb('settle', () => storage.settle(request)),
    renew: (request) => disturb('renew', () => storage.renew(request)),
    lostClaims: (request) => disturb('lostClaims', () => storage.lostClaims(request)),
    recover: (request) => disturb('recover', () => storage.recover(request)),
    release: (request) => disturb('release', () => storage.release(request)),
    wake: (request) => disturb('wake', () => storage.wake(request)),
    cancel: (request) => disturb('cancel', () => storage.cancel(request)),
    nextClaimAt: (request) => disturb('nextClaimAt', () => storage.nextClaimAt(request)),
    prune: (request) => disturb('prune', () => storage.prune(request)),
  }
}

function lost(verb: DisturbedVerb, what: string): Error {
  return new Error(`The connection broke: ${verb} ${what}`)
}

/** Runs every verb twice and answers what the second call said. A claim must not be repeated: its answer is lost. */
export function everyVerbTwice(): Disturbance {
  return async (verb, call) => {
    await call()
    if (verb === 'claim') throw lost(verb, 'was done, its answer is lost')
    return call()
  }
}

/**
 * Loses the answer of each verb once.
 *
 * @param isApplied - Whether the storage did what it was asked before the answer was lost.
 */
export function eachAnswerLostOnce(isApplied: boolean): Disturbance {
  const disturbed = new Set<DisturbedVerb>()
  return async (verb, call) => {
    if (disturbed.has(verb)) return call()
    disturbed.add(verb)
    if (isApplied) await call()
    throw lost(verb, isApplied ? 'was done, its answer is lost' : 'did not get there')
  }
}

/** Holds calls and answers back for a while, each for another one: they overtake each other. */
export function delayed(seed: number, longestMs: number, clock: Clock = systemClock): Disturbance {
  const random = new SeededRandom(seed)
  return async (_verb, call) => {
    await clock.pause(random.fraction() * longestMs)
    const answer = await call()
    await clock.pause(random.fraction() * longestMs)
    return answer
  }
}

/** Lets a number of calls pass, then none for a while. */
export function awayAfter(calls: number, ms: number, clock: Clock = systemClock): Disturbance {
  let passed = 0
  let backAt = Infinity
  return async (verb, call) => {
    passed += 1
    if (passed === calls) backAt = clock.monotonic() + ms
    if (passed >= calls && clock.monotonic() < backAt) throw lost(verb, 'did not get there')
    return call()
  }
}
