/** Wires the stages of the flow to one another, and their background jobs to loops. */
import type { ExecutionRecord } from '../execution/record'
import { Watch } from './cancel'
import { Claimer } from './claim'
import { Enqueuer } from './enqueue'
import { FastPath } from './fast-path'
import { Loop, type Job } from './loop'
import { Prefetch } from './prefetch'
import { Pruner } from './prune'
import { Recoverer } from './recover'
import { Releaser } from './release'
import { RENEW_PAUSE_SHARE, Renewer } from './renew'
import { Resumer } from './resume'
import { Runner } from './run'
import { isFresh, type Flow, type Runtime } from './runtime'
import { Settler } from './settle'
import { Waiters } from './wait'

/** The longest pause of a background job after a failure, as a share of a lease. */
const PAUSE_SHARE = 1 / 4

/** After an enqueue in a user's transaction: looks, for about a second, whether it was committed. */
const COMMIT_LOOKS_MS = [10, 20, 40, 80, 160, 320, 640]

/** The stages of one executor. */
export class Stages<TTransaction> implements Flow {
  readonly enqueuer: Enqueuer<TTransaction>
  readonly settler: Settler<TTransaction>
  readonly waiters: Waiters<TTransaction>
  private readonly runtime: Runtime<TTransaction>
  private readonly claimer: Claimer<TTransaction>
  private readonly watch: Watch<TTransaction>
  private readonly prefetch: Prefetch<TTransaction>
  private readonly recoverer: Recoverer<TTransaction>
  private readonly resumer: Resumer<TTransaction>
  private readonly runner: Runner<TTransaction>
  private readonly claiming: Loop
  private readonly recovering: Loop
  private readonly watching: Loop
  private readonly waiting: Loop
  /** Stop with the taking of work. */
  private readonly takingLoops: readonly Loop[]
  /** Stop when nothing is held any more. */
  private readonly holdingLoops: readonly Loop[]

  constructor(runtime: Runtime<TTransaction>) {
    const { environment, events } = runtime
    const { leaseMs } = runtime.claimant
    const loop = (job: Job, pauseShare = PAUSE_SHARE): Loop =>
      new Loop(job, environment, events, leaseMs * pauseShare)
    const fastPath = new FastPath(runtime, this)
    const releaser = new Releaser(runtime)
    const renewer = new Renewer(runtime, () => {
      this.watching.wake()
    })
    this.runtime = runtime
    this.settler = new Settler(runtime, this, fastPath)
    this.runner = new Runner(runtime, this, this.settler, releaser)
    this.resumer = new Resumer(runtime, this, this.settler, releaser)
    this.enqueuer = new Enqueuer(runtime, this, fastPath)
    this.prefetch = new Prefetch(runtime, releaser, (held) => {
      this.runner.startHeld(held)
    })
    this.claimer = new Claimer(runtime, this, releaser, this.prefetch, {
      isNeeded: () => runtime.health.needsCatchUp || renewer.isOverdue,
      run: async () => {
        await this.settler.whenStored()
        await renewer.renewAll()
        runtime.health.caughtUp()
      },
    })
    this.recoverer = new Recoverer(runtime, (record, sentAt) => {
      this.claimer.dispatch(record, sentAt)
    })
    this.waiters = new Waiters(runtime)
    this.claiming = loop(this.claimer)
    this.recovering = loop(this.recoverer)
    this.watch = new Watch(runtime)
    this.watching = loop(this.watch)
    this.waiting = loop(this.waiters)
    const sweeping = loop(this.claimer.sweep)
    this.takingLoops = [this.claiming, sweeping, ...this.pruningLoops(loop)]
    this.holdingLoops = [loop(renewer, RENEW_PAUSE_SHARE), this.recovering, this.watching]
    this.wireWakeUps(sweeping)
    this.wireHints(sweeping)
  }

  private pruningLoops(loop: (job: Job) => Loop): Loop[] {
    const { retentionMs } = this.runtime.options
    return retentionMs === null ? [] : [loop(new Pruner(this.runtime, retentionMs))]
  }

  private wireWakeUps(sweeping: Loop): void {
    this.claimer.wakeBy(() => {
      this.claiming.wake()
    })
    this.claimer.sweep.wakeBy(() => {
      sweeping.wake()
    })
    this.recoverer.wakeBy(() => {
      this.recovering.wake()
    })
    this.waiters.wakeBy(() => {
      // Executors that only enqueue wait too: this loop starts with the first wait, and so do hints.
      this.runtime.push.begin()
      this.waiting.start()
      this.waiting.wake()
    })
    this.watch.wakeBy(() => {
      this.watching.wake()
    })
  }

  private wireHints(sweeping: Loop): void {
    let hasListened = false
    this.runtime.push.wire({
      onDue: (queues, inMs) => {
        this.claimer.hinted(queues, inMs)
      },
      onFinished: (executionIds) => {
        this.waiters.look(executionIds)
      },
      onCancelled: (executionIds) => {
        this.cancelled(executionIds)
      },
      onListening: (isListening) => {
        // Hints were missed, or will be: everything is looked at, and pauses follow from what is so now.
        this.claimer.hinted(null, 0)
        this.waiters.look(null)
        const isFirst = isListening && !hasListened
        hasListened ||= isListening
        // At the start what else there is to ask is asked soon anyway, and would take connections from the first claims.
        if (isFirst && this.claimer.hasMore) return
        this.watch.cancelled(null)
        sweeping.wake()
      },
    })
  }

  // --- Lifecycle -----------------------------------------------------------------------------

  /** Begins to take work. */
  startLoops(): void {
    for (const started of [...this.takingLoops, ...this.holdingLoops]) started.start()
  }

  /** Takes no more work. */
  async stopTaking(): Promise<void> {
    this.claimer.close()
    await Promise.all(this.takingLoops.map((stopped) => stopped.stop()))
    // Also what a claim under way at that moment took.
    await this.prefetch.releaseAll()
  }

  /** Ends waits, and what kept the claims that were held. */
  async stopHolding(): Promise<void> {
    this.waiters.close()
    await Promise.all([...this.holdingLoops, this.waiting].map((stopped) => stopped.stop()))
    this.claimer.close()
  }

  /** This executor cancelled an execution, with what is below it. */
  cancelledHere(executionId: string): void {
    this.waiters.look([executionId])
    this.cancelled(null)
  }

  /** These were cancelled, or some: running functions and waiters are told. */
  private cancelled(executionIds: readonly string[] | null): void {
    this.watch.cancelled(executionIds)
    this.waiters.look(executionIds)
  }

  /** A slot is free again. */
  slotFreed(): void {
    if (this.runtime.lifecycle === 'started') this.prefetch.startNext()
    if (this.claimer.hasWork) this.claiming.wake()
  }

  // --- Where stages send work on -------------------------------------------------------------

  start(record: ExecutionRecord, sentAt: number): void {
    if (isFresh(this.runtime, sentAt)) {
      this.runner.start(record, sentAt)
      this.held(sentAt)
      return
    }
    // It is run once its lease could be renewed.
    this.runtime.slots.give()
    this.recoverer.answerLost(sentAt)
  }

  whenBegun(isEnough?: () => boolean): Promise<void> {
    return this.runner.whenBegun(isEnough)
  }

  held(sentAt: number): void {
    this.watch.held(sentAt)
  }

  resume(record: ExecutionRecord, last?: ExecutionRecord): void {
    this.resumer.resume(record, last)
  }

  due(queue: string, inMs: number): void {
    this.claimer.due(queue, inMs)
  }

  committing(queue: string, inMs: number): void {
    // With push a hint comes with the commit.
    if (this.runtime.push.isListening) return
    for (const lookMs of COMMIT_LOOKS_MS) this.claimer.look(queue, inMs + lookMs)
  }

  isDrained(queue: string): boolean {
    return this.claimer.queues.get(queue)?.isDrained ?? false
  }

  whenKnown(queue: string): Promise<void> | null {
    return this.claimer.whenKnown(queue)
  }

  longestLineMs(): number {
    return Math.max(0, ...[...this.claimer.queues.values()].map(({ lineMs }) => lineMs))
  }

  finished(executionId: string, row: () => ExecutionRecord): void {
    this.waiters.finished(executionId, row)
  }

  answerLost(sentAt: number): void {
    if (this.runtime.lifecycle !== 'client') this.recoverer.answerLost(sentAt)
  }
}
