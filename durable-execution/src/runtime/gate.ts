/**
 * Lets many calls pass at once, or one alone: `recover` must not run while a claim, insert or settle of this executor is under
 * way, for it would take their rows for lost ones.
 */
import { createDeferred, type Deferred } from '../lib/deferred'

/** Many shared passages, or one exclusive. */
export class Gate {
  private sharedCount = 0
  private exclusive: Deferred<void> | null = null
  private drained: Deferred<void> | null = null

  /** Runs beside other shared calls; waits while an exclusive one is under way or waiting. */
  async shared<T>(call: () => Promise<T>): Promise<T> {
    while (this.exclusive) await this.exclusive.promise
    this.sharedCount += 1
    try {
      return await call()
    } finally {
      this.sharedCount -= 1
      if (this.sharedCount === 0) this.drained?.resolve()
    }
  }

  /** Runs alone. */
  async alone<T>(call: () => Promise<T>): Promise<T> {
    while (this.exclusive) await this.exclusive.promise
    const exclusive = createDeferred<void>()
    this.exclusive = exclusive
    try {
      if (this.sharedCount > 0) {
        this.drained = createDeferred<void>()
        await this.drained.promise
      }
      return await call()
    } finally {
      this.drained = null
      this.exclusive = null
      exclusive.resolve()
    }
  }
}
