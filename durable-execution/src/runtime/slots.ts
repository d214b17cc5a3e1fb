/** How many task functions may run at once, and how many do. */

/** Counts slots. A slot is held from the claim until the result is stored. */
export class Slots {
  readonly capacity: number
  private taken = 0
  private readonly onFree: () => void

  /** @param onFree - Called when a slot is given back. */
  constructor(capacity: number, onFree: () => void) {
    this.capacity = capacity
    this.onFree = onFree
  }

  get takenCount(): number {
    return this.taken
  }

  get freeCount(): number {
    return Math.max(0, this.capacity - this.taken)
  }

  tryTake(): boolean {
    if (this.taken >= this.capacity) return false
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
}
