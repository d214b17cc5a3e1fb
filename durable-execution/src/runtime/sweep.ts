/**
 * Asks for all queues when the next row is due: it finds what others made due, what lapsed, and what was committed late. Idle, it
 * is the only statement of an executor (G8): about once a second where hints come, else each `pollIntervalMs`.
 */
import type { Timer } from '../lib/environment'
import type { Job } from './loop'
import { SHORTEST_PAUSE_MS, type Queue } from './queue'
import type { Runtime } from './runtime'

/** The sweep under load, in milliseconds. */
const BUSY_SWEEP_MS = 500
/**
 * The sweep while hints come, in milliseconds: with its jitter and the look whether the listening connection still answers, less than
 * one statement a second. A lease that lapses is seen by the sweeps before, and claimed at that moment.
 */
const PUSHED_SWEEP_MS = 1600
/**
 * The longest pause between two sweeps, as a share of a lease: an outage in which leases lapsed must be noticed, else their work
 * would be taken over before its owners could renew (G6).
 */
const LONGEST_SWEEP_SHARE = 1 / 4
/** Sweeps that follow a due time are at least this far apart, in milliseconds. */
const SOONEST_SWEEP_MS = 20

/** Looks at all queues. */
export class Sweep<TTransaction> implements Job {
  readonly name = 'sweep'
  private readonly runtime: Runtime<TTransaction>
  private readonly queues: ReadonlyMap<string, Queue>
  private readonly due: (queueName: string, inMs: number) => void
  private wake: () => void = () => undefined
  /** It sleeps for longer, because claims were asking when it last looked. */
  private isStretched = false
  private timer: Timer | null = null
  private sweptAt = -Infinity

  /** @param due - Told what is due, and in how many milliseconds. */
  constructor(
    runtime: Runtime<TTransaction>,
    queues: ReadonlyMap<string, Queue>,
    due: (queueName: string, inMs: number) => void,
  ) {
    this.runtime = runtime
    this.queues = queues
    this.due = due
  }

  /** How to wake the loop that runs this job. */
  wakeBy(wake: () => void): void {
    this.wake = wake
  }

  async runOnce(): Promise<number | null> {
    const { storage, options, environment } = this.runtime
    this.sweptAt = environment.monotonic()
    for (const queue of this.queues.values()) queue.isDueNextUnknown = false
    // Hints may begin meanwhile: the next round comes when this one reckons with it.
    const idleMs = this.idleIntervalMs()
    const answer = await storage.once('nextClaimAt', (verbs, signal) =>
      verbs.nextClaimAt({ queues: options.queues, signal }),
    )
    for (const { queue: name, claimAt, dueInMs } of answer.next) {
      const queue = this.queues.get(name)
      if (!queue || claimAt === null || dueInMs === null) continue
      queue.seen(claimAt)
      if (dueInMs > 0) {
        if (dueInMs <= idleMs) this.due(name, dueInMs)
      } else if (queue.isDrained) {
        // Found due though a claim found nothing: not at once, it may be locked or not for us.
        queue.wakeIn(queue.backoff.next() - SHORTEST_PAUSE_MS, () => {
          this.due(name, 0)
        })
      }
    }
    this.isStretched = [...this.queues.values()].some(({ isDrained }) => !isDrained)
    // Jittered, so that executors started together do not ask together.
    return (this.isStretched ? this.busyIntervalMs() : idleMs) * (1 - environment.random() / 4)
  }

  /** All that was due is claimed: what is due next has to be known. */
  drained(): void {
    const isUnknown = [...this.queues.values()].some((queue) => queue.isDueNextUnknown)
    if (this.isStretched) {
      // Nothing else asks from now on.
      this.isStretched = false
      this.wake()
    } else if (isUnknown && this.timer === null) {
      const { environment } = this.runtime
      const waitMs = this.sweptAt + SOONEST_SWEEP_MS - environment.monotonic()
      this.timer = environment.setTimer(Math.max(0, waitMs), () => {
        this.timer = null
        this.wake()
      })
    }
  }

  /** Ends its timer. */
  close(): void {
    this.timer?.cancel()
    this.timer = null
  }

  private busyIntervalMs(): number {
    return this.bounded(Math.max(BUSY_SWEEP_MS, this.runtime.options.pollIntervalMs))
  }

  private idleIntervalMs(): number {
    const { options, push } = this.runtime
    const { pollIntervalMs } = options
    return this.bounded(
      push.isListening ? Math.max(PUSHED_SWEEP_MS, pollIntervalMs) : pollIntervalMs,
    )
  }

  private bounded(ms: number): number {
    return Math.min(ms, this.runtime.options.leaseMs * LONGEST_SWEEP_SHARE)
  }
}
