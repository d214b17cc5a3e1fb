/** The environment of a client with a clock of the test's: when all that can run has run, it moves to the next timer. */
import type { ClientEnvironment } from '../../src/client'

interface PendingTimer {
  readonly at: number
  readonly callback: () => void
}

export class VirtualClock implements ClientEnvironment {
  private time = 0
  private readonly timers = new Set<PendingTimer>()
  private readonly chance: number

  constructor(chance = 0) {
    this.chance = chance
  }

  get timerCount(): number {
    return this.timers.size
  }

  readonly now = (): number => this.time
  readonly monotonic = (): number => this.time
  readonly random = (): number => this.chance

  readonly setTimer = (ms: number, callback: () => void): { cancel(): void } => {
    const timer = { at: this.time + ms, callback }
    this.timers.add(timer)
    return {
      cancel: () => {
        this.timers.delete(timer)
      },
    }
  }

  /** Resolves when so much time has passed. */
  passed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimer(ms, resolve)
    })
  }

  /** Moves the clock until the promise is settled. @throws If nothing is left that could settle it. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    promise.then(settle, settle)
    for (;;) {
      // Everything that waits for no timer.
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      if (isSettled) return promise
      const [next] = [...this.timers].toSorted((a, b) => a.at - b.at)
      if (!next) throw new Error('Nothing is left that could settle the promise')
      this.timers.delete(next)
      this.time = Math.max(this.time, next.at)
      next.callback()
    }
  }
}
