/** Faults of the verbs about claims: `claim`, `renew`, `lostClaims`, `recover`, `release`, `nextClaimAt`. */
import type { ClaimAnswer } from 'durable-execution'

import { patch, type Fault } from './fault'

export const claimFaults: readonly Fault[] = [
  {
    fault: 'a claim has a lease of its own length',
    fails: 'claim: turns a ready row into a running one with a lease, and answers it',
    breaks: ({ storage }) => ({
      claim: (request) => storage.claim({ ...request, leaseMs: 15_000 }),
    }),
  },
  {
    fault: 'a sleeping execution can be renewed',
    fails: 'renew: says lost for an execution that sleeps: nobody holds it',
    breaks: ({ storage, rows }) => ({
      renew: async (request) => {
        const answer = await storage.renew(request)
        const outcomes = answer.outcomes.map((outcome, index) => {
          const row = rows.get(request.claims[index]?.executionId ?? '')
          return row?.status === 'running' && row.sleepingKey !== null ? 'renewed' : outcome
        })
        return { ...answer, outcomes }
      },
    }),
  },
  {
    fault: 'recover finds whatever an executor held last',
    fails: 'recover: finds nothing that was released, finished or cancelled',
    breaks: ({ storage, rows }) => ({
      recover: async (request) => {
        const answer = await storage.recover(request)
        const once = rows
          .all()
          .filter(({ status, claimCount }) => status === 'ready' && claimCount > 0)
        return { ...answer, records: [...answer.records, ...once] }
      },
    }),
  },
  {
    fault: 'a claim takes rows of another queue too',
    fails: 'claim: takes rows of the asked queue only',
    breaks: ({ storage }) => ({
      claim: async (request) => {
        const first = await storage.claim(request)
        const second = await storage.claim({ ...request, queue: 'other' })
        return { ...first, records: [...first.records, ...second.records] }
      },
    }),
  },
  {
    fault: 'a claim of lapsed work only takes what is due too',
    fails:
      'claim: takes over nothing else when asked for that only, whatever stands in line before it',
    breaks: ({ storage }) => ({
      claim: (request) =>
        storage.claim({
          ...request,
          takeOver: request.takeOver === 'only' ? 'also' : request.takeOver,
        }),
    }),
  },
  {
    fault: 'suspects are not excluded',
    fails: 'claim: leaves a suspect to a claim of suspects',
    breaks: ({ storage }) => ({
      claim: async (request) => {
        const answer = await storage.claim(request)
        if (request.suspects === 'only' || answer.records.length > 0) return answer
        return storage.claim({ ...request, suspects: 'only' })
      },
    }),
  },
  {
    fault: 'several suspects are taken at once',
    fails: 'claim: takes one suspect at a time, the one due first',
    breaks: ({ storage }) => ({
      claim: async (request) => {
        const first = await storage.claim(request)
        if (request.suspects === 'exclude') return first
        const second = await storage.claim(request)
        return { ...first, records: [...first.records, ...second.records] }
      },
    }),
  },
  {
    fault: 'the time-out of a sleeping execution counts as a takeover',
    fails: 'claim: counts no takeover for a sleeping execution at its time-out',
    breaks: ({ storage, rows }) => ({
      claim: async (request) => {
        const answer = await storage.claim(request)
        const sleepers = answer.records.filter(({ sleepingKey }) => sleepingKey !== null)
        const ids = sleepers.map(({ executionId }) => executionId)
        patch(rows, ids, ({ takeovers }) => ({ takeovers: takeovers + 1 }))
        return answer
      },
    }),
  },
  {
    fault: 'a takeover is not counted',
    fails: 'claim: counts a takeover and starts a new run with a lapsed row',
    breaks: ({ storage, rows }) => ({
      claim: async (request) => {
        const answer = await storage.claim(request)
        patch(
          rows,
          answer.records.map(({ executionId }) => executionId),
          () => ({ takeovers: 0 }),
        )
        return answer
      },
    }),
  },
  {
    fault: 'those due last are taken first',
    fails: 'claim: takes those due first, up to the limit',
    breaks: ({ storage, rows }) => {
      const due = rows.due.bind(rows)
      rows.due = (queue, from, until) => due(queue, from, until).reverse()
      return { claim: (request) => storage.claim(request) }
    },
  },
  {
    fault: 'what others hold by a lapsed lease is always taken',
    fails: 'claim: takes nothing over unless asked to',
    breaks: ({ storage }) => ({
      claim: (request) => storage.claim({ ...request, takeOver: 'also' }),
    }),
  },
  {
    fault: 'from is ignored',
    fails: 'claim: looks for nothing that was due before from',
    breaks: ({ storage }) => ({
      claim: (request) => storage.claim({ ...request, from: undefined }),
    }),
  },
  {
    fault: 'excepted tasks are taken',
    fails: 'claim: leaves executions of the excepted tasks to others',
    breaks: ({ storage }) => ({
      claim: (request) => storage.claim({ ...request, exceptTaskIds: [] }),
    }),
  },
  {
    fault: 'a row is due a millisecond too late',
    fails: 'claim: takes a row at the very millisecond it is due, and not before',
    breaks: ({ storage, rows }) => {
      const due = rows.due.bind(rows)
      rows.due = (queue, from, until) => due(queue, from, until - 1)
      return { claim: (request) => storage.claim(request) }
    },
  },
  {
    fault: 'dueFrom is that of the rows as they are now',
    fails: 'claim: answers as dueFrom the smallest claimAt that the rows had',
    breaks: ({ storage }) => ({
      claim: async (request): Promise<ClaimAnswer> => {
        const answer = await storage.claim(request)
        return { ...answer, dueFrom: answer.records[0]?.claimAt ?? null }
      },
    }),
  },
  {
    fault: 'a renewal shortens a lease',
    fails: 'renew: never shortens a lease',
    breaks: ({ storage, rows }) => ({
      renew: async (request) => {
        const answer = await storage.renew(request)
        const renewed = request.claims.filter((_, index) => answer.outcomes[index] === 'renewed')
        const claimAt = answer.now + request.leaseMs
        patch(
          rows,
          renewed.map(({ executionId }) => executionId),
          () => ({ claimAt }),
        )
        return answer
      },
    }),
  },
  {
    fault: 'a lapsed lease is not renewed',
    fails: 'renew: renews a lease that lapsed and that nobody took',
    breaks: ({ storage, rows }) => ({
      renew: async (request) => {
        const isLapsed = request.claims.map(
          ({ executionId }) => (rows.get(executionId)?.claimAt ?? 0) <= (request.now ?? 0),
        )
        const answer = await storage.renew(request)
        return {
          ...answer,
          outcomes: answer.outcomes.map((outcome, index) => (isLapsed[index] ? 'lost' : outcome)),
        }
      },
    }),
  },
  {
    fault: 'a renewal is not guarded by the claim count',
    fails: 'renew: says lost for a claim that was taken over, and leaves the new claim alone',
    breaks: ({ storage, rows }) => ({
      renew: (request) =>
        storage.renew({
          ...request,
          claims: request.claims.map(({ executionId, claimCount }) => ({
            executionId,
            claimCount: rows.get(executionId)?.claimCount ?? claimCount,
          })),
        }),
    }),
  },
  {
    fault: 'claims that were taken over are not called lost',
    fails: 'lostClaims: answers what was taken over, also by the same executor',
    breaks: ({ storage }) => ({
      lostClaims: async (request) => {
        const answer = await storage.lostClaims(request)
        return { ...answer, lost: answer.lost.filter(({ status }) => status !== 'running') }
      },
    }),
  },
  {
    fault: 'claims of rows that are gone are not called lost',
    fails: 'lostClaims: answers what was cancelled, finished, released or is gone, with its status',
    breaks: ({ storage }) => ({
      lostClaims: async (request) => {
        const answer = await storage.lostClaims(request)
        return { ...answer, lost: answer.lost.filter(({ status }) => status !== null) }
      },
    }),
  },
  {
    fault: 'recover finds what the executor knows of',
    fails: 'recover: leaves out what the executor knows of',
    breaks: ({ storage }) => ({
      recover: (request) => storage.recover({ ...request, exceptExecutionIds: [] }),
    }),
  },
  {
    fault: 'recover finds running rows only',
    fails: 'recover: finds parents that were handed over',
    breaks: ({ storage }) => ({
      recover: async (request) => {
        const answer = await storage.recover(request)
        return { ...answer, records: answer.records.filter(({ status }) => status === 'running') }
      },
    }),
  },
  {
    fault: 'recover does not look at when leases end',
    fails: 'recover: finds leases that end in the asked time only',
    breaks: ({ storage }) => ({
      recover: ({ from: _, ...request }) =>
        storage.recover({ ...request, leaseMs: 100 * request.leaseMs }),
    }),
  },
  {
    fault: 'recover finds rows of executors whose ids begin alike',
    fails: 'recover: finds rows of this very executor only',
    breaks: ({ storage, rows }) => ({
      recover: async (request) => {
        const answer = await storage.recover(request)
        const alike = rows.all().filter((row) => row.executorId?.startsWith(request.executorId))
        return { ...answer, records: alike }
      },
    }),
  },
  {
    fault: 'a release counts a takeover',
    fails: 'release: makes a running execution ready, due now, with nothing burned',
    breaks: ({ storage, rows }) => ({
      release: async (request) => {
        const answer = await storage.release(request)
        const ids = request.claims.map(({ executionId }) => executionId)
        patch(rows, ids, ({ takeovers }) => ({ takeovers: takeovers + 1 }))
        return answer
      },
    }),
  },
  {
    fault: 'a release burns an attempt',
    fails: 'release: keeps the attempt, the takeovers and the error of the attempt before',
    breaks: ({ storage, rows }) => ({
      release: async (request) => {
        const answer = await storage.release(request)
        const ids = request.claims.map(({ executionId }) => executionId)
        patch(rows, ids, ({ attempt }) => ({ attempt: attempt + 1 }))
        return answer
      },
    }),
  },
  {
    fault: 'a released parent becomes ready',
    fails: 'release: leaves a parent that is being resumed waiting, and makes it due',
    breaks: ({ storage, rows }) => ({
      release: async (request) => {
        const answer = await storage.release(request)
        patch(
          rows,
          request.claims.map(({ executionId }) => executionId),
          () => ({ status: 'ready' }),
        )
        return answer
      },
    }),
  },
  {
    fault: 'all rows of a release get the delay of the first',
    fails: 'release: makes each row due after its own delay',
    breaks: ({ storage }) => ({
      release: (request) => {
        const dueInMs = request.claims[0]?.dueInMs ?? 0
        return storage.release({
          ...request,
          claims: request.claims.map((claim) => ({ ...claim, dueInMs })),
        })
      },
    }),
  },
  {
    fault: 'a repeated release is called lost',
    fails: 'release: says repeated, and changes nothing, where an earlier call did it already',
    breaks: ({ storage }) => ({
      release: async (request) => {
        const answer = await storage.release(request)
        return {
          ...answer,
          outcomes: answer.outcomes.map((outcome) => (outcome === 'repeated' ? 'lost' : outcome)),
        }
      },
    }),
  },
  {
    fault: 'nextClaimAt knows of ready rows only',
    fails: 'nextClaimAt: counts the ends of leases and the time-outs of sleeping executions',
    breaks: ({ storage, rows }) => ({
      nextClaimAt: async (request) => {
        const answer = await storage.nextClaimAt(request)
        const hasReady = (queue: string): boolean =>
          rows.all().some((row) => row.queue === queue && row.status === 'ready')
        return { ...answer, next: answer.next.filter(({ queue }) => hasReady(queue)) }
      },
    }),
  },
  {
    fault: 'nextClaimAt answers how long something has been overdue',
    fails: 'nextClaimAt: answers 0 for what is due or overdue, with the moment it was due',
    breaks: ({ storage }) => ({
      nextClaimAt: async (request) => {
        const answer = await storage.nextClaimAt(request)
        const next = answer.next.map((entry) => ({
          ...entry,
          dueInMs: entry.claimAt === null ? null : entry.claimAt - answer.now,
        }))
        return { ...answer, next }
      },
    }),
  },
]
