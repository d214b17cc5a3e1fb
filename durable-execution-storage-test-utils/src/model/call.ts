/** One call of a storage as data, and what of its answer is compared. */
import type { TaskExecutionsStorage } from 'durable-execution'

import { outcomesOf } from '../cases/outcomes'
import { fieldsOf, unordered } from '../rows'

/** A verb of the contract that is called, not subscribed to. */
export type CalledVerb = Exclude<keyof TaskExecutionsStorage, 'listen'>

type CallOf<V extends CalledVerb> = {
  readonly verb: V
  readonly request: Parameters<TaskExecutionsStorage[V]>[0]
}

/** A call: a verb and what is asked of it. */
export type Call = { readonly [V in CalledVerb]: CallOf<V> }[CalledVerb]

/** The most calls of a prune that walks to the end. */
const MAX_PRUNE_CALLS = 10_000

/**
 * Makes the call at the time `now`. Answers what two storages must agree on: where the contract promises no order, there is none
 * in it, and a prune goes to the end, since where its single calls stop is each storage's own affair.
 */
export async function send(
  storage: TaskExecutionsStorage,
  { verb, request }: Call,
  now: number,
): Promise<unknown> {
  switch (verb) {
    case 'insert':
      return outcomesOf((await storage.insert({ ...request, now })).outcomes)
    case 'get': {
      const { records } = await storage.get({ ...request, now })
      return records.map((record) => record && fieldsOf(record))
    }
    case 'getChildren': {
      const { children, finalize } = await storage.getChildren({ ...request, now })
      return { children: children.map(fieldsOf), finalize: finalize && fieldsOf(finalize) }
    }
    case 'claim': {
      const { records, dueFrom } = await storage.claim({ ...request, now })
      return { records: unordered(records), dueFrom }
    }
    case 'settle': {
      const { outcomes, parents } = await storage.settle({ ...request, now })
      return {
        outcomes: outcomes.map(({ outcome, claimedInsertions }) => ({
          outcome,
          claimedInsertions: [...claimedInsertions].sort(),
        })),
        parents: unordered(parents),
      }
    }
    case 'renew':
      return (await storage.renew({ ...request, now })).outcomes
    case 'lostClaims': {
      const { lost } = await storage.lostClaims({ ...request, now })
      return Object.fromEntries(lost.map(({ executionId, status }) => [executionId, status]))
    }
    case 'recover':
      return unordered((await storage.recover({ ...request, now })).records)
    case 'release':
      return (await storage.release({ ...request, now })).outcomes
    case 'wake': {
      const { record, parent } = await storage.wake({ ...request, now })
      return { record: record && fieldsOf(record), parent: parent && fieldsOf(parent) }
    }
    case 'cancel':
      return (await storage.cancel({ ...request, now })).outcomes
    case 'nextClaimAt': {
      const { next } = await storage.nextClaimAt({ ...request, now })
      return next.map(({ queue, claimAt, dueInMs }) => ({ queue, claimAt, dueInMs }))
    }
    case 'prune':
      return pruneAll(storage, { ...request, now })
  }
}

async function pruneAll(
  storage: TaskExecutionsStorage,
  request: CallOf<'prune'>['request'],
): Promise<number> {
  let pruned = 0
  let cursor = request.cursor
  for (let call = 0; call < MAX_PRUNE_CALLS; call += 1) {
    const answer = await storage.prune({ ...request, cursor })
    pruned += answer.prunedCount
    if (answer.cursor === null) return pruned
    cursor = answer.cursor
  }
  throw new Error(`prune did not reach the end in ${MAX_PRUNE_CALLS} calls`)
}
