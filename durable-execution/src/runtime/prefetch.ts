/**
 * Work that is claimed and waits for a slot. A little is claimed ahead: when a slot is free the next execution starts at once,
 * without a round trip. What waits here is held like what runs: renewed, told when it was cancelled, and given back when a shutdown
 * begins.
 */
import type { ExecutionRecord } from '../execution/record'
import { afterTurn } from '../lib/environment'
import type { HeldClaim } from './held-claims'
import type { Releaser } from './release'
import type { Runtime } from './runtime'

/** The share of the slots, and the most executions, that are claimed ahead. */
const AHEAD_SHARE = 0.25
const MOST_AHEAD = 100

/** Claimed executions that wait for a slot. */
export class Prefetch<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  private readonly releaser: Releaser<TTransaction>
  private readonly run: (held: HeldClaim) => void
  private waiting: HeldClaim[] = []
  private isStarting = false

  /** @param run - Runs a held claim for which a slot was taken. */
  constructor(
    runtime: Runtime<TTransaction>,
    releaser: Releaser<TTransaction>,
    run: (held: HeldClaim) => void,
  ) {
    this.runtime = runtime
    this.releaser = releaser
    this.run = run
  }

  /** How many more may be claimed: for the free slots, and a little ahead. */
  get room(): number {
    const { capacity } = this.runtime.slots
    const most = Math.min(Math.floor(capacity * AHEAD_SHARE), MOST_AHEAD)
    return Math.max(0, this.spareSlots + most)
  }

  /** Whether there are free slots that nothing waits for. */
  get hasSpareSlots(): boolean {
    return this.spareSlots > 0
  }

  private get spareSlots(): number {
    return this.runtime.slots.freeCount - this.waiting.length
  }

  /** Keeps a claimed execution until a slot is free. */
  add(record: ExecutionRecord, sentAt: number): void {
    const held = this.runtime.held.hold(record, false, sentAt)
    if (held === null) return
    held.isPrefetched = true
    this.waiting.push(held)
  }

  /** Starts what waits, as far as slots are free. */
  startNext(): void {
    while (this.waiting.length > 0 && this.runtime.slots.tryTake()) {
      const held = this.waiting.shift()
      if (held === undefined || held.isLost) {
        // It was cancelled or taken over while it waited.
        if (held) this.runtime.held.drop(held)
        this.runtime.slots.give()
      } else {
        held.isPrefetched = false
        held.hasSlot = true
        this.run(held)
      }
    }
  }

  /** The same, once the statement that is begun now is on its way: functions come after it. */
  async startAfterNextStatement(): Promise<void> {
    if (this.isStarting) return
    this.isStarting = true
    await afterTurn(this.runtime.environment)
    this.isStarting = false
    if (this.runtime.lifecycle === 'started') this.startNext()
  }

  /** Gives back what waits. */
  async releaseAll(): Promise<void> {
    const { waiting } = this
    this.waiting = []
    await Promise.all(
      waiting.map(async (held) => {
        if (!held.isLost) await this.releaser.release(held, 'shutdown', 0)
        this.runtime.held.drop(held)
      }),
    )
  }
}
