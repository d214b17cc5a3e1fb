/**
 * Knows whether the storage answers, and since when.
 *
 * Guards G3 and G6: lapsed executions are taken over only after half a lease of healthy storage, so that after an outage every
 * owner can renew first; an outage is told once; after one, and after a stall of the event loop, the executor settles what it
 * kept and renews what it holds before it claims.
 */
import { messageOf } from '../errors'
import type { Environment } from '../lib/environment'
import type { Events } from './events'

/** The share of a lease up to which an outage costs no hold-off. */
const SHORT_OUTAGE_SHARE = 1 / 4
/** After this share of a lease without any call an outage may have passed unseen, in which leases of others lapsed. */
const UNSEEN_SHARE = 1 / 2

/** The health of the storage as this executor sees it. */
export class StorageHealth {
  private readonly environment: Environment
  private readonly events: Events
  private readonly leaseMs: number
  /** When the present outage began, on the monotonic clock. */
  private awaySince: number | null = null
  private healthySince: number
  /** When the last outage ended, on the monotonic clock. */
  private backAt = -Infinity
  /** When the storage answered last before the present outage, or now, on the monotonic clock. */
  private lastAnsweredAt: number
  private hasToCatchUp = false

  constructor(environment: Environment, events: Events, leaseMs: number) {
    this.leaseMs = leaseMs
    this.environment = environment
    this.events = events
    this.healthySince = environment.monotonic()
    this.lastAnsweredAt = this.healthySince
  }

  get isAway(): boolean {
    return this.awaySince !== null
  }

  /** Whether kept results are to be stored and leases to be renewed before anything is claimed. */
  get needsCatchUp(): boolean {
    return this.hasToCatchUp
  }

  answered(): void {
    const now = this.environment.monotonic()
    // It may have been away since its last answer: a call that hangs fails late, and an idle executor asks rarely.
    const unseenMs = now - this.lastAnsweredAt
    this.lastAnsweredAt = now
    if (this.awaySince === null) {
      if (unseenMs >= this.leaseMs * UNSEEN_SHARE) this.healthySince = now
      return
    }
    const awayMs = now - this.awaySince
    this.events.emit({ type: 'storage_back', awayMs })
    this.awaySince = null
    this.backAt = now
    // Leases that are kept up have at least two thirds left when an outage begins: a short one makes none of them lapse.
    if (unseenMs >= this.leaseMs * SHORT_OUTAGE_SHARE) this.healthySince = now
  }

  /** @param sentAt - When the call was sent, on the monotonic clock. */
  failed(error: unknown, sentAt: number): void {
    this.hasToCatchUp = true
    // A call from before the storage was back tells of the outage that is over.
    if (this.awaySince !== null || sentAt < Math.max(this.backAt, this.healthySince)) return
    this.awaySince = this.environment.monotonic()
    this.events.emit({ type: 'storage_away', message: messageOf(error) })
  }

  /** The executor begins to take work now. */
  started(): void {
    this.healthySince = this.environment.monotonic()
  }

  /** The event loop stood still: as after an outage, others may think this executor dead. */
  stalled(): void {
    this.hasToCatchUp = true
    this.healthySince = this.environment.monotonic()
  }

  caughtUp(): void {
    this.hasToCatchUp = false
  }

  hasBeenHealthyFor(ms: number): boolean {
    return this.awaySince === null && this.environment.monotonic() - this.healthySince >= ms
  }
}
