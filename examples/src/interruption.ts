/** What was under way when a worker died: only that may run again. */
import type { PendingExecution } from './database'
import { runOf, type Start } from './start-log'

export interface Interruption {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Executions claimed by a worker that is gone: others take them over when their lease has ended. */
  readonly heldIds: ReadonlySet<string>
  /** Runs that began and have no stored result: their functions run once more. */
  readonly runsInFlight: ReadonlySet<string>
}

/**
 * Compares the database with the log of starts, while no worker is alive.
 *
 * @param pending - All executions that are `ready` or `running`.
 */
export function findInterruption(
  at: number,
  pending: readonly PendingExecution[],
  starts: readonly Start[],
): Interruption {
  const started = new Set(starts.map(runOf))
  const held = pending.filter(({ status }) => status === 'running')
  return {
    at,
    heldIds: new Set(held.map(({ executionId }) => executionId)),
    runsInFlight: new Set(pending.map(runOf).filter((run) => started.has(run))),
  }
}

/** When executions of a dead worker started again, in milliseconds after its death. */
export interface Takeovers {
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
}

export function findTakeovers({ at, heldIds }: Interruption, starts: readonly Start[]): Takeovers {
  const after = starts
    .filter((start) => start.at >= at && heldIds.has(start.executionId))
    .map((start) => start.at - at)
  return {
    count: heldIds.size === 0 ? 0 : after.length,
    firstMs: Math.min(...after),
    lastMs: Math.max(...after),
  }
}
