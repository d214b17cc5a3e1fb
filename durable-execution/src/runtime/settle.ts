/**
 * Stores what became of claimed executions, in batches, and sends on what follows: rows that were inserted as running, parents
 * that have nothing to wait for any more, waiters of what finished.
 *
 * Keeps G2: a change applies only under the claim it was decided under. Keeps G6: a change that can't be stored now is kept (its
 * claim is renewed meanwhile) until it is, or until another executor has the claim.
 */
import { DurableExecutionError, messageOf, toStoredError } from '../errors'
import { applyChange, type ExecutionChange } from '../execution/change'
import type { ExecutionRecord, NewExecution } from '../execution/record'
import { settlementOf, type Settlement } from '../execution/settlement'
import { isFinished } from '../execution/status'
import { createRecord, fail } from '../execution/transitions'
import type { SettleAnswer } from '../storage/storage'
import { Batcher } from './batcher'
import type { FastPath } from './fast-path'
import type { HeldClaim } from './held-claims'
import { handOverOf, type Flow, type Runtime } from './runtime'
import { isPermanent } from './storage-calls'

/** The most settlements of one batch, and their bytes. */
const MAX_ITEMS = 1000
const MAX_BYTES = 4 * 2 ** 20
/** Bytes a row takes besides its texts, roughly. */
const ROW_BYTES = 300

interface Item {
  readonly held: HeldClaim
  /** The record that the settlement was decided on. */
  readonly decidedOn: ExecutionRecord
  readonly settlement: Settlement
}

const NO_INSERTIONS: readonly NewExecution[] = []
const NO_IDS: ReadonlySet<string> = new Set()
const NO_CHILDREN: ReturnType<typeof childrenEndedBy> = new Map()

/** Stores the ends of runs. */
export class Settler<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  private readonly flow: Flow
  private readonly fastPath: FastPath<TTransaction>
  private readonly batcher: Batcher<Item, void>

  constructor(runtime: Runtime<TTransaction>, flow: Flow, fastPath: FastPath<TTransaction>) {
    this.runtime = runtime
    this.flow = flow
    this.fastPath = fastPath
    this.batcher = new Batcher<Item, void>({
      environment: runtime.environment,
      maxItems: MAX_ITEMS,
      maxBytes: MAX_BYTES,
      sizeOf: ({ settlement }) => bytesOf(settlement),
      createAdmission: admitApartFromChildren,
      // Functions that run beside it may end at the same moment.
      mayBringMore: () => runtime.slots.runningCount > 0,
      flush: (items) => this.flush(items),
      failed: (item, error) => this.refused(item, error),
    })
  }

  get waitingCount(): number {
    return this.batcher.waitingCount
  }

  get meanBatchSize(): number {
    return this.batcher.meanBatchSize
  }

  /** Resolves when every change that was handed in so far is stored. */
  whenStored(): Promise<void> {
    return this.batcher.whenStored()
  }

  /** Resolves when the change is stored, or when it can't be any more. Rejects only when the executor was shut down. */
  settle(
    held: HeldClaim,
    change: ExecutionChange,
    insertions: readonly NewExecution[] = NO_INSERTIONS,
  ): Promise<void> {
    const { record } = held
    const settlement = settlementOf(record, change, insertions)
    return this.batcher.add({ held, decidedOn: record, settlement })
  }

  /** The storage refuses this change for good: the execution ends with that, instead of in silence. */
  private async refused({ held, settlement }: Item, cause: unknown): Promise<void> {
    if (!isPermanent(cause) || cause.code === 'shut_down') throw cause
    const { record } = held
    const { taskId, executionId } = record
    const message = messageOf(cause)
    this.runtime.events.emit({ type: 'result_refused', taskId, executionId, message })
    const error = DurableExecutionError.nonRetryable(`Result could not be stored: ${message}`, {
      code: 'result_not_stored',
    })
    // The texts of the refused change may be what the storage can't take: none of them is tried again.
    const change = { ...fail(record, toStoredError(error)), runOutput: null }
    if (settlement.change.error?.code === 'result_not_stored') throw cause
    await this.settle(held, change)
  }

  private async lost({ held, decidedOn, settlement }: Item): Promise<void> {
    const { taskId, executionId, claimCount } = decidedOn
    if (held.record.claimCount !== claimCount) {
      // This process claimed it again meanwhile. If it was held all the time, the same end is stored under the new claim.
      if (wasHeldUntil(decidedOn, held.record)) {
        await this.settle(held, settlement.change, settlement.insertions)
      } else {
        held.ended(claimCount)
      }
      return
    }
    this.runtime.events.emit({ type: 'result_dropped', taskId, executionId })
  }

  /** @param own - Which of its insertions are this executor's. */
  private applied({ held, settlement }: Item, own: ReadonlySet<string>, now: number): void {
    held.ended(settlement.claimCount)
    const { record } = held
    const { taskId, executionId, queue } = record
    const { change, insertions } = settlement
    const { events } = this.runtime
    if (change.status === 'ready') {
      const delayMs = change.claimInMs ?? 0
      const message = change.error?.message ?? ''
      events.emit({
        type: 'execution_retried',
        taskId,
        executionId,
        attempt: change.attempt,
        delayMs,
        message,
      })
      this.flow.due(queue, delayMs)
    } else {
      events.emit({ type: 'execution_settled', taskId, executionId, status: change.status })
    }
    for (const insertion of insertions) {
      const isDueByTime = insertion.start === 'ready' && !own.has(insertion.executionId)
      if (isDueByTime) this.flow.due(insertion.queue, insertion.sleepMsBeforeRun)
    }
    if (isFinished(change.status)) {
      this.flow.finished(executionId, () =>
        applyChange(record, change, { now, activeChildrenCount: 0 }),
      )
    }
  }

  private async flush(items: readonly Item[]): Promise<(void | Promise<void>)[]> {
    const { runtime, flow } = this
    const { claimant, storage, gate, environment } = runtime
    const sentAt = environment.monotonic()
    const settlements = items.map(({ held, settlement }) => {
      const insertions = this.fastPath.claim(settlement.insertions, held)
      return insertions === settlement.insertions ? settlement : { ...settlement, insertions }
    })
    let answer: SettleAnswer
    try {
      answer = await gate.shared(() =>
        storage.untilAnswered(
          'settle',
          (verbs, signal) =>
            verbs.settle({ settlements, ...claimant, handOver: handOverOf(runtime), signal }),
          {
            onFailure: (failedSentAt) => {
              flow.answerLost(failedSentAt)
            },
          },
        ),
      )
    } catch (error) {
      for (const { insertions } of settlements) this.fastPath.giveBack(insertions)
      throw error
    }
    this.gather(items, answer)
    const ended = answer.parents.length === 0 ? NO_CHILDREN : childrenEndedBy(items, answer)
    for (const parent of answer.parents) {
      const children = ended.get(parent.executionId)
      flow.resume(parent, children?.length === 1 ? children[0]?.() : undefined)
    }
    const { now } = answer
    return answer.outcomes.map(({ outcome, claimedInsertions }, index) => {
      const item = items[index]
      const insertions = settlements[index]?.insertions ?? NO_INSERTIONS
      const own = insertions.length === 0 ? NO_IDS : new Set(claimedInsertions)
      this.startClaimed(insertions, own, { now, sentAt })
      if (!item) return undefined
      return outcome === 'lost' ? this.lost(item) : this.applied(item, own, now)
    })
  }

  /** Before parents are resumed with what their children came to. */
  private gather(items: readonly Item[], { outcomes }: SettleAnswer): void {
    const { families } = this.runtime
    items.forEach(({ decidedOn, settlement }, index) => {
      if (outcomes[index]?.outcome === 'applied') families.settled(decidedOn, settlement)
    })
  }

  private startClaimed(
    insertions: readonly NewExecution[],
    own: ReadonlySet<string>,
    at: { now: number; sentAt: number },
  ): void {
    const { claimant } = this.runtime
    for (const insertion of insertions) {
      if (insertion.start !== 'claimed') continue
      if (own.has(insertion.executionId)) {
        const record = createRecord(insertion, { ...claimant, now: at.now, activeChildrenCount: 0 })
        this.flow.start(record, at.sentAt)
      } else {
        this.fastPath.giveBack([insertion])
      }
    }
  }
}

/** The rows of the children that ended with these, by their parents: what a chain or a finalized parent is decided on, if it is one. */
function childrenEndedBy(
  items: readonly Item[],
  { outcomes, now }: SettleAnswer,
): Map<string, (() => ExecutionRecord)[]> {
  const children = new Map<string, (() => ExecutionRecord)[]>()
  items.forEach(({ decidedOn, settlement }, index) => {
    const { parentExecutionId, change, insertions } = settlement
    const isEnded = outcomes[index]?.outcome === 'applied' && isFinished(change.status)
    // What it inserted may have ended at once: a sleeping execution whose key is taken.
    if (parentExecutionId === null || !isEnded || insertions.length > 0) return
    const row = (): ExecutionRecord =>
      applyChange(decidedOn, change, { now, activeChildrenCount: 0 })
    const siblings = children.get(parentExecutionId)
    if (siblings) siblings.push(row)
    else children.set(parentExecutionId, [row])
  })
  return children
}

/**
 * Whether nobody stored an end between two claims of an execution: each claim since was a takeover. Where one was not, an end had been
 * stored (ours, whose answer was lost, or another's): the newer claim is the next thing to do, not this one over again.
 */
function wasHeldUntil(earlier: ExecutionRecord, later: ExecutionRecord): boolean {
  return later.takeovers - earlier.takeovers === later.claimCount - earlier.claimCount
}

/** A batch never holds an execution twice, nor together with one of its children. */
function admitApartFromChildren(): (item: Item) => boolean {
  const own = new Set<string>()
  const parents = new Set<string>()
  return ({ settlement: { executionId, parentExecutionId } }) => {
    if (own.has(executionId) || parents.has(executionId)) return false
    if (parentExecutionId !== null) {
      if (own.has(parentExecutionId)) return false
      parents.add(parentExecutionId)
    }
    own.add(executionId)
    return true
  }
}

function bytesOf({ change, insertions }: Settlement): number {
  const { output, runOutput, error } = change
  let bytes = ROW_BYTES
  for (const text of [output, runOutput, error?.message]) bytes += text?.length ?? 0
  for (const { input } of insertions) bytes += ROW_BYTES + (input?.length ?? 0)
  return bytes
}
