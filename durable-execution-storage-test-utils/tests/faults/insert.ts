/** Faults of `insert`, and of texts on their way into rows and out. */
import type { ExecutionRecord, NewExecution } from 'durable-execution'

import { patch, type Broken, type Fault } from './fault'

export const insertFaults: readonly Fault[] = [
  {
    fault: 'a sleeping execution is due at once',
    fails: 'insert: adds a sleeping execution that nobody holds, due at its time-out',
    breaks: (parts) =>
      insertWith(parts, ({ sleepingKey, claimAt, createdAt }) => ({
        claimAt: sleepingKey === null ? claimAt : createdAt,
      })),
  },
  {
    fault: 'a repeat of an all-or-nothing call is told nothing',
    fails: 'insert: tells a repeat of an all-or-nothing call that every row is there',
    breaks: ({ storage }) => ({
      insert: async (request) => {
        const answer = await storage.insert(request)
        if (request.allOrNothing !== true) return answer
        const isRefused = answer.outcomes.some(({ kind }) => kind === 'exists')
        const outcomes = answer.outcomes.map((outcome) =>
          isRefused ? { kind: 'skipped' as const } : outcome,
        )
        return { ...answer, outcomes }
      },
    }),
  },
  {
    fault: 'answers carry the time of another clock',
    fails: 'all verbs: answer the time that the call stands for',
    breaks: ({ storage }) => ({
      get: async (request) => ({ ...(await storage.get(request)), now: 1_800_000_000_000 }),
    }),
  },
  {
    fault: 'a repeat overwrites the row',
    fails: 'insert: leaves a row alone whose id is inserted again, and answers that row',
    breaks: ({ storage, rows }) => ({
      insert: async (request) => {
        const answer = await storage.insert(request)
        for (const [index, outcome] of answer.outcomes.entries()) {
          const input = request.executions[index]?.input ?? null
          if (outcome.kind === 'exists') {
            patch(rows, [outcome.existing.executionId], () => ({ input }))
          }
        }
        return answer
      },
    }),
  },
  {
    fault: 'orphans are inserted',
    fails: 'insert: skips a row whose parent in the same call was not inserted',
    breaks: ({ storage }) => ({
      insert: async (request) => {
        let answer = await storage.insert({ ...request, executions: [] })
        for (const execution of request.executions) {
          const one = await storage.insert({ ...request, executions: [execution] })
          answer = { ...one, outcomes: [...answer.outcomes, ...one.outcomes] }
        }
        return answer
      },
    }),
  },
  {
    fault: 'the count of a waiting root is that of the rows asked for',
    fails: 'insert: adds a sleeping child whose key is taken as failed, and does not count it',
    breaks: ({ storage, rows }) => ({
      insert: async (request) => {
        const answer = await storage.insert(request)
        for (const { start, executionId } of request.executions) {
          if (start === 'waiting') {
            patch(rows, [executionId], () => countOf(request.executions, executionId))
          }
        }
        return answer
      },
    }),
  },
  {
    fault: 'allOrNothing is ignored',
    fails: 'insert: inserts nothing of an all-or-nothing call where one id exists',
    breaks: ({ storage }) => ({
      insert: (request) => storage.insert({ ...request, allOrNothing: false }),
    }),
  },
  {
    fault: 'a repeat of a sleeping root is told that its key is taken',
    fails:
      'insert: tells a repeated sleeping root by its id that it is there, not that its key is taken',
    breaks: ({ storage }) => ({
      insert: async (request) => {
        const answer = await storage.insert(request)
        const outcomes = answer.outcomes.map((outcome, index) =>
          outcome.kind === 'exists' && request.executions[index]?.sleepingKey !== null
            ? { ...outcome, conflict: 'sleeping_key' as const }
            : outcome,
        )
        return { ...answer, outcomes }
      },
    }),
  },
  {
    fault: 'a delayed sleeping execution does not hold its key',
    fails:
      'insert: adds a delayed sleeping execution as ready: it holds its key and has not fallen asleep',
    breaks: ({ storage }) => ({
      insert: (request) =>
        storage.insert({
          ...request,
          executions: request.executions.map((execution) =>
            execution.start === 'ready' ? { ...execution, sleepingKey: null } : execution,
          ),
        }),
    }),
  },
  {
    fault: 'a repeat is not told who holds the row',
    fails: 'insert: tells a repeat that the row it claimed is still its own',
    breaks: ({ storage }) => ({
      insert: async (request) => {
        const answer = await storage.insert(request)
        const outcomes = answer.outcomes.map((outcome) =>
          outcome.kind === 'exists'
            ? { ...outcome, existing: { ...outcome.existing, executorId: null } }
            : outcome,
        )
        return { ...answer, outcomes }
      },
    }),
  },
  {
    fault: 'a finished sleeper keeps its key',
    fails: 'insert: frees a sleeping key once its execution has finished or was cancelled',
    breaks: ({ storage, rows }) => ({
      insert: async (request) => {
        const taken = new Set(rows.all().map(({ sleepingKey }) => sleepingKey?.split(':')[0]))
        const executions = request.executions.filter(
          ({ sleepingKey }) => sleepingKey === null || !taken.has(sleepingKey),
        )
        return storage.insert({ ...request, executions })
      },
    }),
  },
  {
    fault: 'times are kept in seconds',
    fails: 'all verbs: keep times to the millisecond',
    breaks: (parts) =>
      insertWith(parts, ({ createdAt }) => ({ createdAt: createdAt - (createdAt % 1000) })),
  },
  {
    fault: 'delays are 32 bits wide',
    fails: 'all verbs: keep delays and time-outs of a hundred years',
    breaks: (parts) =>
      insertWith(parts, ({ sleepMsBeforeRun }) => ({ sleepMsBeforeRun: sleepMsBeforeRun | 0 })),
  },
  {
    fault: 'texts are cut at 64 KiB',
    fails: 'all verbs: keep texts of a megabyte',
    breaks: (parts) =>
      insertWith(parts, ({ input }) => ({ input: input?.slice(0, 65_536) ?? null })),
  },
  {
    fault: 'texts are trimmed',
    fails: 'all verbs: keep every text of an input as it is',
    breaks: (parts) => insertWith(parts, ({ input }) => ({ input: input?.trim() ?? null })),
  },
  {
    fault: 'characters of four bytes are lost',
    fails: 'all verbs: keep every text of an input as it is',
    breaks: (parts) =>
      insertWith(parts, ({ input }) => ({
        input: input?.replace(/[\u{10000}-\u{10ffff}]/gu, '?') ?? null,
      })),
  },
  {
    fault: 'null becomes a text',
    fails: 'all verbs: keep null apart from an empty text and from the text null',
    breaks: (parts) => insertWith(parts, ({ input }) => ({ input: input ?? 'null' })),
  },
  {
    fault: 'an empty text becomes null',
    fails: 'all verbs: keep null apart from an empty text and from the text null',
    breaks: (parts) => insertWith(parts, ({ input }) => ({ input: input === '' ? null : input })),
  },
  {
    fault: 'fractions of retry options are rounded',
    fails: 'all verbs: keep every retry option, fractions too',
    breaks: (parts) =>
      insertWith(parts, ({ retryOptions }) => ({
        retryOptions: {
          ...retryOptions,
          delayMultiplier: Math.round(retryOptions.delayMultiplier),
        },
      })),
  },
  {
    fault: 'ids are compared without regard to case',
    fails: 'get: tells ids apart that differ by case, accents or spaces only',
    breaks: ({ storage, rows }) => ({
      get: (request) => {
        const all = rows.all()
        const executionIds = request.executionIds.map(
          (id) =>
            all.find((row) => row.executionId.toLowerCase() === id.toLowerCase())?.executionId ??
            id,
        )
        return storage.get({ ...request, executionIds })
      },
    }),
  },
  {
    fault: 'rows that are not there are left out of the answer',
    fails: 'get: answers rows in the order asked, null for those that are not there',
    breaks: ({ storage }) => ({
      get: async (request) => {
        const answer = await storage.get(request)
        return { ...answer, records: answer.records.filter((record) => record !== null) }
      },
    }),
  },
  {
    fault: 'children come in the order of their ids',
    fails: 'getChildren: answers children by their place under the parent',
    breaks: ({ storage }) => ({
      getChildren: async (request) => {
        const answer = await storage.getChildren(request)
        answer.children.sort((a, b) => (a.executionId < b.executionId ? -1 : 1))
        return answer
      },
    }),
  },
  {
    fault: 'the finalize comes with the first page only',
    fails: 'getChildren: sets the finalize apart, and answers it with every page',
    breaks: ({ storage }) => ({
      getChildren: async (request) => {
        const answer = await storage.getChildren(request)
        return (request.after ?? -1) < 0 ? answer : { ...answer, finalize: null }
      },
    }),
  },
  {
    fault: 'grandchildren come with the children',
    fails: 'getChildren: answers neither grandchildren nor the children of others',
    breaks: ({ storage, rows }) => ({
      getChildren: async (request) => {
        const answer = await storage.getChildren(request)
        const ids = new Set(answer.children.map(({ executionId }) => executionId))
        const below = rows.all().filter(({ parent }) => ids.has(parent?.executionId ?? ''))
        return { ...answer, children: [...answer.children, ...below] }
      },
    }),
  },
  {
    fault: 'a page begins with the child it should follow',
    fails: 'getChildren: answers pages that follow each other without gap or overlap',
    breaks: ({ storage }) => ({
      getChildren: (request) =>
        storage.getChildren({
          ...request,
          after: request.after === undefined ? -1 : request.after - 1,
        }),
    }),
  },
]

function countOf(
  executions: readonly NewExecution[],
  executionId: string,
): Partial<ExecutionRecord> {
  const children = executions.filter(({ parent }) => parent?.executionId === executionId)
  return { activeChildrenCount: children.length, claimAt: null }
}

/** Changes each row that an insert has written. */
function insertWith(
  { storage, rows }: Broken,
  change: (row: ExecutionRecord) => Partial<ExecutionRecord>,
): ReturnType<Fault['breaks']> {
  return {
    insert: async (request) => {
      const answer = await storage.insert(request)
      patch(
        rows,
        request.executions.map(({ executionId }) => executionId),
        change,
      )
      return answer
    },
  }
}
