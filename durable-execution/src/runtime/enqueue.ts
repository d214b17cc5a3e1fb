/**
 * Stores new executions, in batches. An enqueue resolves when its rows are stored (G1).
 *
 * Rows with an id or a key of the caller's have a lane of their own: a duplicate in somebody's open transaction would hold up the
 * whole batch for as long as that is open.
 */
import type { NewExecution } from '../execution/record'
import { createRecord } from '../execution/transitions'
import type { InsertOutcome, StorageAnswer } from '../storage/storage'
import { Batcher } from './batcher'
import type { FastPath } from './fast-path'
import type { Flow, Runtime } from './runtime'
import { isPermanent } from './storage-calls'

const MAX_ITEMS = 1000
const MAX_BYTES = 4 * 2 ** 20
const ROW_BYTES = 300

/** Rows that come into being together: an execution, with the first steps of a chain. */
interface Item {
  readonly rows: readonly NewExecution[]
}

type InsertAnswer = StorageAnswer & { readonly outcomes: readonly InsertOutcome[] }

/** Stores new executions. */
export class Enqueuer<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  private readonly flow: Flow
  private readonly fastPath: FastPath<TTransaction>
  private readonly lane: Batcher<Item, readonly InsertOutcome[]>
  private readonly keyedLane: Batcher<Item, readonly InsertOutcome[]>

  constructor(runtime: Runtime<TTransaction>, flow: Flow, fastPath: FastPath<TTransaction>) {
    this.runtime = runtime
    this.flow = flow
    this.fastPath = fastPath
    this.lane = this.createLane()
    this.keyedLane = this.createLane(admitOnce)
  }

  get waitingCount(): number {
    return this.lane.waitingCount + this.keyedLane.waitingCount
  }

  get meanBatchSize(): number {
    return this.lane.meanBatchSize
  }

  /** Answers what became of each row. */
  enqueue(rows: readonly NewExecution[], isKeyed: boolean): Promise<readonly InsertOutcome[]> {
    return (isKeyed ? this.keyedLane : this.lane).add({ rows })
  }

  /** All of the rows or none of them, in a call of their own. */
  async enqueueAllOrNothing(rows: readonly NewExecution[]): Promise<readonly InsertOutcome[]> {
    return this.insert(rows, true)
  }

  /** In the user's transaction: always unclaimed, never batched, nothing retried. With a synchronous driver it throws at once. */
  enqueueInTransaction(
    rows: readonly NewExecution[],
    transaction: TTransaction,
  ): Promise<readonly InsertOutcome[]> {
    const { claimant, storage } = this.runtime
    const inserted = storage.direct.insert({ executions: rows, ...claimant, transaction })
    return inserted.then(({ outcomes }) => {
      for (const row of rows) this.flow.committing(row.queue, row.sleepMsBeforeRun)
      return outcomes
    })
  }

  private createLane(
    createAdmission?: () => (item: Item) => boolean,
  ): Batcher<Item, readonly InsertOutcome[]> {
    return new Batcher<Item, readonly InsertOutcome[]>({
      environment: this.runtime.environment,
      maxItems: MAX_ITEMS,
      maxBytes: MAX_BYTES,
      sizeOf: ({ rows }) =>
        rows.reduce((bytes, { input }) => bytes + ROW_BYTES + (input?.length ?? 0), 0),
      ...(createAdmission && { createAdmission }),
      flush: (items) => this.flush(items),
    })
  }

  private async flush(items: readonly Item[]): Promise<(readonly InsertOutcome[])[]> {
    const outcomes = await this.insert(
      items.flatMap(({ rows }) => rows),
      false,
    )
    let from = 0
    return items.map(({ rows }) => outcomes.slice(from, (from += rows.length)))
  }

  /**
   * Only the first try inserts rows as claimed, and only it keeps `recover` waiting: what it inserted, if its answer was lost, is
   * found there. Who tries again may do so for as long as a user leaves a transaction open that holds the same id, and holds up
   * nothing else of this executor.
   */
  private async insert(
    rows: readonly NewExecution[],
    allOrNothing: boolean,
  ): Promise<readonly InsertOutcome[]> {
    const { claimant, storage, gate, environment } = this.runtime
    await this.fastPath.whenKnown(rows)
    const executions = this.fastPath.claim(rows)
    const sentAt = environment.monotonic()
    const first = (): Promise<InsertAnswer> =>
      storage.once('insert', (verbs, signal) =>
        verbs.insert({ executions, ...claimant, allOrNothing, signal }),
      )
    try {
      const isClaiming = executions.some(({ start }) => start === 'claimed')
      const { outcomes, now } = await (isClaiming ? gate.shared(first) : first())
      executions.forEach((execution, index) => {
        this.inserted(execution, outcomes[index], { now, sentAt })
      })
      return outcomes
    } catch (error) {
      this.fastPath.giveBack(executions)
      if (isPermanent(error)) throw error
      this.flow.answerLost(sentAt)
      return this.insertUnclaimed(rows, allOrNothing)
    }
  }

  private async insertUnclaimed(
    rows: readonly NewExecution[],
    allOrNothing: boolean,
  ): Promise<readonly InsertOutcome[]> {
    const { claimant, storage } = this.runtime
    const { outcomes } = await storage.untilAnswered(
      'insert',
      (verbs, signal) => verbs.insert({ executions: rows, ...claimant, allOrNothing, signal }),
      {
        // These insert nothing as claimed; but as long as they get no answer, `recover` gets none either.
        onFailure: (failedSentAt) => {
          this.flow.answerLost(failedSentAt)
        },
      },
    )
    rows.forEach((execution, index) => {
      this.insertedUnclaimed(execution, outcomes[index])
    })
    return outcomes
  }

  private inserted(
    execution: NewExecution,
    outcome: InsertOutcome | undefined,
    at: { now: number; sentAt: number },
  ): void {
    this.insertedUnclaimed(execution, outcome)
    if (execution.start !== 'claimed') return
    if (outcome?.kind !== 'inserted') {
      this.fastPath.giveBack([execution])
      return
    }
    const { claimant } = this.runtime
    const record = createRecord(execution, { ...claimant, now: at.now, activeChildrenCount: 0 })
    this.flow.start(record, at.sentAt)
  }

  private insertedUnclaimed(
    { queue, sleepMsBeforeRun, start }: NewExecution,
    outcome: InsertOutcome | undefined,
  ): void {
    if (start === 'ready' && outcome?.kind === 'inserted') this.flow.due(queue, sleepMsBeforeRun)
  }
}

/** An id that came twice in one call would bring the first steps of its chain twice: they hang under a row that is inserted. */
function admitOnce(): (item: Item) => boolean {
  const inserted = new Set<string>()
  return ({ rows }) => {
    if (rows.some(({ executionId }) => inserted.has(executionId))) return false
    for (const { executionId } of rows) inserted.add(executionId)
    return true
  }
}
