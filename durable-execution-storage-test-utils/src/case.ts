/** What a conformance case is. */
import type { ConformanceContext } from './context'

/** The verb whose promise a case shows. */
export type Verb =
  | 'insert'
  | 'get'
  | 'getChildren'
  | 'claim'
  | 'settle'
  | 'renew'
  | 'lostClaims'
  | 'recover'
  | 'release'
  | 'wake'
  | 'cancel'
  | 'nextClaimAt'
  | 'prune'
  | 'listen'
  | 'all verbs'

/**
 * What a case needs beyond the verbs; without it the case is left out. `rows`: a `dump` of every row. `listen`: a storage that can
 * push hints. `parallel connections`: calls that meet in the database, not one after the other on one connection.
 */
export type Need = 'rows' | 'listen' | 'parallel connections'

/** One promise of the storage contract, with the code that shows whether a storage keeps it. */
export interface ConformanceCase {
  /** A sentence in the present tense whose subject is the verb. */
  readonly name: string
  readonly verb: Verb
  readonly needs?: readonly Need[] | undefined
  /** Throws where the storage breaks the promise. */
  readonly run: (context: ConformanceContext) => Promise<void>
}

/** The cases of one verb. */
export function casesOf(
  verb: Verb,
  cases: readonly Omit<ConformanceCase, 'verb'>[],
): readonly ConformanceCase[] {
  return cases.map((conformanceCase) => ({ ...conformanceCase, verb }))
}

/** The name of a case with its verb, as reports show it. */
export function titleOf({ verb, name }: Pick<ConformanceCase, 'verb' | 'name'>): string {
  return `${verb}: ${name}`
}
