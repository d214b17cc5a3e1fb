/**
 * Gives claimed executions back, with no attempt burned: those of unknown tasks (a rolling deploy, a specialised worker), and on
 * shutdown. Best effort: a claim that can't be given back lapses.
 */
import { messageOf } from '../errors'
import type { ReleaseReason } from './events'
import type { HeldClaim } from './held-claims'
import type { Runtime } from './runtime'

/** The most task ids a claim is told to leave. */
const MOST_UNKNOWN_TASKS = 100
/** After this a task that was unknown is tried again, in milliseconds. */
const FORGET_AFTER_MS = 60_000
const LONGEST_DELAY_MS = 60_000

/** Gives executions back. */
export class Releaser<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  /** When a task was found to be unknown, on the monotonic clock. */
  private readonly unknownSince = new Map<string, number>()
  private readonly told = new Set<string>()

  constructor(runtime: Runtime<TTransaction>) {
    this.runtime = runtime
  }

  /** Tasks whose executions a claim should leave for others. */
  unknownTaskIds(): string[] {
    const now = this.runtime.environment.monotonic()
    for (const [taskId, since] of this.unknownSince) {
      if (now - since > FORGET_AFTER_MS || this.runtime.registry.find(taskId)) {
        this.unknownSince.delete(taskId)
      }
    }
    return [...this.unknownSince.keys()]
  }

  /** Leaves an execution to an executor that knows its task. */
  async releaseUnknown(held: HeldClaim): Promise<void> {
    const { taskId, claimCount } = held.record
    const { environment, events } = this.runtime
    if (!this.told.has(taskId)) {
      this.told.add(taskId)
      events.emit({ type: 'unknown_task', taskId })
    }
    const isListed = this.unknownSince.has(taskId) || this.unknownSince.size < MOST_UNKNOWN_TASKS
    if (isListed) this.unknownSince.set(taskId, environment.monotonic())
    // One that can't be left out of claims would be claimed again at once.
    const dueInMs = isListed ? 0 : Math.min(1000 * 2 ** claimCount, LONGEST_DELAY_MS)
    await this.release(held, 'unknown_task', dueInMs)
  }

  async release(held: HeldClaim, reason: ReleaseReason, dueInMs: number): Promise<void> {
    const { storage, events } = this.runtime
    const { taskId, executionId, claimCount } = held.record
    try {
      await storage.untilAnswered('release', (verbs, signal) =>
        verbs.release({ claims: [{ executionId, claimCount, dueInMs }], signal }),
      )
      held.ended(claimCount)
      events.emit({ type: 'execution_released', taskId, executionId, reason })
    } catch (error) {
      events.emit({ type: 'background_error', job: 'release', message: messageOf(error) })
    }
  }
}
