/** Storages that break what the guarantees rest on, each in its own way: what a simulation must find. */
import {
  InMemoryTaskExecutionsStorage,
  isFinished,
  isWaiting,
  type ExecutionRecord,
  type TaskExecutionsStorage,
} from 'durable-execution'

import type { SimulatedStorage } from '../../src/index'
import { patch, rowsOf, type RowAccess } from '../faults/fault'

/** What a fault works with. */
interface Parts {
  readonly storage: InMemoryTaskExecutionsStorage
  readonly rows: RowAccess
  readonly now: () => number
}

/** One way to break a guarantee. */
export interface SimulatedFault {
  /** What the storage does. */
  readonly fault: string
  /** A seed that finds it. */
  readonly seed: number
  readonly breaks: (parts: Parts) => Partial<TaskExecutionsStorage>
}

/** A storage with this fault. */
export function faultyStorage({ breaks }: SimulatedFault, now: () => number): SimulatedStorage {
  const storage = new InMemoryTaskExecutionsStorage({ now })
  return {
    insert: (request) => storage.insert(request),
    get: (request) => storage.get(request),
    getChildren: (request) => storage.getChildren(request),
    claim: (request) => storage.claim(request),
    settle: (request) => storage.settle(request),
    renew: (request) => storage.renew(request),
    lostClaims: (request) => storage.lostClaims(request),
    recover: (request) => storage.recover(request),
    release: (request) => storage.release(request),
    wake: (request) => storage.wake(request),
    cancel: (request) => storage.cancel(request),
    nextClaimAt: (request) => storage.nextClaimAt(request),
    prune: (request) => storage.prune(request),
    listen: (listener) => storage.listen(listener),
    dump: () => storage.dump(),
    ...breaks({ storage, rows: rowsOf(storage), now }),
  }
}

/** Every n-th time. */
function everyNth(n: number): () => boolean {
  let count = 0
  return () => {
    count += 1
    return count % n === 0
  }
}

/** The parents of what is settled. */
function parentIdsOf({ settlements }: Parameters<TaskExecutionsStorage['settle']>[0]): string[] {
  return settlements.flatMap(({ parentExecutionId }) => parentExecutionId ?? [])
}

function isActive(row: ExecutionRecord): boolean {
  return !isFinished(row.status)
}

/** Faults of the storage. */
export const simulatedFaults: readonly SimulatedFault[] = [
  {
    fault: 'settle is not fenced: whoever comes may end an execution',
    seed: 61,
    breaks: ({ storage, rows }) => ({
      settle: (request) =>
        storage.settle({
          ...request,
          settlements: request.settlements.map((settlement) => {
            const row = rows.get(settlement.executionId)
            const isOther =
              row && row.status === settlement.expectedStatus && row.executorId !== null
            return isOther ? { ...settlement, claimCount: row.claimCount } : settlement
          }),
        }),
    }),
  },
  {
    fault:
      'settle brings the count of a parent down in a transaction of its own, which now and then fails',
    seed: 3,
    breaks: ({ storage, rows }) => {
      const fails = everyNth(7)
      return {
        settle: async (request) => {
          const before = parentIdsOf(request).flatMap((id) => rows.get(id) ?? [])
          const answer = await storage.settle(request)
          if (before.length === 0 || !fails()) return answer
          for (const parent of before) rows.put(parent)
          return { ...answer, parents: [] }
        },
      }
    },
  },
  {
    fault: 'a parent with nothing to wait for is handed to nobody, and never due',
    seed: 3,
    breaks: ({ storage, rows }) => ({
      settle: async (request) => {
        const answer = await storage.settle({ ...request, handOver: null })
        patch(rows, parentIdsOf(request), (row) =>
          isWaiting(row.status) && row.executorId === null ? { claimAt: null } : {},
        )
        return answer
      },
    }),
  },
  {
    fault: 'a settlement whose answer was lost is answered as lost when it is repeated',
    seed: 7,
    breaks: ({ storage }) => ({
      settle: async (request) => {
        const answer = await storage.settle(request)
        const outcomes = answer.outcomes.map((outcome) =>
          outcome.outcome === 'repeated' ? { ...outcome, outcome: 'lost' as const } : outcome,
        )
        return { ...answer, outcomes }
      },
    }),
  },
  {
    fault: 'a lease is renewed after it was taken over',
    seed: 30,
    breaks: ({ storage, rows }) => ({
      renew: (request) => {
        const claims = request.claims.map((claim) => {
          const row = rows.get(claim.executionId)
          return row?.executorId ? { ...claim, claimCount: row.claimCount } : claim
        })
        return storage.renew({ ...request, claims })
      },
    }),
  },
  {
    fault: 'a renewal shortens a lease',
    seed: 1,
    breaks: ({ storage, rows, now }) => ({
      renew: async (request) => {
        const answer = await storage.renew(request)
        const ids = request.claims
          .filter((_, index) => answer.outcomes[index] === 'renewed')
          .map(({ executionId }) => executionId)
        patch(rows, ids, () => ({ claimAt: now() + request.leaseMs / 4 }))
        return answer
      },
    }),
  },
  {
    fault: 'a shutdown burns an attempt',
    seed: 8,
    breaks: ({ storage, rows }) => ({
      release: async (request) => {
        const answer = await storage.release(request)
        const ids = request.claims
          .filter((_, index) => answer.outcomes[index] === 'applied')
          .map(({ executionId }) => executionId)
        patch(rows, ids, ({ attempt }) => ({ attempt: attempt + 1 }))
        return answer
      },
    }),
  },
  {
    fault: 'a finalize is inserted twice',
    seed: 4,
    breaks: ({ storage, rows, now }) => ({
      settle: async (request) => {
        const answer = await storage.settle(request)
        for (const { insertions } of request.settlements) {
          for (const { executionId, parent } of insertions) {
            const row = rows.get(executionId)
            if (!row || !parent?.isFinalize) continue
            const twin = { ...row, executionId: `${executionId}_again`, status: 'ready' as const }
            rows.put({ ...twin, executorId: null, claimCount: 0, claimAt: now() })
            patch(rows, [parent.executionId], ({ activeChildrenCount }) => ({
              activeChildrenCount: activeChildrenCount + 1,
            }))
          }
        }
        return answer
      },
    }),
  },
  {
    fault: 'a cancel brings the count of the parent down twice: it may come to -1',
    seed: 13,
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        const before = request.executionIds.flatMap((id) => rows.get(id) ?? []).filter(isActive)
        const answer = await storage.cancel(request)
        patch(
          rows,
          before.flatMap(({ parent }) => parent?.executionId ?? []),
          ({ activeChildrenCount, status }) =>
            isWaiting(status) ? { activeChildrenCount: activeChildrenCount - 1 } : {},
        )
        return answer
      },
    }),
  },
  {
    fault: 'a cancel leaves the count of the parent as it was',
    seed: 57,
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        const parents = request.executionIds.flatMap((id) => {
          const parentId = rows.get(id)?.parent?.executionId
          return parentId === undefined ? [] : (rows.get(parentId) ?? [])
        })
        const answer = await storage.cancel(request)
        for (const parent of parents) {
          if (rows.get(parent.executionId)?.status === parent.status) rows.put(parent)
        }
        return answer
      },
    }),
  },
  {
    fault: 'a cancel misses grandchildren',
    seed: 6,
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        const spared = rows.all().filter((row) => {
          const parent = row.parent && rows.get(row.parent.executionId)
          const isDeep = parent?.parent && request.executionIds.includes(parent.parent.executionId)
          return isDeep && isActive(row)
        })
        const answer = await storage.cancel(request)
        for (const row of spared) rows.put(row)
        return answer
      },
    }),
  },
  {
    fault:
      'what others hold is taken over though the caller did not ask for it: right after an outage too',
    seed: 246,
    breaks: ({ storage }) => ({
      claim: (request) =>
        storage.claim({
          ...request,
          takeOver: request.takeOver === 'never' ? 'also' : request.takeOver,
        }),
    }),
  },
  {
    fault: 'a claim takes suspects along with everything else',
    seed: 102,
    breaks: ({ storage }) => ({
      claim: async (request) => {
        const answer = await storage.claim(request)
        const limit = request.limit - answer.records.length
        if (request.suspects === 'only' || limit <= 0) return answer
        const suspect = await storage.claim({ ...request, limit, suspects: 'only' })
        return { ...answer, records: [...answer.records, ...suspect.records] }
      },
    }),
  },
  {
    fault: 'the last of several children is not inserted, but counted',
    seed: 4,
    breaks: ({ storage, rows }) => ({
      settle: async (request) => {
        const answer = await storage.settle(request)
        request.settlements.forEach(({ insertions }, index) => {
          const last = insertions.length > 1 && rows.get(insertions.at(-1)?.executionId ?? '')
          if (last && answer.outcomes[index]?.outcome === 'applied') rows.delete(last)
        })
        return answer
      },
    }),
  },
  {
    fault: 'a settlement that is lost inserts its rows all the same',
    seed: 303,
    breaks: ({ storage, rows }) => ({
      settle: async (request) => {
        const answer = await storage.settle(request)
        const executions = request.settlements.flatMap(({ insertions }, index) =>
          answer.outcomes[index]?.outcome === 'lost' ? insertions : [],
        )
        const added = executions.filter(({ executionId }) => !rows.get(executionId))
        await storage.insert({ ...request, executions: added })
        return answer
      },
    }),
  },
  {
    fault: 'an insert is answered before it is stored, and now and then is not',
    seed: 15,
    breaks: ({ storage, now }) => {
      const isForgotten = everyNth(9)
      return {
        insert: async (request) =>
          isForgotten()
            ? {
                now: now(),
                outcomes: request.executions.map(() => ({ kind: 'inserted' as const })),
              }
            : storage.insert(request),
      }
    },
  },
  {
    fault: 'an insert overwrites the row that is there',
    seed: 9,
    breaks: ({ storage, rows }) => ({
      insert: (request) => {
        for (const { executionId } of request.executions) {
          const row = rows.get(executionId)
          if (row) rows.delete(row)
        }
        return storage.insert(request)
      },
    }),
  },
  {
    fault: 'the clock of the storage is that of whoever claims, a second ahead',
    seed: 3,
    breaks: ({ storage, now }) => ({
      claim: (request) => storage.claim({ ...request, now: now() + 1000 }),
    }),
  },
  {
    fault: 'a wake leaves the count of the parent as it was',
    seed: 7,
    breaks: ({ storage, rows }) => ({
      wake: async (request) => {
        const before = new Map(rows.all().map((row) => [row.executionId, row]))
        const answer = await storage.wake(request)
        const parent = before.get(answer.record?.parent?.executionId ?? '')
        if (parent) rows.put(parent)
        return { ...answer, parent: null }
      },
    }),
  },
  {
    fault: 'takeovers are not counted: what kills its process is run for ever',
    seed: 8,
    breaks: ({ storage, rows }) => ({
      claim: async (request) => {
        const answer = await storage.claim(request)
        const records = answer.records.map((record) => ({ ...record, takeovers: 0 }))
        for (const record of records) rows.put(record)
        return { ...answer, records }
      },
    }),
  },
  {
    fault: 'the look-out never sees what is due: work of the dead is left lying',
    seed: 7,
    breaks: ({ storage }) => ({
      nextClaimAt: async (request) => {
        const answer = await storage.nextClaimAt(request)
        const next = answer.next.map(({ queue }) => ({ queue, claimAt: null, dueInMs: null }))
        return { ...answer, next }
      },
    }),
  },
  {
    fault: 'recover answers what others hold too',
    seed: 1,
    breaks: ({ storage, rows }) => ({
      recover: async (request) => {
        const answer = await storage.recover(request)
        const others = rows
          .all()
          .filter(({ executorId, status }) => executorId !== null && status === 'running')
          .filter(({ executionId }) => !request.exceptExecutionIds.includes(executionId))
        return { ...answer, records: others }
      },
    }),
  },
  {
    fault: 'a retry does not count its attempt',
    seed: 4,
    breaks: ({ storage, rows }) => ({
      settle: (request) =>
        storage.settle({
          ...request,
          settlements: request.settlements.map((settlement) => {
            const attempt = rows.get(settlement.executionId)?.attempt ?? 0
            return { ...settlement, change: { ...settlement.change, attempt } }
          }),
        }),
    }),
  },
  {
    fault: 'the order of children is not that of their places',
    seed: 4,
    breaks: ({ storage }) => ({
      getChildren: async (request) => {
        const answer = await storage.getChildren(request)
        return { ...answer, children: [...answer.children].reverse() }
      },
    }),
  },
]
