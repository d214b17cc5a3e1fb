/** Figures of an executor: slots, what waits in memory, batches, the storage, what ended how. */
import type { TaskExecutionStatus } from '../execution/status'
import type { Events } from './events'
import type { Runtime } from './runtime'
import type { Stages } from './stages'
import type { VerbStats } from './storage-calls'

/** Figures of an executor since it was made. */
export interface ExecutorStats {
  /** Functions that run, how many may, and ends that are not stored yet. */
  readonly slots: {
    readonly taken: number
    readonly capacity: number
    readonly unstored: number
  }
  /** Executions held: running, or being resumed. */
  readonly heldCount: number
  /** Enqueues and ends that wait for the flush before theirs. */
  readonly waitingInMemory: { readonly enqueues: number; readonly settlements: number }
  /** Items of a flush, on average. */
  readonly meanBatchSize: { readonly enqueue: number; readonly settle: number }
  readonly storage: {
    readonly isAway: boolean
    /** Whether hints of others come; where they do not the executor polls. */
    readonly isListening: boolean
    /** Calls by verb, with their latencies in milliseconds. */
    readonly verbs: Readonly<Record<string, VerbStats>>
  }
  /** How many changes were stored, by the status they led to. `ready`: retries. */
  readonly outcomes: Readonly<Partial<Record<TaskExecutionStatus, number>>>
}

/** Counts what ended how. */
export class OutcomeCounts {
  private readonly counts: Partial<Record<TaskExecutionStatus, number>> = {}

  constructor(events: Events) {
    events.listen((event) => {
      if (event.type === 'execution_settled') this.count(event.status)
      if (event.type === 'execution_retried') this.count('ready')
    })
  }

  read(): Partial<Record<TaskExecutionStatus, number>> {
    return { ...this.counts }
  }

  private count(status: TaskExecutionStatus): void {
    this.counts[status] = (this.counts[status] ?? 0) + 1
  }
}

/** Reads all figures. */
export function readStats<TTransaction>(
  { slots, held, storage, health, push }: Runtime<TTransaction>,
  { enqueuer, settler }: Stages<TTransaction>,
  counts: OutcomeCounts,
): ExecutorStats {
  return {
    slots: {
      taken: slots.takenCount,
      capacity: slots.capacity,
      unstored: slots.unstoredCount,
    },
    heldCount: held.size,
    waitingInMemory: { enqueues: enqueuer.waitingCount, settlements: settler.waitingCount },
    meanBatchSize: { enqueue: enqueuer.meanBatchSize, settle: settler.meanBatchSize },
    storage: {
      isAway: health.isAway,
      isListening: push.isListening,
      verbs: storage.stats(),
    },
    outcomes: counts.read(),
  }
}
