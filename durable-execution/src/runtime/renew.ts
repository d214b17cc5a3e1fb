/**
 * Keeps what this executor holds its own: every third of a lease all claims are renewed in one statement. A lease that lapsed but
 * that nobody took is renewed like any other; a function is told to end only when the storage says that its claim is lost.
 */
import type { Claim } from '../execution/record'
import type { Job } from './loop'
import type { Runtime } from './runtime'

/** The most claims of one statement. */
const MAX_CLAIMS = 5000

/** Renews leases. */
export class Renewer<TTransaction> implements Job {
  readonly name = 'renew'
  private readonly runtime: Runtime<TTransaction>
  private readonly onLost: () => void
  private lastRoundAt: number | null = null

  /** @param onLost - Called when the storage says that a claim is lost: find out why. */
  constructor(runtime: Runtime<TTransaction>, onLost: () => void) {
    this.runtime = runtime
    this.onLost = onLost
  }

  async runOnce(): Promise<number | null> {
    const { environment, claimant, health } = this.runtime
    const intervalMs = claimant.leaseMs / 3
    const now = environment.monotonic()
    if (this.lastRoundAt !== null && now - this.lastRoundAt > 2 * intervalMs) health.stalled()
    this.lastRoundAt = now
    const isAnyBusy = await this.renewAll()
    return isAnyBusy ? intervalMs / 4 : intervalMs
  }

  /** Answers whether a row was locked at the moment, and so was not renewed. */
  async renewAll(): Promise<boolean> {
    const claims = this.runtime.held.all().filter(({ isLost }) => !isLost)
    let isAnyBusy = false
    for (let from = 0; from < claims.length; from += MAX_CLAIMS) {
      const page = claims.slice(from, from + MAX_CLAIMS).map(({ record }) => record)
      if (await this.renew(page)) isAnyBusy = true
    }
    return isAnyBusy
  }

  private async renew(claims: readonly Claim[]): Promise<boolean> {
    const { storage, claimant } = this.runtime
    const renewals = claims.map(({ executionId, claimCount }) => ({ executionId, claimCount }))
    const { outcomes } = await storage.once('renew', (verbs, signal) =>
      verbs.renew({ claims: renewals, leaseMs: claimant.leaseMs, signal }),
    )
    // Those that ended meanwhile are lost too; the watch tells them apart.
    if (outcomes.includes('lost')) this.onLost()
    return outcomes.includes('busy')
  }
}
