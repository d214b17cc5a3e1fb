/**
 * Takes due work, from one queue at a time, as much as slots are free. It is woken by what this executor made due, by hints of the
 * storage, by due times, and by the sweep; between them they know of each queue whether it is drained. Keeps G3 (lapsed work is
 * taken over).
 */
import type { ExecutionRecord } from '../execution/record'
import { isWaiting } from '../execution/status'
import { afterMicrotasks, type Timer } from '../lib/environment'
import type { ClaimAnswer, ClaimRequest } from '../storage/storage'
import type { Job } from './loop'
import type { Prefetch } from './prefetch'
import { Queue } from './queue'
import type { Releaser } from './release'
import type { Flow, Runtime } from './runtime'
import { isSuspect, Suspects } from './suspects'
import { Sweep } from './sweep'

/**
 * The most rows of one claim: about half of what the slots take by default, so that one half is claimed while the other runs, and a
 * little more than half of what an insert brings, so that claims catch up with inserts.
 */
const MAX_CLAIM = 550
/** How often suspects are looked for while other work is found, in milliseconds. */
const SUSPECT_LOOK_MS = 1000

/** What comes before claiming after an outage or a standstill: first kept results are stored, then leases renewed. */
export interface CatchUp {
  isNeeded(): boolean
  run(): Promise<void>
}

/** Claims due executions of the executor's queues. */
export class Claimer<TTransaction> implements Job {
  readonly name = 'claim'
  readonly sweep: Sweep<TTransaction>
  /** What is known of each queue that this executor takes work from. */
  readonly queues: ReadonlyMap<string, Queue>
  private readonly runtime: Runtime<TTransaction>
  private readonly flow: Flow
  private readonly releaser: Releaser<TTransaction>
  private readonly prefetch: Prefetch<TTransaction>
  private readonly catchUp: CatchUp
  private readonly suspects: Suspects
  private readonly looks = new Set<Timer>()
  private wake: () => void = () => undefined
  private lookedForSuspectAt = -Infinity
  /** The queue to begin the next round with: none is always served last. */
  private turn = 0

  constructor(
    runtime: Runtime<TTransaction>,
    flow: Flow,
    releaser: Releaser<TTransaction>,
    prefetch: Prefetch<TTransaction>,
    catchUp: CatchUp,
  ) {
    const { environment, options, held } = runtime
    this.runtime = runtime
    this.flow = flow
    this.releaser = releaser
    this.prefetch = prefetch
    this.catchUp = catchUp
    this.suspects = new Suspects(held)
    const queues = options.queues.map(
      (name) => new Queue(name, environment, options.pollIntervalMs),
    )
    this.queues = new Map(queues.map((queue) => [queue.name, queue]))
    this.sweep = new Sweep(runtime, this.queues, (queueName, inMs) => {
      this.due(queueName, inMs)
    })
  }

  /** How to wake the loop that runs this job. */
  wakeBy(wake: () => void): void {
    this.wake = wake
  }

  /** Whether a round would do anything. A slot that is freed while nothing is due is none of its business. */
  get hasWork(): boolean {
    return this.hasMore || this.catchUp.isNeeded()
  }

  /** Whether more may be due in one of the queues. */
  get hasMore(): boolean {
    for (const { isDrained } of this.queues.values()) if (!isDrained) return true
    return false
  }

  /**
   * A claim under way that will tell whether this queue is drained, where it may well be; `null` if there is none, or if more is
   * known to stand in line.
   */
  whenKnown(queueName: string): Promise<void> | null {
    const queue = this.queues.get(queueName)
    const isOpen = queue && !queue.isDrained && !queue.hasBacklog
    // That it failed is told by the loop that runs it.
    return isOpen ? (queue.claiming?.catch(() => undefined) ?? null) : null
  }

  /** Something in this queue is due after a delay. */
  due(queueName: string, inMs: number): void {
    const queue = this.queues.get(queueName)
    if (!queue || this.runtime.lifecycle !== 'started') return
    if (inMs > 0) {
      const wake = (): void => {
        this.due(queueName, 0)
      }
      queue.wakeIn(inMs, wake, true)
      return
    }
    queue.isDrained = false
    queue.hasNews = true
    this.wake()
  }

  /**
   * A hint: something is due in these queues, or soon; `null`: in any. All executors heard it, and one of them gets it: they look one
   * after the other, those that found nothing the last times after the others.
   */
  hinted(queueNames: readonly string[] | null, inMs: number): void {
    for (const queue of this.queues.values()) {
      if (queueNames?.includes(queue.name) === false) continue
      // A claim under way may not have seen it, and the next one follows by itself.
      queue.hasNews = true
      if (inMs > 0) this.due(queue.name, inMs)
      else if (queue.isDrained && this.runtime.lifecycle === 'started') {
        queue.wakeByHint(() => {
          this.due(queue.name, 0)
        })
      }
    }
  }

  /** Looks whether something is due after a delay, once. */
  look(queueName: string, inMs: number): void {
    const queue = this.queues.get(queueName)
    if (!queue || this.runtime.lifecycle !== 'started') return
    const timer = this.runtime.environment.setTimer(inMs, () => {
      this.looks.delete(timer)
      this.due(queueName, 0)
    })
    this.looks.add(timer)
  }

  /** Ends all timers. */
  close(): void {
    for (const queue of this.queues.values()) queue.close()
    this.sweep.close()
    for (const timer of this.looks) timer.cancel()
    this.looks.clear()
  }

  async runOnce(): Promise<number | null> {
    if (this.room() < MAX_CLAIM) await this.whenSlotsAreFree()
    if (this.catchUp.isNeeded()) await this.catchUp.run()
    const queues = [...this.queues.values()]
    this.turn = (this.turn + 1) % queues.length
    for (const queue of [...queues.slice(this.turn), ...queues.slice(0, this.turn)]) {
      if (queue.isDrained) continue
      queue.claiming = this.claimFrom(queue)
      await queue.claiming.finally(() => {
        queue.claiming = null
      })
    }
    const { hasMore } = this
    if (!hasMore) this.sweep.drained()
    return hasMore && this.prefetch.hasSpareSlots ? 0 : null
  }

  /**
   * Functions that end together free their slots together, and those that are about to begin may end at once: one claim for all of
   * them, not one for the first. Half of the slots are worth a claim of their own: it is under way while the others run.
   */
  private async whenSlotsAreFree(): Promise<void> {
    const { environment, slots } = this.runtime
    await afterMicrotasks(environment)
    const worthwhile = Math.min(MAX_CLAIM, slots.capacity / 2)
    if (slots.takenCount > 0) await this.flow.whenBegun(() => this.room() >= worthwhile)
  }

  /** How many rows may be claimed: for the free slots, and a little ahead. */
  private room(): number {
    return Math.min(this.prefetch.room, MAX_CLAIM)
  }

  private async claimFrom(queue: Queue): Promise<void> {
    const { options, health } = this.runtime
    const limit = this.room()
    if (limit === 0 || this.runtime.lifecycle !== 'started') return
    const mayTakeOver = health.hasBeenHealthyFor(options.leaseMs / 2)
    if (mayTakeOver) await this.takeOverPastBacklog(queue, limit)
    await this.claimDue(queue, mayTakeOver)
  }

  private async claimDue(queue: Queue, mayTakeOver: boolean): Promise<void> {
    const limit = this.room()
    if (limit === 0) return
    const takeOver = mayTakeOver ? 'also' : 'never'
    queue.hasNews = false
    let taken = await this.claim(queue, {
      limit,
      takeOver,
      suspects: 'exclude',
      from: queue.mark,
    })
    queue.claimedInLine(taken, limit)
    if (taken < limit && mayTakeOver && this.mayLookForSuspect(taken)) {
      taken += await this.claim(queue, { limit: 1, takeOver, suspects: 'only' })
    }
    queue.claimed(taken)
  }

  /**
   * Work is claimed in the order in which it became due, and a lease that lapsed did so only now: behind a backlog its work would
   * wait for all of it. So with a backlog it is looked for apart (G3).
   */
  private async takeOverPastBacklog(queue: Queue, limit: number): Promise<void> {
    const storageNow = this.runtime.storage.now()
    const from = queue.lapsedLookFrom(storageNow)
    if (from === null) return
    const request = { takeOver: 'only', from } as const
    const taken = await this.claim(queue, { ...request, limit, suspects: 'exclude' })
    // There may be more: the next claim looks again.
    if (taken === limit) return
    const hasSuspect =
      this.suspects.isRunning ||
      (await this.claim(queue, { ...request, limit: 1, suspects: 'only' })) > 0
    queue.lapsedLooked(storageNow, !hasSuspect)
  }

  /** Suspects come after everything else, but are not starved by it. */
  private mayLookForSuspect(taken: number): boolean {
    if (this.suspects.isRunning) return false
    const now = this.runtime.environment.monotonic()
    if (taken > 0 && now - this.lookedForSuspectAt < SUSPECT_LOOK_MS) return false
    this.lookedForSuspectAt = now
    return true
  }

  private async claim(
    queue: Queue,
    request: Pick<ClaimRequest, 'limit' | 'takeOver' | 'suspects' | 'from'>,
  ): Promise<number> {
    const { gate, storage, claimant, environment } = this.runtime
    const exceptTaskIds = this.releaser.unknownTaskIds()
    const sentAt = environment.monotonic()
    let answer: ClaimAnswer
    try {
      answer = await gate.shared(() =>
        storage.once('claim', (verbs, signal) =>
          verbs.claim({
            ...claimant,
            ...request,
            queue: queue.name,
            exceptTaskIds,
            signal,
          }),
        ),
      )
    } catch (error) {
      this.flow.answerLost(sentAt)
      throw error
    }
    const isInLine = request.takeOver !== 'only' && request.suspects === 'exclude'
    if (answer.dueFrom !== null && isInLine) queue.took(answer.dueFrom, answer.now)
    for (const record of answer.records) this.take(record, sentAt)
    this.flow.held(sentAt)
    // All that was allowed: the next claim follows at once, and goes first.
    if (answer.records.length === request.limit) void this.prefetch.startAfterNextStatement()
    else this.prefetch.startNext()
    return answer.records.length
  }

  /** Sends a claimed execution on its way. */
  dispatch(record: ExecutionRecord, sentAt: number): void {
    this.take(record, sentAt)
    this.flow.held(sentAt)
    this.prefetch.startNext()
  }

  private take(record: ExecutionRecord, sentAt: number): void {
    const { taskId, executionId, takeovers } = record
    const { events, slots } = this.runtime
    if (takeovers > 0) {
      events.emit({ type: 'execution_taken_over', taskId, executionId, takeovers })
    }
    if (isSuspect(record)) this.suspects.add(record)
    if (isWaiting(record.status)) {
      this.flow.resume(record)
    } else if (isSuspect(record)) {
      // It must not wait beside others: one more than the limit may run for a while.
      if (!slots.tryTake()) slots.overdraw()
      this.flow.start(record, sentAt)
    } else {
      this.prefetch.add(record, sentAt)
    }
  }
}
