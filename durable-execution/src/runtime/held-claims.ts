/**
 * What this executor holds: every claim from the moment it is answered until its end is stored. These are renewed, watched, and
 * given back on shutdown.
 */
import type { Claim, ExecutionRecord } from '../execution/record'
import { createDeferred, type Deferred } from '../lib/deferred'

/** Why a function is asked to end before it did by itself. */
export type EndReason = 'timed_out' | 'lost' | 'shutdown'

/** A claim, and the run that goes on under it. */
export class HeldClaim {
  /** Whether its user function is under way, or about to be, and so may have to be told to end. */
  isRunning = false
  /** Whether it waits for a slot. */
  isPrefetched = false
  /** Whether it occupies one of the slots. */
  hasSlot: boolean
  /** Whether its function has ended and gave its slot back, and its end is yet to be stored. */
  isUnstored = false
  /** Told when the run has to end. */
  onEnd: (() => void) | null = null
  /** When the claim, or its last renewal, was sent, on the monotonic clock. */
  leasedAt: number
  /** The signal of the run, made when its function asks for it. */
  private controller: AbortController | null = null
  private endError: Error | null = null
  private claimedRecord: ExecutionRecord
  /** The claim count under which its end was stored. */
  private endedUnder: number | null = null
  private reason: EndReason | null = null

  constructor(record: ExecutionRecord, hasSlot: boolean, leasedAt: number) {
    this.claimedRecord = record
    this.hasSlot = hasSlot
    this.leasedAt = leasedAt
  }

  get record(): ExecutionRecord {
    return this.claimedRecord
  }

  get endReason(): EndReason | null {
    return this.reason
  }

  get isLost(): boolean {
    return this.reason === 'lost'
  }

  /** Aborted, with the reason, when the run has to end. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController()
    if (this.endError) this.controller.abort(this.endError)
    return this.controller.signal
  }

  /** Tells the run to end. The first reason stands, but a lost claim outdoes all. */
  end(reason: EndReason, error: Error): void {
    if (this.reason === null || reason === 'lost') this.reason = reason
    if (this.endError) return
    this.endError = error
    this.controller?.abort(error)
    this.onEnd?.()
  }

  /**
   * This very process claimed the execution again while its run goes on (its lease had lapsed): the run goes on under the new claim.
   */
  adopt(record: ExecutionRecord, leasedAt: number): void {
    this.claimedRecord = record
    this.leasedAt = leasedAt
  }

  /** The end of its run was stored under this claim: an adopted newer one is another run. */
  ended(claimCount: number): void {
    this.endedUnder = claimCount
  }

  /** Whether this process claimed the execution again after its end was stored, and before that was known here. */
  get isClaimedAnew(): boolean {
    return this.endedUnder !== null && this.claimedRecord.claimCount > this.endedUnder
  }
}

/** All claims held. */
export class HeldClaims {
  private readonly byId = new Map<string, HeldClaim>()
  private empty: Deferred<void> | null = null

  get size(): number {
    return this.byId.size
  }

  /**
   * Holds a claim; `null` if its execution is held already, under this claim or an older one that is brought up to date.
   *
   * @param leasedAt - When the claim was sent, on the monotonic clock, where that matters.
   */
  hold(record: ExecutionRecord, hasSlot: boolean, leasedAt = -Infinity): HeldClaim | null {
    const known = this.byId.get(record.executionId)
    if (known && !known.isLost) {
      if (known.record.claimCount < record.claimCount) known.adopt(record, leasedAt)
      return null
    }
    const held = new HeldClaim(record, hasSlot, leasedAt)
    this.byId.set(record.executionId, held)
    return held
  }

  has(executionId: string): boolean {
    return this.byId.has(executionId)
  }

  /** The row of an execution that is held, as it was claimed. */
  recordOf(executionId: string): ExecutionRecord | undefined {
    return this.byId.get(executionId)?.record
  }

  drop(held: HeldClaim): void {
    const { executionId } = held.record
    // After a lost claim the same execution may be held again.
    if (this.byId.get(executionId) === held) this.byId.delete(executionId)
    if (this.byId.size > 0) return
    this.empty?.resolve()
    // Who asks after something else was held waits for the end of that.
    this.empty = null
  }

  all(): HeldClaim[] {
    return [...this.byId.values()]
  }

  find(claim: Claim): HeldClaim | undefined {
    const held = this.byId.get(claim.executionId)
    return held?.record.claimCount === claim.claimCount ? held : undefined
  }

  executionIds(): string[] {
    return [...this.byId.keys()]
  }

  /** Ids of what runs or is resumed: all but what waits for a slot. */
  runningExecutionIds(): string[] {
    return this.all()
      .filter(({ isPrefetched }) => !isPrefetched)
      .map(({ record }) => record.executionId)
  }

  /** Resolves when nothing is held. */
  whenEmpty(): Promise<void> {
    if (this.byId.size === 0) return Promise.resolve()
    this.empty ??= createDeferred<void>()
    return this.empty.promise
  }
}
