/**
 * Time, randomness and timers, as one object that is handed in. Nothing else in the suite asks the machine for them: that is what
 * lets a simulation run the whole executor on virtual time.
 */

/** A timer that has not fired yet. */
export interface Timer {
  /** Has no effect once the timer fired. */
  cancel(): void
}

/** Where time, randomness and timers come from. */
export interface Environment {
  /** Wall clock, in milliseconds since the epoch. */
  now(): number
  /** A clock that never goes back, in milliseconds since some moment. */
  monotonic(): number
  /** A number in [0, 1). */
  random(): number
  /** Calls back once, after at least `ms` milliseconds; timers of Node may be early by one. */
  setTimer(ms: number, callback: () => void): Timer
  /** Calls back when everything that can run without waiting has run. */
  afterMicrotasks(callback: () => void): void
  /** Calls back when what is due in this turn of the event loop has run: timers that end together, answers that came together. */
  afterTurn(callback: () => void): void
}

/** Node fires timers above this at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

function setSystemTimer(ms: number, callback: () => void): Timer {
  // Node drops fractions.
  let remaining = Math.ceil(ms)
  let handle: NodeJS.Timeout | undefined
  const arm = (): void => {
    const part = Math.min(remaining, LONGEST_TIMEOUT_MS)
    remaining -= part
    handle = setTimeout(remaining > 0 ? arm : callback, part)
  }
  arm()
  return {
    cancel: () => {
      clearTimeout(handle)
    },
  }
}

/** Taken now: what a test's fake timers would hold back, and lose when they end, is no matter of time. */
const { setImmediate: runAfterTurn } = globalThis

/** The machine's own clock, timers and randomness. */
export const systemEnvironment: Environment = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  setTimer: setSystemTimer,
  afterMicrotasks: (callback) => {
    // Node runs ticks once its queue of microtasks is empty.
    queueMicrotask(() => {
      process.nextTick(callback)
    })
  },
  afterTurn: (callback) => {
    runAfterTurn(callback)
  },
}

/** Resolves when everything that can run without waiting has run. */
export function afterMicrotasks(environment: Environment): Promise<void> {
  return new Promise((resolve) => {
    environment.afterMicrotasks(resolve)
  })
}

/**
 * Resolves when what is due in this turn of the event loop has run: statements that are begun now are on their way then. What only
 * computes would hold them back until it has ended, and the database would have nothing to do meanwhile.
 */
export function afterTurn(environment: Environment): Promise<void> {
  return new Promise((resolve) => {
    environment.afterTurn(resolve)
  })
}

/** Resolves after at least `ms` milliseconds, or at once when the signal is aborted. Never rejects. */
export function delay(environment: Environment, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve()
      return
    }
    const end = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = environment.setTimer(ms, end)
    signal?.addEventListener('abort', end, { once: true })
  })
}
