/**
 * Stores new executions, in batches. An enqueue resolves when its rows are stored (G1).
 *
 * Rows with an id or a key of the caller's have a lane of their own: a duplicate may be held by somebody's open transaction. A batch
 * that meets one is halved until that row stands alone; it is tried again apart from the lane, for as long as the other is open.
 */
import type { NewExecution } from '../execution/record'
import { createRecord } from '../execution/transitions'
import { StorageHeldUpError } from '../storage/held-up'
import type { InsertOutcome, StorageAnswer } from '../storage/storage'
import { Batcher } from './batcher'
import { CallLimit } from './call-limit'
import type { FastPath } from './fast-path'
import type { Flow, Runtime } from './runtime'
import { isPermanent, type RepeatOptions, type StorageVerb } from './storage-calls'

const MAX_ITEMS = 1000
const MAX_BYTES = 4 * 2 ** 20
const ROW_BYTES = 300

/** Rows that come into being together: an execution, with the first steps of a chain. */
interface Item {
  readonly rows: readonly NewExecution[]
}

/** How rows are inserted. */
interface Insertion {
  readonly allOrNothing: boolean
  /** Whether ids or keys are the caller's, so that others may hold them. */
  readonly isKeyed: boolean
}

/** How rows of an insert begin. */
type Beginning = Parameters<typeof createRecord>[1]

type InsertAnswer = StorageAnswer & { readonly outcomes: readonly InsertOutcome[] }

/** Stores new executions. */
export class Enqueuer<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  private readonly flow: Flow
  private readonly fastPath: FastPath<TTransaction>
  private readonly lane: Batcher<Item, readonly InsertOutcome[]>
  private readonly keyedLane: Batcher<Item, readonly InsertOutcome[]>
  /** Rows that others hold. */
  private readonly heldUp = new Set<readonly NewExecution[]>()
  /** They share one place among the calls, however many they are. */
  private readonly heldUpLine = new CallLimit(1)

  constructor(runtime: Runtime<TTransaction>, flow: Flow, fastPath: FastPath<TTransaction>) {
    this.runtime = runtime
    this.flow = flow
    this.fastPath = fastPath
    this.lane = this.createLane(false)
    this.keyedLane = this.createLane(true)
  }

  get waitingCount(): number {
    return this.lane.waitingCount + this.keyedLane.waitingCount + this.heldUp.size
  }

  get meanBatchSize(): number {
    return this.lane.meanBatchSize
  }

  /** Answers what became of each row. */
  enqueue(rows: readonly NewExecution[], isKeyed: boolean): Promise<readonly InsertOutcome[]> {
    if (!isKeyed) return this.lane.add({ rows })
    return this.isKnownAsHeldUp(rows)
      ? this.insertHeldUp(rows, false)
      : this.keyedLane.add({ rows })
  }

  /** All of the rows or none of them, in a call of their own. */
  async enqueueAllOrNothing(rows: readonly NewExecution[]): Promise<readonly InsertOutcome[]> {
    try {
      return await this.insert(rows, { allOrNothing: true, isKeyed: true })
    } catch (error) {
      return this.failed(rows, true, error)
    }
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

  private createLane(isKeyed: boolean): Batcher<Item, readonly InsertOutcome[]> {
    return new Batcher<Item, readonly InsertOutcome[]>({
      environment: this.runtime.environment,
      maxItems: MAX_ITEMS,
      maxBytes: MAX_BYTES,
      sizeOf: ({ rows }) =>
        rows.reduce((bytes, { input }) => bytes + ROW_BYTES + (input?.length ?? 0), 0),
      ...(isKeyed && { createAdmission: admitOnce }),
      flush: (items) => this.flush(items, isKeyed),
      failed: ({ rows }, error) => this.failed(rows, false, error),
    })
  }

  private async flush(
    items: readonly Item[],
    isKeyed: boolean,
  ): Promise<(readonly InsertOutcome[])[]> {
    const outcomes = await this.insert(
      items.flatMap(({ rows }) => rows),
      { allOrNothing: false, isKeyed },
    )
    let from = 0
    return items.map(({ rows }) => outcomes.slice(from, (from += rows.length)))
  }

  private isKnownAsHeldUp(rows: readonly NewExecution[]): boolean {
    if (this.heldUp.size === 0) return false
    const names = new Set(namesOf(rows))
    return [...this.heldUp].some((others) => namesOf(others).some((name) => names.has(name)))
  }

  /** What others hold is tried again, apart from all else. */
  private async failed(
    rows: readonly NewExecution[],
    allOrNothing: boolean,
    error: unknown,
  ): Promise<readonly InsertOutcome[]> {
    if (error instanceof StorageHeldUpError) return this.insertHeldUp(rows, allOrNothing)
    throw error
  }

  /** Tries rows that others hold until those let go of them. */
  private async insertHeldUp(
    rows: readonly NewExecution[],
    allOrNothing: boolean,
  ): Promise<readonly InsertOutcome[]> {
    this.heldUp.add(rows)
    try {
      const line = this.heldUpLine
      return await this.insertUnclaimed(rows, { allOrNothing, isKeyed: true }, { line })
    } finally {
      this.heldUp.delete(rows)
    }
  }

  /**
   * Only the first try inserts rows as claimed, and only it keeps `recover` waiting: what it inserted, if its answer was lost, is
   * found there. Who tries again may do so for as long as a user leaves a transaction open that holds the same id, and holds up
   * nothing else of this executor.
   */
  private async insert(
    rows: readonly NewExecution[],
    insertion: Insertion,
  ): Promise<readonly InsertOutcome[]> {
    const { storage, gate, environment } = this.runtime
    await this.fastPath.whenKnown(rows)
    const executions = this.fastPath.claim(rows)
    const isClaiming = executions.some(({ start }) => start === 'claimed')
    const sentAt = environment.monotonic()
    const first = async (): Promise<readonly InsertOutcome[]> => {
      const answer = await storage.once('insert', this.insertCall(executions, insertion))
      this.startInserted(executions, answer, sentAt)
      // Their ends are on their way, and their slots free for what comes next, before the caller goes on.
      if (isClaiming) await this.flow.whenBegun()
      return answer.outcomes
    }
    try {
      return await (isClaiming ? gate.shared(first) : first())
    } catch (error) {
      this.fastPath.giveBack(executions)
      if (isPermanent(error) || error instanceof StorageHeldUpError) throw error
      this.flow.answerLost(sentAt)
      return this.insertUnclaimed(rows, insertion, { repeatsWhenHeldUp: false })
    }
  }

  private startInserted(
    executions: readonly NewExecution[],
    { outcomes, now }: InsertAnswer,
    sentAt: number,
  ): void {
    const beginning = { ...this.runtime.claimant, now, activeChildrenCount: 0 }
    executions.forEach((execution, index) => {
      this.inserted(execution, outcomes[index], beginning, sentAt)
    })
  }

  private async insertUnclaimed(
    rows: readonly NewExecution[],
    insertion: Insertion,
    options: RepeatOptions,
  ): Promise<readonly InsertOutcome[]> {
    const { storage } = this.runtime
    const { outcomes } = await storage.untilAnswered('insert', this.insertCall(rows, insertion), {
      ...options,
      // These insert nothing as claimed; but as long as they get no answer, `recover` gets none either.
      onFailure: (failedSentAt) => {
        this.flow.answerLost(failedSentAt)
      },
    })
    rows.forEach((execution, index) => {
      this.insertedUnclaimed(execution, outcomes[index])
    })
    return outcomes
  }

  private insertCall(
    executions: readonly NewExecution[],
    { allOrNothing, isKeyed }: Insertion,
  ): StorageVerb<InsertAnswer, TTransaction> {
    const { claimant } = this.runtime
    return (verbs, signal) =>
      verbs.insert({ executions, ...claimant, allOrNothing, failsWhenHeldUp: isKeyed, signal })
  }

  private inserted(
    execution: NewExecution,
    outcome: InsertOutcome | undefined,
    beginning: Beginning,
    sentAt: number,
  ): void {
    this.insertedUnclaimed(execution, outcome)
    if (execution.start !== 'claimed') return
    if (outcome?.kind !== 'inserted') {
      this.fastPath.giveBack([execution])
      if (this.isUnknownOfOurs(outcome)) this.flow.answerLost(sentAt)
      return
    }
    this.flow.start(createRecord(execution, beginning), sentAt)
  }

  /**
   * Whether a row that was sent as claimed was there already, under our name, and we don't hold it: the storage lost its connection
   * and repeated the insert by itself. The first one had claimed the row, and its answer is lost.
   */
  private isUnknownOfOurs(outcome: InsertOutcome | undefined): boolean {
    if (outcome?.kind !== 'exists') return false
    const { claimant, held } = this.runtime
    const { executorId, executionId } = outcome.existing
    return executorId === claimant.executorId && !held.has(executionId)
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

/** What others may hold of rows. */
function namesOf(rows: readonly NewExecution[]): string[] {
  return rows.flatMap(({ executionId, sleepingKey }) =>
    sleepingKey === null ? [executionId] : [executionId, sleepingKey],
  )
}
