/** How often something happens, counted by windows of time: one comparison an event, no timers. */
export class WindowCount {
  private readonly clock: () => number
  private readonly windowMs: number
  private windowAt = 0
  private count = 0
  private countBefore = 0

  /** @param clock - Milliseconds on a clock that never goes back. */
  constructor(clock: () => number, windowMs: number) {
    this.clock = clock
    this.windowMs = windowMs
  }

  add(): void {
    this.turn()
    this.count += 1
  }

  /** How many came in the last whole window, or already in this one, if that is more. */
  get recent(): number {
    this.turn()
    return Math.max(this.count, this.countBefore)
  }

  private turn(): void {
    const windowAt = Math.floor(this.clock() / this.windowMs)
    if (windowAt === this.windowAt) return
    this.countBefore = windowAt === this.windowAt + 1 ? this.count : 0
    this.count = 0
    this.windowAt = windowAt
  }
}
