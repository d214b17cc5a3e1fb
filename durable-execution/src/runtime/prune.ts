/** Deletes finished trees that are older than `retentionMs`, in bounded batches. */
import type { Job } from './loop'
import type { Runtime } from './runtime'

/** The most rows of one call. */
const BATCH_ROWS = 1000
/** Pause between the batches of one pass, and the bounds of the pause between passes, in milliseconds. */
const BATCH_PAUSE_MS = 50
const SHORTEST_PASS_PAUSE_MS = 60_000
const LONGEST_PASS_PAUSE_MS = 60 * 60_000

/** Prunes. */
export class Pruner<TTransaction> implements Job {
  readonly name = 'prune'
  private readonly runtime: Runtime<TTransaction>
  private readonly retentionMs: number
  private cursor: string | null = null
  private isFirst = true

  constructor(runtime: Runtime<TTransaction>, retentionMs: number) {
    this.runtime = runtime
    this.retentionMs = retentionMs
  }

  async runOnce(): Promise<number | null> {
    const { storage, environment } = this.runtime
    if (this.isFirst) {
      // Executors started together do not prune together.
      this.isFirst = false
      return environment.random() * SHORTEST_PASS_PAUSE_MS
    }
    const { cursor: after } = this
    const { cursor } = await storage.once('prune', (verbs, signal) =>
      verbs.prune({
        finishedBefore: Math.floor(storage.now() - this.retentionMs),
        limit: BATCH_ROWS,
        ...(after !== null && { cursor: after }),
        signal,
      }),
    )
    this.cursor = cursor
    return cursor === null ? this.passPause() : BATCH_PAUSE_MS
  }

  private passPause(): number {
    const tenth = this.retentionMs / 10
    const pause = Math.min(Math.max(tenth, SHORTEST_PASS_PAUSE_MS), LONGEST_PASS_PAUSE_MS)
    return pause * (1 - this.runtime.environment.random() / 4)
  }
}
