/** Growing, jittered pauses between tries of the same thing. */

/** Counts tries and says how long to pause before the next. */
export class Backoff {
  private tries = 0
  private readonly baseMs: number
  private readonly maxMs: number
  private readonly random: () => number

  constructor(options: { baseMs: number; maxMs: number; random: () => number }) {
    this.baseMs = options.baseMs
    this.maxMs = options.maxMs
    this.random = options.random
  }

  /** Milliseconds to pause now: doubling from the base up to the maximum, of which up to half is taken off at random. */
  next(): number {
    const full = Math.min(this.baseMs * 2 ** this.tries, this.maxMs)
    this.tries += 1
    return full * (1 - this.random() / 2)
  }

  /** The thing worked: the next pause is the shortest again. */
  reset(): void {
    this.tries = 0
  }
}
