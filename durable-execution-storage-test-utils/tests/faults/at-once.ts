/** Faults that only calls made at the same moment show: a turn of the event loop stands for the wait between two statements. */
import { setImmediate as turn } from 'node:timers/promises'

import {
  isFinished,
  transitions,
  type ExecutionRecord,
  type SettleRequest,
} from 'durable-execution'

import { patch, type Broken, type Fault, type RowAccess } from './fault'

export const atOnceFaults: readonly Fault[] = [
  {
    fault: 'the count of a parent is brought down outside the transaction',
    fails: 'all verbs: hand a parent over once whose children are settled at once',
    breaks: (parts) => ({ settle: (request) => settleInTwo(parts, request) }),
  },
  {
    fault: 'a cancel does not lock the tree',
    fails:
      'all verbs: leave no active child under a parent that is cancelled while it inserts children',
    breaks: ({ storage, rows }) => ({
      settle: async (request) => {
        await turn()
        return storage.settle(request)
      },
      cancel: async (request) => {
        const doomed = request.executionIds.flatMap((id) => activeBelow(rows, id))
        // Here a settlement inserts children: they are active, and none of those that were found.
        await turn()
        const { now } = await storage.cancel({ ...request, executionIds: [] })
        patch(rows, doomed, (row) => transitions.cancel(row, request.error, now))
        return { outcomes: request.executionIds.map(() => 'cancelled'), now }
      },
    }),
  },
]

/** Stores the ends of children, and brings their parents down by what these were before. */
async function settleInTwo({ storage, rows }: Broken, request: SettleRequest) {
  const parents = request.settlements.flatMap(
    ({ parentExecutionId }) => rows.get(parentExecutionId ?? '') ?? [],
  )
  const answer = await storage.settle(request)
  for (const parent of parents) rows.put(parent)
  await turn()
  for (const parent of parents) rows.put(transitions.bringDown(parent, 1, answer.now))
  return answer
}

/** An execution and what is active below it. */
function activeBelow(rows: RowAccess, executionId: string): string[] {
  const children = rows.all().filter((row) => isActiveChild(row, executionId))
  return [executionId, ...children.flatMap((child) => activeBelow(rows, child.executionId))]
}

function isActiveChild({ parent, status }: ExecutionRecord, parentId: string): boolean {
  return parent?.executionId === parentId && !isFinished(status)
}
