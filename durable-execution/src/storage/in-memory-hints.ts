/**
 * What the in-memory storage tells its listeners: the executable meaning of hints. Each row that is put says by what it was before
 * and is now whether it became due, finished, or was cancelled; a verb tells all of it at once when it is done.
 */
import type { ExecutionRecord } from '../execution/record'
import { isFinished } from '../execution/status'
import { SOON_MS, type StorageListener, type StorageSubscription } from './listener'

/** Listeners, and what they are about to be told. */
export class Hints {
  private readonly listeners = new Set<StorageListener>()
  /** By queue: when the first of its rows is due that were put. */
  private readonly dueAt = new Map<string, number>()
  private readonly finishedIds = new Set<string>()
  private readonly cancelledIds = new Set<string>()

  listen(listener: StorageListener): StorageSubscription {
    // One that listens twice is told twice.
    const own = { ...listener }
    this.listeners.add(own)
    later(() => {
      if (this.listeners.has(own)) own.onListening(true)
    })
    return {
      awaitFinished: () => undefined,
      close: () => {
        this.listeners.delete(own)
        return Promise.resolve()
      },
    }
  }

  /** A row was put. */
  note(before: ExecutionRecord | undefined, after: ExecutionRecord): void {
    if (this.listeners.size === 0) return
    if (isFinished(after.status)) {
      if (before && isFinished(before.status)) return
      const ids = after.status === 'cancelled' ? this.cancelledIds : this.finishedIds
      ids.add(after.executionId)
    } else if (after.claimAt !== null && after.executorId === null) {
      const dueAt = Math.min(this.dueAt.get(after.queue) ?? Infinity, after.claimAt)
      this.dueAt.set(after.queue, dueAt)
    }
  }

  /** Tells what was noted, when the verb has answered. */
  tell(now: number): void {
    const due = [...this.dueAt].filter(([, dueAt]) => dueAt - now <= SOON_MS)
    const finishedIds = [...this.finishedIds]
    const cancelledIds = [...this.cancelledIds]
    this.dueAt.clear()
    this.finishedIds.clear()
    this.cancelledIds.clear()
    if (due.length + finishedIds.length + cancelledIds.length === 0) return
    later(() => {
      for (const listener of this.listeners) {
        for (const [queue, dueAt] of due) listener.onDue([queue], Math.max(0, dueAt - now))
        if (finishedIds.length > 0) listener.onFinished(finishedIds)
        if (cancelledIds.length > 0) listener.onCancelled(cancelledIds)
      }
    })
  }
}

/** Calls others when this turn is over: they may call the storage. */
function later(call: () => void): void {
  queueMicrotask(call)
}
