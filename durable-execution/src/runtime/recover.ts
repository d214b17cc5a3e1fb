/**
 * Finds rows that are leased to this executor though it does not know of them: the answer of the claim, insert or settle that took
 * them was lost. What is found is run; without this it would wait for its lease to lapse, and count as taken over.
 *
 * A lost statement may commit late, so the search goes on for one lease after the last lost answer. What it took has a lease that
 * ends a lease after it was sent, or later: nothing that ends before is looked at.
 */
import type { ExecutionRecord } from '../execution/record'
import type { Job } from './loop'
import type { Runtime } from './runtime'

/** How far the storage's clock may be from what is reckoned of it, in milliseconds. */
const CLOCK_LAG_MS = 2000

/** Recovers lost answers. */
export class Recoverer<TTransaction> implements Job {
  readonly name = 'recover'
  private readonly runtime: Runtime<TTransaction>
  private readonly dispatch: (record: ExecutionRecord, sentAt: number) => void
  private wake: () => void = () => undefined
  /** Until when there may be rows to find, on the monotonic clock. */
  private neededUntil = -Infinity
  /** The leases to look at end at this moment, on the storage's clock, or later. */
  private from = Infinity

  constructor(
    runtime: Runtime<TTransaction>,
    dispatch: (record: ExecutionRecord, sentAt: number) => void,
  ) {
    this.runtime = runtime
    this.dispatch = dispatch
  }

  /** How to wake the loop that runs this job. */
  wakeBy(wake: () => void): void {
    this.wake = wake
  }

  /** @param sentAt - When the call was sent, on the monotonic clock. */
  answerLost(sentAt: number): void {
    const { environment, claimant, storage } = this.runtime
    const now = environment.monotonic()
    if (now >= this.neededUntil) this.from = Infinity
    const leaseEndsFrom = storage.now() - (now - sentAt) + claimant.leaseMs
    this.from = Math.min(this.from, leaseEndsFrom - CLOCK_LAG_MS)
    this.neededUntil = now + claimant.leaseMs
    this.wake()
  }

  async runOnce(): Promise<number | null> {
    const { environment, gate, storage, claimant, options, held } = this.runtime
    if (environment.monotonic() >= this.neededUntil) return null
    await gate.alone(async () => {
      const { records } = await storage.once('recover', (verbs, signal) =>
        verbs.recover({
          ...claimant,
          from: this.from,
          queues: options.queues,
          exceptExecutionIds: held.executionIds(),
          signal,
        }),
      )
      await this.renewAndDispatch(records)
    })
    return claimant.leaseMs / 3
  }

  /** What was claimed long ago may be about to be taken over: only what could be renewed is run. */
  private async renewAndDispatch(records: readonly ExecutionRecord[]): Promise<void> {
    if (records.length === 0) return
    const { environment, storage, claimant } = this.runtime
    const sentAt = environment.monotonic()
    const claims = records.map(({ executionId, claimCount }) => ({ executionId, claimCount }))
    const { outcomes } = await storage.once('renew', (verbs, signal) =>
      verbs.renew({ claims, leaseMs: claimant.leaseMs, signal }),
    )
    records.forEach((record, index) => {
      if (outcomes[index] === 'renewed') this.dispatch(record, sentAt)
    })
  }
}
