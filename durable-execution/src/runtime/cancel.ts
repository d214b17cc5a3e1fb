/**
 * Cancels executions, and tells running functions whose claim is lost: cancelled by whomever, or taken over. A hint that something
 * was cancelled makes the watch ask at once; else it asks while functions run, once a second where no hints come.
 */
import { DurableExecutionCancelledError, DurableExecutionError, toStoredError } from '../errors'
import type { CancelOutcome, LostClaim } from '../storage/storage'
import type { HeldClaim } from './held-claims'
import type { Job } from './loop'
import type { Runtime } from './runtime'
import { LONGEST_CALL_MS } from './storage-calls'

/** The watch while functions run, in milliseconds. */
const WATCH_INTERVAL_MS = 1000
/** The same where hints come. */
const PUSHED_WATCH_INTERVAL_MS = 5000

/** Cancels an execution with all its active descendants. */
export async function cancelExecution<TTransaction>(
  runtime: Runtime<TTransaction>,
  executionId: string,
): Promise<CancelOutcome> {
  const error = toStoredError(new DurableExecutionCancelledError())
  const { outcomes } = await runtime.storage.untilAnswered('cancel', (storage, signal) =>
    storage.cancel({ executionIds: [executionId], error, signal }),
  )
  return outcomes[0] ?? 'missing'
}

/** Tells running functions of lost claims. */
export class Watch<TTransaction> implements Job {
  readonly name = 'watch'
  private readonly runtime: Runtime<TTransaction>
  private wake: () => void = () => undefined
  /** When the last hint of a cancel came, on the monotonic clock. */
  private cancelledAt = -Infinity

  constructor(runtime: Runtime<TTransaction>) {
    this.runtime = runtime
  }

  /** How to wake the loop that runs this job. */
  wakeBy(wake: () => void): void {
    this.wake = wake
  }

  /** A hint: these were cancelled, or some. */
  cancelled(executionIds: readonly string[] | null): void {
    const { held, environment } = this.runtime
    this.cancelledAt = environment.monotonic()
    if (executionIds === null || executionIds.some((id) => held.has(id))) this.wake()
  }

  /** A claim is held that was sent then, on the monotonic clock: a hint since then may have been about it. */
  held(sentAt: number): void {
    if (sentAt <= this.cancelledAt) this.wake()
  }

  async runOnce(): Promise<number | null> {
    const { push } = this.runtime
    // What was cancelled between its claim and the first hint is found by asking as before, for as long as such claims may come.
    const isHeard = push.hasListenedFor(LONGEST_CALL_MS)
    const intervalMs = isHeard ? PUSHED_WATCH_INTERVAL_MS : WATCH_INTERVAL_MS
    const watched = this.runtime.held
      .all()
      .filter((held) => (held.isRunning || held.isPrefetched) && !held.isLost)
    if (watched.length === 0) return intervalMs
    const claims = watched.map(({ record: { executionId, claimCount } }) => ({
      executionId,
      claimCount,
    }))
    const { lost } = await this.runtime.storage.once('lostClaims', (verbs, signal) =>
      verbs.lostClaims({ claims, signal }),
    )
    const byId = new Map(watched.map((held) => [held.record.executionId, held]))
    for (const claim of lost) {
      const held = byId.get(claim.executionId)
      // What ended meanwhile is not lost; nor what was claimed anew by this very process.
      const asked = claims.find(({ executionId }) => executionId === claim.executionId)
      if (!held || held.record.claimCount !== asked?.claimCount) continue
      if (held.isRunning || held.isPrefetched) this.tell(held, claim)
    }
    return intervalMs
  }

  private tell(held: HeldClaim, { status }: LostClaim): void {
    const { taskId, executionId } = held.record
    const error = lossOf(status)
    this.runtime.events.emit({ type: 'claim_lost', taskId, executionId, reason: error.message })
    held.end('lost', error)
  }
}

function lossOf(status: LostClaim['status']): DurableExecutionError {
  if (status === 'cancelled') return new DurableExecutionCancelledError()
  return DurableExecutionError.nonRetryable(
    status === null
      ? 'Execution is no longer in the storage'
      : 'Execution was taken over by another executor after its lease lapsed',
  )
}
