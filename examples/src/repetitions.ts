/** Counts how often functions ran, and says whether that was often enough and not too often. */
import type { Interruption } from './interruption'
import { runOf, type Start } from './start-log'

export interface Repetitions {
  readonly ranOnce: number
  readonly ranAgain: number
  /** Ran more often than the deaths of workers explain. There should be none. */
  readonly withoutReason: readonly string[]
  /** Had begun when a worker died, and did not run again. There should be none. */
  readonly forgotten: readonly string[]
}

/**
 * @param before - The starts of earlier sessions on the same state.
 * @param during - Those of this session.
 */
export function countRepetitions(
  before: readonly Start[],
  during: readonly Start[],
  interruptions: readonly Interruption[],
): Repetitions {
  const ranBefore = new Set(before.map(runOf))
  const counts = new Map<string, number>()
  for (const start of during) counts.set(runOf(start), (counts.get(runOf(start)) ?? 0) + 1)

  const first = (run: string): number => (ranBefore.has(run) ? 0 : 1)
  const again = (run: string): number =>
    interruptions.filter(({ runsInFlight }) => runsInFlight.has(run)).length
  const runs = [...counts]
  const inFlight = new Set(interruptions.flatMap(({ runsInFlight }) => [...runsInFlight]))
  return {
    ranOnce: runs.filter(([run, count]) => count === first(run)).length,
    ranAgain: runs.filter(([run, count]) => count > first(run)).length,
    withoutReason: runs
      .filter(([run, count]) => count > first(run) + again(run))
      .map(([run]) => run),
    forgotten: [...inFlight].filter((run) => (counts.get(run) ?? 0) <= first(run)),
  }
}
