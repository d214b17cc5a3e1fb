/** Storages whose hints are missing, or come where they should not. */
import type { StorageListener, StorageSubscription } from 'durable-execution'

import type { Broken, Fault } from './fault'

/** The storage tells these things otherwise. */
function tells(
  { storage }: Broken,
  otherwise: (listener: StorageListener) => Partial<StorageListener>,
): { listen: (listener: StorageListener) => Promise<StorageSubscription> } {
  return {
    listen: (listener) => storage.listen({ ...listener, ...otherwise(listener) }),
  }
}

const SILENT = (): void => undefined

export const hintFaults: readonly Fault[] = [
  {
    fault: 'nobody is told what is due',
    fails: 'listen: tells in which queue something is due now',
    breaks: (parts) => tells(parts, () => ({ onDue: SILENT })),
  },
  {
    fault: 'what is due soon is told as if it were due now',
    fails: 'listen: tells what is due soon, and when',
    breaks: (parts) =>
      tells(parts, (listener) => ({
        onDue: (queues) => {
          listener.onDue(queues, 0)
        },
      })),
  },
  {
    fault: 'every insert tells that something is due',
    fails: 'listen: says nothing of rows that are inserted as claimed',
    breaks: ({ storage }) => {
      const listeners: StorageListener[] = []
      return {
        listen: (listener) => {
          listeners.push(listener)
          return storage.listen(listener)
        },
        insert: async (request) => {
          const answer = await storage.insert(request)
          const queues = request.executions.map(({ queue }) => queue)
          for (const listener of listeners) listener.onDue(queues, 0)
          return answer
        },
      }
    },
  },
  {
    fault: 'only one of the executions that finished is told',
    fails: 'listen: tells which executions finished while they are awaited: settled, or woken',
    breaks: (parts) =>
      tells(parts, (listener) => ({
        onFinished: (executionIds) => {
          listener.onFinished(executionIds?.slice(0, 1) ?? null)
        },
      })),
  },
  {
    fault: 'of a tree only its root is told to be cancelled',
    fails: 'listen: tells which executions were cancelled, with everything below them',
    breaks: (parts) =>
      tells(parts, (listener) => ({
        onCancelled: (executionIds) => {
          listener.onCancelled(executionIds?.slice(0, 1) ?? null)
        },
      })),
  },
  {
    fault: 'a subscription does not end',
    fails: 'listen: tells each of several listeners, and none any more after its end',
    breaks: ({ storage }) => ({
      listen: async (listener) => ({
        ...(await storage.listen(listener)),
        close: () => Promise.resolve(),
      }),
    }),
  },
]
