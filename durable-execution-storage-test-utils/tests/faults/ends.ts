/** Faults of the verbs that end executions from outside: `wake`, `cancel`, `prune`. */
import { isFinished, transitions, type ExecutionRecord } from 'durable-execution'

import type { Broken, Fault, RowAccess } from './fault'

export const endFaults: readonly Fault[] = [
  {
    fault: 'a second wake overwrites the output of the first',
    fails: 'wake: answers the finished execution on a repeat, and changes nothing',
    breaks: ({ storage, rows }) => ({
      wake: async (request) => {
        const answer = await storage.wake(request)
        if (!answer.record || request.outcome.status === 'failed') return answer
        const record = { ...answer.record, output: request.outcome.output }
        rows.put(record)
        return { ...answer, record }
      },
    }),
  },
  {
    fault: 'a wake that fails loses the error',
    fails: 'wake: fails a sleeping execution with an error',
    breaks: ({ storage }) => ({
      wake: (request) => {
        const outcome = { status: 'completed', output: null } as const
        const isFailure = request.outcome.status === 'failed'
        return storage.wake(isFailure ? { ...request, outcome } : request)
      },
    }),
  },
  {
    fault: 'a cancel stores an error of its own',
    fails: 'cancel: ends a ready and a running execution with the error given',
    breaks: ({ storage }) => ({
      cancel: (request) =>
        storage.cancel({ ...request, error: { ...request.error, message: 'cancelled' } }),
    }),
  },
  {
    fault: 'a cancelled parent still counts children',
    fails: 'cancel: takes a parent and its child as targets, in both orders',
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        const before = new Map(rows.all().map((row) => [row.executionId, row.activeChildrenCount]))
        const answer = await storage.cancel(request)
        for (const row of rows.all()) {
          const activeChildrenCount = before.get(row.executionId) ?? 0
          if (row.status === 'cancelled') rows.put({ ...row, activeChildrenCount })
        }
        return answer
      },
    }),
  },
  {
    fault: 'a wake finds the one that finished first',
    fails: 'wake: answers the one finished last of several that had the key',
    breaks: (parts) => wakeFinds(parts, (key, rows) => finishedWith(rows, `${key}:`).at(0)),
  },
  {
    fault: 'a wake takes its key for a pattern',
    fails: 'wake: tells keys apart that begin alike, differ by case, or look like a pattern',
    breaks: (parts) =>
      wakeFinds(parts, (key, rows) => {
        const pattern = new RegExp(`^${key.replaceAll('%', '.*').replaceAll('_', '.')}:`)
        return rows.all().findLast(({ sleepingKey }) => pattern.test(sleepingKey ?? ''))
      }),
  },
  {
    fault: 'a wake finds keys that only begin with its own',
    fails: 'wake: tells keys apart that begin alike, differ by case, or look like a pattern',
    breaks: (parts) => wakeFinds(parts, (key, rows) => finishedWith(rows, key).at(-1)),
  },
  {
    fault: 'a delayed execution cannot be woken before it fell asleep',
    fails: 'wake: wakes a delayed execution that has not fallen asleep yet',
    breaks: ({ storage, rows }) => ({
      wake: async (request) => {
        const active = rows.all().find(({ sleepingKey }) => sleepingKey === request.sleepingKey)
        const isDelayed = active?.status === 'ready'
        return storage.wake(isDelayed ? { ...request, sleepingKey: 'none' } : request)
      },
    }),
  },
  {
    fault: 'a wake tells the parent nothing',
    fails: 'wake: hands the parent over, claimed, whose last child is woken',
    breaks: ({ storage, rows }) => ({
      wake: async (request) => {
        const sleeper = rows.all().find(({ sleepingKey }) => sleepingKey === request.sleepingKey)
        const parent = rows.get(sleeper?.parent?.executionId ?? '')
        const answer = await storage.wake(request)
        if (parent) rows.put(parent)
        return { ...answer, parent: null }
      },
    }),
  },
  {
    fault: 'a repeated wake is not told of the parent handed over',
    fails: 'wake: answers on a repeat the parent that was handed over',
    breaks: ({ storage }) => ({
      wake: async (request) => {
        const answer = await storage.wake(request)
        return answer.record?.finishedAt === answer.now ? answer : { ...answer, parent: null }
      },
    }),
  },
  {
    fault: 'a cancel misses grandchildren',
    fails: 'cancel: ends descendants at every depth',
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        const before = rows.all()
        const answer = await storage.cancel(request)
        for (const row of before) {
          const parent = row.parent && rows.get(row.parent.executionId)
          if (parent?.parent && !request.executionIds.includes(row.executionId)) rows.put(row)
        }
        return answer
      },
    }),
  },
  {
    fault: 'a cancel leaves the count of the parent as it was',
    fails: 'cancel: brings the count of a parent down that waits for others still',
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        const before = rows.all()
        const answer = await storage.cancel(request)
        for (const row of before) {
          if (rows.get(row.executionId)?.status !== 'cancelled') rows.put(row)
        }
        return answer
      },
    }),
  },
  {
    fault: 'a repeated cancel brings the count down again',
    fails: 'cancel: says cancelled for what was cancelled before, and changes nothing',
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        for (const executionId of request.executionIds) {
          const row = rows.get(executionId)
          const parent = rows.get(row?.parent?.executionId ?? '')
          if (row?.status === 'cancelled' && parent) {
            rows.put(transitions.bringDown(parent, 1, request.now ?? 0))
          }
        }
        return storage.cancel(request)
      },
    }),
  },
  {
    fault: 'a cancel counts each child of a target that is cancelled beside it',
    fails: 'cancel: brings the count down once for each of several children of one parent',
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        const answer = await storage.cancel(request)
        const parents = request.executionIds.map((id) => rows.get(id)?.parent?.executionId ?? '')
        for (const executionId of new Set(parents)) {
          const parent = rows.get(executionId)
          const times = parents.filter((id) => id === executionId).length
          if (parent && times > 1) rows.put(transitions.bringDown(parent, 1 - times, answer.now))
        }
        return answer
      },
    }),
  },
  {
    fault: 'a cancelled sleeping execution keeps its key',
    fails: 'cancel: ends a sleeping execution, which gives up its key, also a delayed one',
    breaks: ({ storage, rows }) => ({
      cancel: async (request) => {
        const keys = new Map(rows.all().map((row) => [row.executionId, row.sleepingKey]))
        const answer = await storage.cancel(request)
        for (const row of rows.all()) {
          rows.put({ ...row, sleepingKey: keys.get(row.executionId) ?? null })
        }
        return answer
      },
    }),
  },
  {
    fault: 'what ended otherwise is called cancelled',
    fails: 'cancel: says finished for what ended otherwise, and leaves it as it is',
    breaks: ({ storage }) => ({
      cancel: async (request) => {
        const answer = await storage.cancel(request)
        return {
          ...answer,
          outcomes: answer.outcomes.map((outcome) =>
            outcome === 'finished' ? 'cancelled' : outcome,
          ),
        }
      },
    }),
  },
  {
    fault: 'a prune deletes finished children of an unfinished root',
    fails: 'prune: touches nothing under an unfinished root, however long it has been finished',
    breaks: ({ storage, rows }) => ({
      prune: async (request) => {
        const answer = await storage.prune(request)
        for (const row of rows.all()) {
          if (row.finishedAt !== null && row.finishedAt < request.finishedBefore) rows.delete(row)
        }
        return answer
      },
    }),
  },
  {
    fault: 'a prune takes the moment given too',
    fails: 'prune: deletes roots that finished before the moment given, to the millisecond',
    breaks: ({ storage }) => ({
      prune: (request) => storage.prune({ ...request, finishedBefore: request.finishedBefore + 1 }),
    }),
  },
  {
    fault: 'a prune knows no limit',
    fails: 'prune: deletes no more rows in a call than the limit says, and goes on from its cursor',
    breaks: ({ storage }) => ({ prune: (request) => storage.prune({ ...request, limit: 1000 }) }),
  },
  {
    fault: 'a prune deletes the root before its children',
    fails: 'prune: deletes a tree larger than the limit over several calls, its root last',
    breaks: ({ storage, rows }) => ({
      prune: async (request) => {
        const answer = await storage.prune(request)
        for (const row of rows.all()) {
          if (row.parent === null && isFinished(row.status)) rows.delete(row)
        }
        return answer
      },
    }),
  },
  {
    fault: 'a prune forgets where it stopped',
    fails: 'prune: deletes no more rows in a call than the limit says, and goes on from its cursor',
    breaks: ({ storage }) => ({
      prune: async (request) => ({ ...(await storage.prune(request)), cursor: null }),
    }),
  },
]

/** Finished executions whose keys begin so, the one that finished first at the front. */
function finishedWith(rows: RowAccess, start: string): ExecutionRecord[] {
  return rows
    .all()
    .filter(({ sleepingKey, status }) => isFinished(status) && sleepingKey?.startsWith(start))
    .sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0))
}

/** Wakes as it should, and finds what has finished already in another way. */
function wakeFinds(
  { storage, rows }: Broken,
  find: (sleepingKey: string, rows: RowAccess) => ExecutionRecord | undefined,
): ReturnType<Fault['breaks']> {
  return {
    wake: async (request) => {
      const isActive = rows.all().some(({ sleepingKey }) => sleepingKey === request.sleepingKey)
      const answer = await storage.wake(request)
      return isActive ? answer : { ...answer, record: find(request.sleepingKey, rows) ?? null }
    },
  }
}
