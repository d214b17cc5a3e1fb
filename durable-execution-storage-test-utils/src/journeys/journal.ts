/** What executors did to a storage, written down from its answers: what rows alone can't tell. */
import {
  isFinished,
  type ExecutionRecord,
  type InsertOutcome,
  type InsertRequest,
  type NewExecution,
  type Settlement,
  type SettleOutcome,
} from 'durable-execution'

/** A result that a storage said it recorded. */
export interface RecordedEnd {
  readonly status: ExecutionRecord['status']
  readonly output: string | null
  readonly errorMessage: string | null
}

/** The books of one journey, over all its executors. */
export class Journal {
  private readonly ids = new Set<string>()
  private readonly endsById = new Map<string, RecordedEnd[]>()
  private readonly owners = new Map<string, string>()
  private readonly claimedTwice = new Set<string>()

  /** The ids of all executions that a storage said it has. */
  get executionIds(): ReadonlySet<string> {
    return this.ids
  }

  /** Claim numbers that a storage gave to two executors. */
  get doubleClaims(): readonly string[] {
    return [...this.claimedTwice]
  }

  /** The results recorded of one execution by settlements. */
  endsOf(executionId: string): readonly RecordedEnd[] {
    return this.endsById.get(executionId) ?? []
  }

  inserted(request: InsertRequest<never>, outcomes: readonly InsertOutcome[]): void {
    request.executions.forEach((execution, index) => {
      const kind = outcomes[index]?.kind
      if (kind === 'inserted') {
        this.add(execution, execution.start === 'claimed' ? request.executorId : null)
      }
    })
  }

  settled(executorId: string, settlement: Settlement, settled: SettleOutcome | undefined): void {
    if (settled === undefined || settled.outcome === 'lost') return
    const own = new Set(settled.claimedInsertions)
    for (const insertion of settlement.insertions) {
      this.add(insertion, own.has(insertion.executionId) ? executorId : null)
    }
    this.end(settlement, settled.outcome === 'applied')
  }

  claimed(executorId: string, record: ExecutionRecord): void {
    this.own(record.executionId, record.claimCount, executorId)
  }

  private add({ executionId }: NewExecution, owner: string | null): void {
    this.ids.add(executionId)
    if (owner !== null) this.own(executionId, 1, owner)
  }

  /** A repeat counts only where the first call's answer never came: inside a storage that tried again by itself. */
  private end({ executionId, change }: Settlement, isApplied: boolean): void {
    if (!isFinished(change.status)) return
    const ends = this.endsById.get(executionId) ?? []
    if (!isApplied && ends.length > 0) return
    const { status, output, error } = change
    this.endsById.set(executionId, [
      ...ends,
      { status, output, errorMessage: error?.message ?? null },
    ])
  }

  private own(executionId: string, claimCount: number, executorId: string): void {
    const claim = `${executionId} (claim ${claimCount})`
    const owner = this.owners.get(claim) ?? executorId
    if (owner === executorId) this.owners.set(claim, executorId)
    else this.claimedTwice.add(claim)
  }
}
