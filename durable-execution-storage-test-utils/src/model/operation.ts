/** What a random sequence consists of: operations that a seed determines, each of which makes one call of the storage. */
import { SeededRandom } from '../lib/random'

/** How often each kind of operation occurs. `repeat` sends an earlier call once more, as after a lost answer. */
const WEIGHTS = {
  insert: 14,
  claim: 20,
  settle: 36,
  renew: 4,
  release: 5,
  wake: 5,
  cancel: 4,
  repeat: 10,
  recover: 2,
  lostClaims: 2,
  get: 1,
  getChildren: 3,
  nextClaimAt: 2,
  prune: 1,
} as const

/** The kinds of operations. */
export type OperationKind = keyof typeof WEIGHTS

/**
 * One operation. What exactly it asks for is decided when it is made, from its own seed and the rows that are there: so it still
 * has a meaning when operations before it are left out.
 */
export interface Operation {
  /** Its place in the whole sequence: the ids it makes begin with it. */
  readonly index: number
  readonly kind: OperationKind
  readonly seed: number
}

/** The operations of a sequence. */
export function operationsOf(seed: number, count: number): Operation[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, (_, index) => ({
    index,
    kind: random.weighted(WEIGHTS, 'claim'),
    seed: random.bits(),
  }))
}
