/** What inserting rows makes of them, decided before the first is written: pure, and the same on every database. */
import {
  isWaiting,
  transitions,
  type Claimant,
  type ExecutionRecord,
  type ExistingExecution,
  type InsertOutcome,
  type InsertRequest,
  type NewExecution,
} from 'durable-execution'

/** Who writes, and when. */
export type At = Claimant & { readonly now: number }

/** What is there already of what an insert names. */
export interface ExistingRows {
  readonly byExecutionId: ReadonlyMap<string, ExistingExecution>
  /** Active executions by their sleeping key. */
  readonly bySleepingKey: ReadonlyMap<string, ExistingExecution>
}

/** Where nothing is looked for, or nothing was found. */
export const NOTHING: ExistingRows = { byExecutionId: new Map(), bySleepingKey: new Map() }

/** Whether each row stands by itself: then what is inserted is right, whatever of the rest exists already. */
export function standAlone({
  executions,
  allOrNothing,
}: Pick<InsertRequest<unknown>, 'executions' | 'allOrNothing'>): boolean {
  return (
    allOrNothing !== true && executions.every(({ parent, start }) => !parent && start !== 'waiting')
  )
}

/** The records to insert, and what to answer for each row of the call. */
export interface InsertPlan {
  readonly outcomes: readonly InsertOutcome[]
  readonly records: readonly ExecutionRecord[]
}

/** Plans an `insert`: rows in their order; a row whose parent in the same call is not inserted is left out. */
export function planInsert(
  executions: readonly NewExecution[],
  existing: ExistingRows,
  allOrNothing: boolean,
  at: At,
): InsertPlan {
  const inCall = new Set(executions.map(({ executionId }) => executionId))
  const beginnings = new Beginnings(existing.bySleepingKey, at)
  const outcomes = executions.map((execution): InsertOutcome => {
    const { executionId, parent } = execution
    const sameId = existing.byExecutionId.get(executionId) ?? beginnings.get(executionId)
    if (sameId) return conflict('execution_id', sameId)
    const sameKey = parent === null ? beginnings.holderOf(execution.sleepingKey) : undefined
    if (sameKey) return conflict('sleeping_key', sameKey)
    const isOrphan =
      parent !== null && inCall.has(parent.executionId) && !beginnings.get(parent.executionId)
    if (isOrphan) return { kind: 'skipped' }
    beginnings.add(execution)
    return { kind: 'inserted' }
  })
  if (allOrNothing && outcomes.some(({ kind }) => kind === 'exists')) {
    return { outcomes: outcomes.map(skippedUnlessExists), records: [] }
  }
  return { outcomes, records: beginnings.records() }
}

/**
 * Plans an `insert` of rows of which none is there; `null` if that can't be all of it: no rows, ids that come twice, keys that may be
 * taken.
 */
export function planNew(
  { executions, allOrNothing = false }: Pick<InsertRequest<unknown>, 'executions' | 'allOrNothing'>,
  at: At,
): InsertPlan | null {
  if (executions.some(({ sleepingKey }) => sleepingKey !== null)) return null
  const plan = planInsert(executions, NOTHING, allOrNothing, at)
  return plan.records.length === 0 || plan.records.length < executions.length ? null : plan
}

/**
 * Plans the rows that come into being with settlements: each is inserted, a sleeping one whose key is taken as failed.
 *
 * @param takenKeys - Sleeping keys that active executions hold once the settlements are written.
 */
export function planInsertions(
  executions: readonly NewExecution[],
  takenKeys: ReadonlyMap<string, ExistingExecution>,
  at: At,
): ExecutionRecord[] {
  const beginnings = new Beginnings(takenKeys, at)
  for (const execution of executions) beginnings.add(execution)
  return beginnings.records()
}

/** Rows as they begin. */
class Beginnings {
  private readonly byId = new Map<string, ExecutionRecord>()
  private readonly executions: NewExecution[] = []
  private readonly holderByKey: Map<string, ExistingExecution>
  private readonly at: At & { readonly activeChildrenCount: number }

  constructor(takenKeys: ReadonlyMap<string, ExistingExecution>, at: At) {
    this.holderByKey = new Map(takenKeys)
    this.at = { ...at, activeChildrenCount: 0 }
  }

  get(executionId: string): ExecutionRecord | undefined {
    return this.byId.get(executionId)
  }

  /** The active execution that holds a sleeping key. */
  holderOf(sleepingKey: string | null): ExistingExecution | undefined {
    return sleepingKey === null ? undefined : this.holderByKey.get(sleepingKey)
  }

  add(execution: NewExecution): void {
    const { executionId, sleepingKey } = execution
    const isTaken = this.holderOf(sleepingKey) !== undefined
    const record = isTaken
      ? transitions.refuseTakenKey(execution, this.at)
      : transitions.createRecord(execution, this.at)
    if (sleepingKey !== null && !isTaken) this.holderByKey.set(sleepingKey, record)
    this.byId.set(executionId, record)
    this.executions.push(execution)
  }

  /** The rows, the waiting ones with the count of the active rows that are inserted under them. */
  records(): ExecutionRecord[] {
    const activeByParent = this.countActive()
    return this.executions.flatMap((execution) => {
      const record = this.byId.get(execution.executionId)
      if (!record || !isWaiting(record.status)) return record ?? []
      const activeChildrenCount = activeByParent.get(execution.executionId) ?? 0
      return transitions.createRecord(execution, { ...this.at, activeChildrenCount })
    })
  }

  private countActive(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { parent, finishedAt } of this.byId.values()) {
      if (parent === null || finishedAt !== null) continue
      counts.set(parent.executionId, (counts.get(parent.executionId) ?? 0) + 1)
    }
    return counts
  }
}

function conflict(
  on: 'execution_id' | 'sleeping_key',
  existing: ExistingExecution,
): Extract<InsertOutcome, { kind: 'exists' }> {
  const { executionId, taskId, status, executorId, claimCount } = existing
  return {
    kind: 'exists',
    conflict: on,
    existing: { executionId, taskId, status, executorId, claimCount },
  }
}

function skippedUnlessExists(outcome: InsertOutcome): InsertOutcome {
  return outcome.kind === 'exists' ? outcome : { kind: 'skipped' }
}
