/** Faults of `settle`. */
import {
  isFinished,
  transitions,
  type ExecutionRecord,
  type GuardedOutcome,
  type SettleAnswer,
  type SettleRequest,
} from 'durable-execution'

import { patch, type Broken, type Fault } from './fault'

export const settleFaults: readonly Fault[] = [
  {
    fault: 'every row of a batch gets the change of the first',
    fails: 'settle: takes a thousand settlements at once, each with its own change',
    breaks: ({ storage }) => ({
      settle: (request) => {
        const [first] = request.settlements
        return storage.settle({
          ...request,
          settlements: request.settlements.map((settlement) => ({
            ...settlement,
            change: first?.change ?? settlement.change,
          })),
        })
      },
    }),
  },
  {
    fault: 'the result of a lapsed lease is refused',
    fails: 'settle: settles what a lapsed lease holds, as long as nobody took it',
    breaks: ({ storage, rows }) => ({
      settle: (request) =>
        storage.settle({
          ...request,
          settlements: request.settlements.map((settlement) => {
            const claimAt = rows.get(settlement.executionId)?.claimAt ?? Infinity
            return claimAt < (request.now ?? 0) ? { ...settlement, claimCount: -1 } : settlement
          }),
        }),
    }),
  },
  {
    fault: 'a run output is not stored',
    fails: 'settle: makes a parent wait for the children it inserts',
    breaks: (parts) =>
      settleThen(parts, (answer, { settlements }) => {
        const ids = settlements.map(({ executionId }) => executionId)
        patch(parts.rows, ids, () => ({ runOutput: null }))
        return answer
      }),
  },
  {
    fault: 'a finalize does not count as a child',
    fails: 'settle: counts a finalize as the one active child of its parent',
    breaks: (parts) =>
      settleThen(parts, (answer, { settlements }) => {
        for (const { executionId, change } of settlements) {
          if (change.status !== 'waiting_for_finalize') continue
          patch(parts.rows, [executionId], () => ({ activeChildrenCount: 0, claimAt: answer.now }))
        }
        return answer
      }),
  },
  {
    fault: 'a repeat is called lost',
    fails: 'settle: says repeated, and changes nothing, where an earlier call did it already',
    breaks: (parts) => settleThen(parts, (answer) => renamed(answer, 'repeated', 'lost')),
  },
  {
    fault: 'a lost claim is called repeated',
    fails: 'settle: says lost for a cancelled, a released and a missing execution',
    breaks: (parts) => settleThen(parts, (answer) => renamed(answer, 'lost', 'repeated')),
  },
  {
    fault: 'the guard knows no claim count',
    fails:
      'settle: refuses the result of a claim that was taken over, though the status is the same',
    breaks: ({ storage, rows }) => ({
      settle: (request) =>
        storage.settle({
          ...request,
          settlements: request.settlements.map((settlement) => ({
            ...settlement,
            claimCount: rows.get(settlement.executionId)?.claimCount ?? settlement.claimCount,
          })),
        }),
    }),
  },
  {
    fault: 'the guard knows no status',
    fails:
      'settle: says lost where the row is held by this claim and has another status than expected',
    breaks: ({ storage, rows }) => ({
      settle: (request) =>
        storage.settle({
          ...request,
          settlements: request.settlements.map((settlement) => ({
            ...settlement,
            expectedStatus: rows.get(settlement.executionId)?.status ?? settlement.expectedStatus,
          })),
        }),
    }),
  },
  {
    fault: 'a batch with an execution twice is written',
    fails: 'settle: refuses a batch that holds an execution twice, and writes nothing',
    breaks: oneByOne,
  },
  {
    fault: 'a batch with an execution and its child is written',
    fails: 'settle: refuses a batch that holds an execution with its child, and writes nothing',
    breaks: oneByOne,
  },
  {
    fault: 'the count of a parent is that of the rows asked for',
    fails: 'settle: adds a sleeping child whose key is taken as failed, and counts the others only',
    breaks: (parts) =>
      settleThen(parts, (answer, { settlements }) => {
        for (const { executionId, change, insertions } of settlements) {
          if (change.status !== 'waiting_for_children') continue
          patch(parts.rows, [executionId], () => ({ activeChildrenCount: insertions.length }))
        }
        return answer
      }),
  },
  {
    fault: 'the count of a parent is not brought down',
    fails: 'settle: brings the count of a parent down by one for each child that finishes',
    breaks: ({ storage, rows }) => ({
      settle: async (request) => {
        const parents = parentsOf(request).flatMap((id) => rows.get(id) ?? [])
        const answer = await storage.settle(request)
        for (const parent of parents) rows.put(parent)
        return { ...answer, parents: [] }
      },
    }),
  },
  {
    fault: 'a parent of several in a batch is brought down by one',
    fails: 'settle: hands a parent over whose children all finish in one call',
    breaks: ({ storage, rows }) => ({
      settle: async (request) => {
        const parents = parentsOf(request).flatMap((id) => rows.get(id) ?? [])
        const answer = await storage.settle(request)
        if (request.settlements.length < 2) return answer
        for (const parent of parents) rows.put(transitions.bringDown(parent, 1, answer.now))
        return { ...answer, parents: [] }
      },
    }),
  },
  {
    fault: 'a repeat brings the count down again',
    fails: 'settle: brings no count down with a settlement that is lost or repeated',
    breaks: (parts) =>
      settleThen(parts, (answer, { settlements }) => {
        for (const [index, { outcome }] of answer.outcomes.entries()) {
          const parent = parts.rows.get(settlements[index]?.parentExecutionId ?? '')
          if (outcome === 'repeated' && parent) {
            parts.rows.put(transitions.bringDown(parent, 1, answer.now))
          }
        }
        return answer
      }),
  },
  {
    fault: 'a retry counts as an end',
    fails: 'settle: does not count a child that is to be retried as finished',
    breaks: (parts) =>
      settleThen(parts, (answer, { settlements }) => {
        for (const { change, parentExecutionId } of settlements) {
          const parent = parts.rows.get(parentExecutionId ?? '')
          if (change.status === 'ready' && parent) {
            parts.rows.put(transitions.bringDown(parent, 1, answer.now))
          }
        }
        return answer
      }),
  },
  {
    fault: 'a sleeping execution that finished keeps its key',
    fails: 'settle: times out a sleeping execution, which gives up its key',
    breaks: (parts) =>
      settleThen(parts, (answer, { settlements }) => {
        patch(
          parts.rows,
          settlements.map(({ executionId }) => executionId),
          ({ sleepingKey, status }) =>
            isFinished(status) ? { sleepingKey: sleepingKey?.split(':')[0] ?? null } : {},
        )
        return answer
      }),
  },
  {
    fault: 'parents of every queue are handed over',
    fails: "settle: makes a parent due now whose own queue is none of the caller's",
    breaks: ({ storage, rows }) => ({
      settle: (request) => {
        const queues = [...new Set(rows.all().map(({ queue }) => queue))]
        return storage.settle({ ...request, handOver: request.handOver && { queues } })
      },
    }),
  },
  {
    fault: 'a parent that nobody takes is never due',
    fails: 'settle: makes a parent due now where the caller takes none',
    breaks: (parts) =>
      settleThen(parts, (answer, request) => {
        if (request.handOver === null) {
          patch(parts.rows, parentsOf(request), ({ executorId, claimAt }) => ({
            claimAt: executorId === null ? null : claimAt,
          }))
        }
        return answer
      }),
  },
  {
    fault: 'a parent is due, but not handed over',
    fails: 'settle: hands a parent over, claimed, when its last child finishes',
    breaks: ({ storage }) => ({
      settle: (request) => storage.settle({ ...request, handOver: null }),
    }),
  },
  {
    fault: 'a parent with nothing to wait for from the beginning is not handed over',
    fails: 'settle: hands a parent over at once whose children are all refused',
    breaks: (parts) =>
      settleThen(parts, (answer, { settlements }) => {
        const own = new Set(settlements.map(({ executionId }) => executionId))
        patch(parts.rows, [...own], ({ claimCount, executorId }) =>
          executorId === null ? {} : { claimCount: claimCount - 1, executorId: null },
        )
        const parents = answer.parents.filter(({ executionId }) => !own.has(executionId))
        return { ...answer, parents }
      }),
  },
  {
    fault: 'a repeat is not told of the parents handed over',
    fails: 'settle: answers on a repeat the parents that were handed over',
    breaks: (parts) =>
      settleThen(parts, (answer) => ({
        ...answer,
        parents: answer.outcomes.every(({ outcome }) => outcome === 'repeated')
          ? []
          : answer.parents,
      })),
  },
  {
    fault: 'a repeat is told of parents that others hold',
    fails: 'settle: hands a repeat no parent that another holds, that was due, or that went on',
    breaks: (parts) =>
      settleThen(parts, (answer, request) => ({
        ...answer,
        parents: parentsOf(request)
          .flatMap((id) => parts.rows.get(id) ?? [])
          .filter(
            ({ activeChildrenCount, executorId }) =>
              activeChildrenCount === 0 && executorId !== null,
          ),
      })),
  },
  {
    fault: 'a repeat is not told what it inserted as claimed',
    fails: 'settle: inserts nothing twice on a repeat',
    breaks: (parts) =>
      settleThen(parts, (answer) => ({
        ...answer,
        outcomes: answer.outcomes.map(({ outcome, claimedInsertions }) => ({
          outcome,
          claimedInsertions: outcome === 'repeated' ? [] : claimedInsertions,
        })),
      })),
  },
  {
    fault: 'a repeat is told of all it ever inserted as claimed',
    fails: 'settle: answers on a repeat which of the inserted rows the caller still holds',
    breaks: (parts) =>
      settleThen(parts, (answer, { settlements }) => ({
        ...answer,
        outcomes: answer.outcomes.map(({ outcome }, index) => ({
          outcome,
          claimedInsertions: (settlements[index]?.insertions ?? [])
            .filter(({ start }) => start === 'claimed')
            .map(({ executionId }) => executionId),
        })),
      })),
  },
  {
    fault: 'a lost settlement inserts its rows',
    fails: 'settle: inserts nothing with a settlement that is lost',
    breaks: ({ storage }) => ({
      settle: async (request) => {
        const answer = await storage.settle(request)
        const executions = request.settlements.flatMap(({ insertions }, index) =>
          answer.outcomes[index]?.outcome === 'lost' ? insertions : [],
        )
        await storage.insert({ ...request, executions })
        return answer
      },
    }),
  },
  {
    fault: 'a parent is written though its count stays the same',
    fails: 'settle: writes nothing to a parent whose step finishes and is followed by the next',
    breaks: (parts) =>
      settleThen(parts, (answer, request) => {
        patch(parts.rows, parentsOf(request), () => ({ updatedAt: answer.now }))
        return answer
      }),
  },
  {
    fault: 'takeovers are kept for the next attempt',
    fails:
      'settle: makes a failed run ready for its retry, due after the delay, without its takeovers',
    breaks: ({ storage, rows }) => ({
      settle: (request) =>
        storage.settle({
          ...request,
          settlements: request.settlements.map((settlement) => ({
            ...settlement,
            change: {
              ...settlement.change,
              takeovers: rows.get(settlement.executionId)?.takeovers ?? 0,
            },
          })),
        }),
    }),
  },
]

/** Settles as it should, then changes the rows or the answer. */
function settleThen(
  { storage }: Broken,
  change: (answer: SettleAnswer, request: SettleRequest) => SettleAnswer,
): ReturnType<Fault['breaks']> {
  return { settle: async (request) => change(await storage.settle(request), request) }
}

function oneByOne({ storage }: Broken): ReturnType<Fault['breaks']> {
  return {
    settle: async (request) => {
      let all: SettleAnswer = await storage.settle({ ...request, settlements: [] })
      for (const settlement of request.settlements) {
        const one = await storage.settle({ ...request, settlements: [settlement] })
        const outcomes = [...all.outcomes, ...one.outcomes]
        all = { ...one, outcomes, parents: [...all.parents, ...one.parents] }
      }
      return all
    },
  }
}

function renamed(answer: SettleAnswer, from: GuardedOutcome, to: GuardedOutcome): SettleAnswer {
  const outcomes = answer.outcomes.map((item) =>
    item.outcome === from ? { ...item, outcome: to } : item,
  )
  return { ...answer, outcomes }
}

function parentsOf({ settlements }: SettleRequest): ExecutionRecord['executionId'][] {
  return [...new Set(settlements.flatMap(({ parentExecutionId }) => parentExecutionId ?? []))]
}
