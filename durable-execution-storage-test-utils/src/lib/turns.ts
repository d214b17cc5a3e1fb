/** Turns between which everything that can run without waiting has run: what virtual time advances by. */

/** After so many turns the event loop is let through: timers and input of the real process wait no longer than that. */
const TURNS_A_PASS = 2000

/**
 * Calls `turn` again and again, each time when all microtasks of the time before have run, until it answers `false`. A turn
 * costs no pass of the event loop: Node runs its queue of ticks when its queue of microtasks is empty.
 *
 * @throws What a turn throws.
 */
export function repeatTurns(turn: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let turns = 0
    const next = (): void => {
      turns += 1
      if (turns % TURNS_A_PASS === 0) setImmediate(run)
      else queueMicrotask(() => process.nextTick(run))
    }
    const run = (): void => {
      try {
        if (turn()) next()
        else resolve()
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    }
    // The first turn too comes after what was begun before.
    setImmediate(run)
  })
}
