/** Outcomes as cases compare them. */
import type {
  ExistingExecution,
  GuardedOutcome,
  InsertOutcome,
  SettleAnswer,
} from 'durable-execution'

/** An outcome of an insert without anything a storage may have put beside the contract's fields. */
export interface PlainInsertOutcome {
  readonly kind: InsertOutcome['kind']
  readonly conflict?: 'execution_id' | 'sleeping_key'
  readonly existing?: ExistingExecution
}

/** The outcomes with the contract's fields only. */
export function outcomesOf(outcomes: readonly InsertOutcome[]): PlainInsertOutcome[] {
  return outcomes.map((outcome) => {
    if (outcome.kind !== 'exists') return { kind: outcome.kind }
    const { executionId, taskId, status, executorId, claimCount } = outcome.existing
    return {
      kind: outcome.kind,
      conflict: outcome.conflict,
      existing: { executionId, taskId, status, executorId, claimCount },
    }
  })
}

/** What became of each row of an insert. */
export function kindsOf(outcomes: readonly InsertOutcome[]): InsertOutcome['kind'][] {
  return outcomes.map(({ kind }) => kind)
}

/** What became of each settlement. */
export function settledAs({ outcomes }: SettleAnswer): GuardedOutcome[] {
  return outcomes.map(({ outcome }) => outcome)
}
