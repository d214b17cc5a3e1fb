/**
 * Finds rows that are leased to this executor though it does not know of them: the answer of the claim, insert or settle that took
 * them was lost. What is found is run; without this it would wait for its lease to lapse, and count as taken over.
 *
 * A lost statement may commit late, so the search goes on for one lease after the last lost answer.
 */
import type { ExecutionRecord } from '../execution/record'
import type { Job } from './loop'
import type { Runtime } from './runtime'

/** Recovers lost answers. */
export class Recoverer<TTransaction> implements Job {
  readonly name = 'recover'
  private readonly runtime: Runtime<TTransaction>
  private readonly dispatch: (record: ExecutionRecord, sentAt: number) => void
  private wake: () => void = () => undefined
  /** Until when there may be rows to find, on the monotonic clock. */
  private neededUntil = -Infinity

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

  answerLost(): void {
    const { environment, claimant } = this.runtime
    this.neededUntil = environment.monotonic() + claimant.leaseMs
    this.wake()
  }

  async runOnce(): Promise<number | null> {
    const { environment, gate, storage, claimant, options, held } = this.runtime
    if (environment.monotonic() >= this.neededUntil) return null
    await gate.alone(async () => {
      const { records } = await storage.once('recover', (verbs, signal) =>
        verbs.recover({
          executorId: claimant.executorId,
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
