/**
 * How many task functions may run at once, and how many do.
 *
 * A slot is held from the claim until the function has ended. Its end is stored after that, while the next function runs: so the
 * database reads and writes at the same time. Ends that wait to be stored are bounded too: past the bound nothing new begins.
 */

import { createDeferred, type Deferred } from '../lib/deferred'
import { WindowCount } from '../lib/window-count'

/** The most ends that wait to be stored before nothing new begins: a batch being written, one that waits for it, and one being made. */
const MOST_UNSTORED = 3000
/** So many slots that are freed in so many milliseconds make one worth a short wait: 0.1 ms for each. A claim takes a third of that. */
const MANY_ENDS = 500
const MANY_ENDS_MS = 50

/** Counts slots. */
export class Slots {
  readonly capacity: number
  private taken = 0
  private unstored = 0
  private running = 0
  private readonly ends: WindowCount
  private readonly onFree: () => void
  private nextStored: Deferred<void> | null = null

  /**
   * @param clock - Milliseconds on a clock that never goes back.
   * @param onFree - Called when there may be a free slot again.
   */
  constructor(capacity: number, clock: () => number, onFree: () => void) {
    this.capacity = capacity
    this.ends = new WindowCount(clock, MANY_ENDS_MS)
    this.onFree = onFree
  }

  get takenCount(): number {
    return this.taken
  }

  /** How many functions have begun and not ended: slots are also taken for those that are about to. */
  get runningCount(): number {
    return this.running
  }

  get unstoredCount(): number {
    return this.unstored
  }

  /** Whether nothing new begins only because ends wait to be stored. */
  get isHeldUp(): boolean {
    return this.unstored >= MOST_UNSTORED && this.taken < this.capacity
  }

  get freeCount(): number {
    return this.unstored >= MOST_UNSTORED ? 0 : Math.max(0, this.capacity - this.taken)
  }

  /** Whether functions leave their slots so fast that one is worth a short wait. */
  get areFreedFast(): boolean {
    return this.ends.recent >= MANY_ENDS
  }

  /** Resolves when the next end is stored. */
  whenStored(): Promise<void> {
    this.nextStored ??= createDeferred<void>()
    return this.nextStored.promise
  }

  tryTake(): boolean {
    if (this.freeCount === 0) return false
    this.taken += 1
    return true
  }

  /** Takes a slot beyond the capacity: for what is claimed already and can't wait. */
  overdraw(): void {
    this.taken += 1
  }

  give(): void {
    this.taken -= 1
    this.onFree()
  }

  /** A function begins. */
  functionBegins(): void {
    this.running += 1
  }

  /** It has ended, whatever becomes of its slot. */
  functionEnded(): void {
    this.running -= 1
  }

  /** The function of a slot has ended: the slot is free, its end has yet to be stored. */
  ended(): void {
    this.unstored += 1
    this.ends.add()
    this.give()
  }

  /** Such an end is stored, or given up. */
  stored(): void {
    this.unstored -= 1
    this.nextStored?.resolve()
    this.nextStored = null
    this.onFree()
  }
}
