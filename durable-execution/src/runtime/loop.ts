/**
 * The one loop of the runtime: calls a job's `runOnce` again and again, sleeping in between for as long as the job said, or until
 * it is woken. A job knows nothing of sleeping; an error in it is told and the job is run again after a pause.
 */
import { messageOf } from '../errors'
import { Backoff } from '../lib/backoff'
import { createDeferred, type Deferred } from '../lib/deferred'
import type { Environment, Timer } from '../lib/environment'
import type { Events } from './events'
import { isPermanent } from './storage-calls'

/** A background job. */
export interface Job {
  readonly name: string
  /** Does one round. Answers how many milliseconds may pass until the next; 0: none; `null`: until it is woken. */
  runOnce(): Promise<number | null>
}

/** The pause after a round that failed, in milliseconds; it doubles with each. */
const FIRST_PAUSE_MS = 50

/** Runs one job until it is stopped. */
export class Loop {
  private readonly job: Job
  private readonly environment: Environment
  private readonly events: Events
  private readonly backoff: Backoff
  private running: Promise<void> | null = null
  private isStopping = false
  /** Woken while a round was under way: the next follows at once. */
  private isWoken = false
  private sleep: Deferred<void> | null = null

  /** @param longestPauseMs - The longest pause after a round that failed. */
  constructor(job: Job, environment: Environment, events: Events, longestPauseMs: number) {
    this.job = job
    this.environment = environment
    this.events = events
    this.backoff = new Backoff({
      baseMs: FIRST_PAUSE_MS,
      maxMs: longestPauseMs,
      random: () => environment.random(),
    })
  }

  start(): void {
    if (this.running || this.isStopping) return
    this.running = this.run()
  }

  /** Ends the sleep, or the next one before it begins. */
  wake(): void {
    this.isWoken = true
    this.sleep?.resolve()
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    this.isStopping = true
    this.wake()
    await this.running
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      this.isWoken = false
      const pauseMs = await this.round()
      if (pauseMs !== 0 && !this.mustGoOn()) await this.sleepFor(pauseMs)
    }
  }

  /** Read anew: both change while a round is under way. */
  private mustGoOn(): boolean {
    return this.isWoken || this.isStopping
  }

  private async round(): Promise<number | null> {
    try {
      const pauseMs = await this.job.runOnce()
      this.backoff.reset()
      return pauseMs
    } catch (error) {
      // An outage is told by the health, once; what the storage refuses for good is told here, each time.
      if (isPermanent(error)) {
        const message = messageOf(error)
        this.events.emit({ type: 'background_error', job: this.job.name, message })
      }
      return this.backoff.next()
    }
  }

  private async sleepFor(ms: number | null): Promise<void> {
    const sleep = createDeferred<void>()
    this.sleep = sleep
    const timer: Timer | null =
      ms === null
        ? null
        : this.environment.setTimer(ms, () => {
            sleep.resolve()
          })
    await sleep.promise
    timer?.cancel()
    this.sleep = null
  }
}
