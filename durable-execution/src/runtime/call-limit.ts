/**
 * Bounds how many calls of the storage are under way at once, and so how many connections an executor uses, whatever its
 * concurrency (G8). Calls past the bound wait in line. With four calls at once, one more for renewing leases, which waits for
 * nobody, and one that listens, an executor uses six connections at the most.
 */
import { createDeferred, type Deferred } from '../lib/deferred'

/** How many calls but renewals may be under way at once. */
export const MOST_CALLS = 4

/** Lets so many calls pass at once. */
export class CallLimit {
  private readonly most: number
  private underWay = 0
  private readonly waiting: Deferred<void>[] = []

  constructor(most: number) {
    this.most = most
  }

  /** Begins a call. `null`: it may go at once; else it has to wait for this. */
  enter(): Promise<void> | null {
    if (this.underWay < this.most) {
      this.underWay += 1
      return null
    }
    const turn = createDeferred<void>()
    this.waiting.push(turn)
    return turn.promise
  }

  /** Makes a call when its turn has come. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    const turn = this.enter()
    if (turn) await turn
    try {
      return await call()
    } finally {
      this.leave()
    }
  }

  /** Ends a call: its place goes to the one that has waited longest. */
  leave(): void {
    const next = this.waiting.shift()
    if (next) next.resolve()
    else this.underWay -= 1
  }
}
