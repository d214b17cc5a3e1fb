/** Time, timers and randomness of a client, in a browser too: as the core's `Environment`, without what only Node has. */
import type { Environment } from 'durable-execution'

/** Where a client's time, timers and randomness come from. */
export type ClientEnvironment = Pick<Environment, 'now' | 'monotonic' | 'random' | 'setTimer'>

/** The machine's own. */
export const systemClientEnvironment: ClientEnvironment = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  setTimer: (ms, callback) => {
    const handle = setTimeout(callback, ms)
    return {
      cancel: () => {
        clearTimeout(handle)
      },
    }
  },
}

/**
 * Resolves after `ms` milliseconds, or at once when the signal is aborted. Never rejects.
 *
 * The core's `delay` for clients: only the core's main entry has that one, and with it come executor and storage, which a browser
 * is not to load.
 */
export function pause(
  environment: ClientEnvironment,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
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
