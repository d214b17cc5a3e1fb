/**
 * How many task functions may run at once, and how many do.
 *
 * A slot is held from the claim until the function has ended. Its end is stored after that, while the next function runs: so the
 * database reads and writes at the same time. Ends that wait to be stored are bounded too: past the bound nothing new begins.
 */

import { createDeferred, type Deferred } from '../lib/deferred'

/** The most ends that wait to be stored before nothing new begins: a batch being written, one that waits for it, and one being made. */
const MOST_UNSTORED = 3000

/** Counts slots. */
export class Slots {
  readonly capacity: number
  private taken = 0
  private unstored = 0
  private running = 0
  private readonly onFree: () => void
  private nextStored: Deferred<void> | null = null

  /** @param onFree - Called when there may be a free slot again. */
  constructor(capacity: number, onFree: () => void) {
    this.capacity = capacity
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
