/** What a batch of releases comes to, decided between its read and its writes: pure, and the same on every database. */
import {
  isFinished,
  isHeld,
  transitions,
  type ExecutionRecord,
  type GuardedOutcome,
  type ReleaseRequest,
} from 'durable-execution'

import type { RowChange } from './settling'

/** What to answer, and what to write. */
export interface ReleasePlan {
  readonly outcomes: GuardedOutcome[]
  readonly changes: readonly RowChange[]
}

/**
 * Plans a `release`: a settlement to `ready`; a resuming parent and a sleeping execution keep their status.
 *
 * @param rows - The rows of the claims, by id, as they are under the locks.
 */
export function planReleases(
  claims: ReleaseRequest['claims'],
  rows: ReadonlyMap<string, ExecutionRecord>,
): ReleasePlan {
  const changes = new Map<string, RowChange>()
  const outcomes = claims.map((claim): GuardedOutcome => {
    const row = rows.get(claim.executionId)
    if (row?.claimCount !== claim.claimCount || isFinished(row.status)) return 'lost'
    if (!isHeld(row, claim) || changes.has(claim.executionId)) return 'repeated'
    const { executionId, activeChildrenCount } = row
    const change = transitions.release(row, claim.dueInMs)
    changes.set(executionId, { executionId, change, activeChildrenCount })
    return 'applied'
  })
  return { outcomes, changes: [...changes.values()] }
}
