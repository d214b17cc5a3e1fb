/** What a journey is. */
import type { JourneyContext } from './context'

/** Something users do with executors, from its beginning to its end, on a storage of its own. */
export interface Journey {
  /** A sentence in the present tense. */
  readonly name: string
  /**
   * Throws where what happens is not what users are promised. When it is over all executors are shut down, and every row is
   * checked: see `findJourneyViolations`.
   */
  readonly run: (context: JourneyContext) => Promise<void>
}
