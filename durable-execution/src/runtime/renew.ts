/**
 * Keeps what this executor holds its own: every third of a lease all claims are renewed in one statement. A lease that lapsed but
 * that nobody took is renewed like any other; a function is told to end only when the storage says that its claim is lost.
 */
import type { Claim } from '../execution/record'
import { Deadline } from './deadline'
import type { Job } from './loop'
import type { Runtime } from './runtime'

/** The most claims of one statement. */
const MAX_CLAIMS = 5000

/** After this share of a lease without a round something stood still. */
const OVERDUE_SHARE = 2 / 3
/**
 * A renewal is given up after this share of a lease, and tried again after a pause of at most `RENEW_PAUSE_SHARE`: after an outage
 * every owner renews before anyone takes over, which is half a lease after the storage is back.
 */
const DEADLINE_SHARE = 1 / 6
/** See `DEADLINE_SHARE`. */
export const RENEW_PAUSE_SHARE = 1 / 8

/** Renews leases. */
export class Renewer<TTransaction> implements Job {
  readonly name = 'renew'
  private readonly runtime: Runtime<TTransaction>
  private readonly onLost: () => void
  private readonly deadline: Deadline
  private lastRoundAt: number
  private round: Promise<boolean> | null = null

  /** @param onLost - Called when the storage says that a claim is lost: find out why. */
  constructor(runtime: Runtime<TTransaction>, onLost: () => void) {
    this.runtime = runtime
    this.onLost = onLost
    this.deadline = new Deadline(runtime.environment, runtime.claimant.leaseMs * DEADLINE_SHARE)
    this.lastRoundAt = runtime.environment.monotonic()
  }

  /** Whether rounds were missed: the process stood still, and others may think it dead. */
  get isOverdue(): boolean {
    const { environment, claimant } = this.runtime
    return environment.monotonic() - this.lastRoundAt > claimant.leaseMs * OVERDUE_SHARE
  }

  async runOnce(): Promise<number | null> {
    const intervalMs = this.runtime.claimant.leaseMs / 3
    const isAnyBusy = await this.renewAll()
    return isAnyBusy ? intervalMs / 4 : intervalMs
  }

  /**
   * Answers whether a row was locked at the moment, and so was not renewed. One round at a time, on one connection: who asks while
   * one is under way gets that one.
   */
  renewAll(): Promise<boolean> {
    this.round ??= this.renewHeld().finally(() => {
      this.round = null
    })
    return this.round
  }

  private async renewHeld(): Promise<boolean> {
    if (this.isOverdue) this.runtime.health.stalled()
    this.lastRoundAt = this.runtime.environment.monotonic()
    const claims = this.runtime.held.all().filter(({ isLost }) => !isLost)
    let isAnyBusy = false
    for (let from = 0; from < claims.length; from += MAX_CLAIMS) {
      const page = claims.slice(from, from + MAX_CLAIMS).map(({ record }) => record)
      if (await this.renew(page)) isAnyBusy = true
    }
    return isAnyBusy
  }

  private async renew(claims: readonly Claim[]): Promise<boolean> {
    const { storage, claimant, environment, held } = this.runtime
    const sentAt = environment.monotonic()
    const renewals = claims.map(({ executionId, claimCount }) => ({ executionId, claimCount }))
    const { outcomes } = await storage.once(
      'renew',
      (verbs, signal) => verbs.renew({ claims: renewals, leaseMs: claimant.leaseMs, signal }),
      { deadline: this.deadline, waitsInLine: false },
    )
    renewals.forEach((claim, index) => {
      const renewed = outcomes[index] === 'renewed' ? held.find(claim) : undefined
      if (renewed) renewed.leasedAt = Math.max(renewed.leasedAt, sentAt)
    })
    // Those that ended meanwhile are lost too; the watch tells them apart.
    if (outcomes.includes('lost')) this.onLost()
    return outcomes.includes('busy')
  }
}
