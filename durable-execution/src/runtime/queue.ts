/** What an executor knows of one queue it takes work from. */
import { Backoff } from '../lib/backoff'
import type { Environment, Timer } from '../lib/environment'

/** The shortest pause after a claim that found nothing, in milliseconds. */
export const SHORTEST_PAUSE_MS = 50
/** Rows may become visible this much after the time they are due, in milliseconds: marks stay behind by it. */
const MARK_LAG_MS = 2000
/** The longest wait after the first hint, and after hints that others were sooner to follow, in milliseconds. */
const SHORTEST_JITTER_MS = 2
const LONGEST_JITTER_MS = 32
/** How often lapsed work is looked for past a backlog, in milliseconds. */
const LAPSED_LOOK_MS = 500
/** A look past a backlog begins with what lapsed at most this long before the executor started, in milliseconds. */
const LAPSED_BEFORE_START_MS = 120_000

/** State of one queue. */
export class Queue {
  readonly name: string
  /** Whether the last claim found everything that was due, and nothing became due since. */
  isDrained = false
  /** Something became due while a claim was under way that may not have seen it. */
  hasNews = false
  /** A claim took as much as it was allowed to: more is due. */
  hasBacklog = false
  /** How long ago what the last claim took first had become due, in milliseconds: work stands in line for so long. 0 if none does. */
  lineMs = 0
  /** A claim under way. */
  claiming: Promise<void> | null = null
  /** Nothing is looked for before this moment, on the storage's clock. */
  mark: number | undefined = undefined
  /** Pauses after claims that found nothing although something is due: it is locked, or not for us. */
  readonly backoff: Backoff
  private readonly environment: Environment
  /** A time at which something was due has come: what is due next has to be asked for. */
  isDueNextUnknown = false
  private timer: Timer | null = null
  private timerDueAt = Infinity
  /** The timer stands for a time at which something is due, itself or a later one. */
  private isTimerForDueTime = false
  private hintTimer: Timer | null = null
  private jitterMs = SHORTEST_JITTER_MS
  /** What lapsed before this moment, on the storage's clock, was looked for. */
  private lapsedLookedUntil: number | null = null
  private nextLapsedLookAt = -Infinity

  constructor(name: string, environment: Environment, longestPauseMs: number) {
    this.name = name
    this.environment = environment
    this.backoff = new Backoff({
      baseMs: SHORTEST_PAUSE_MS * 2,
      maxMs: Math.max(SHORTEST_PAUSE_MS * 2, longestPauseMs),
      random: () => environment.random(),
    })
  }

  /**
   * Calls back after a delay; of several, the soonest counts.
   *
   * @param isDueTime - Whether something is due then.
   */
  wakeIn(ms: number, wake: () => void, isDueTime = false): void {
    const dueAt = this.environment.monotonic() + ms
    this.isTimerForDueTime ||= isDueTime
    if (this.timer !== null && this.timerDueAt <= dueAt) return
    this.timer?.cancel()
    this.timerDueAt = dueAt
    this.timer = this.environment.setTimer(ms, () => {
      if (this.isTimerForDueTime) this.isDueNextUnknown = true
      this.cancelTimer()
      wake()
    })
  }

  /** Calls back after a moment, other than that of other executors. */
  wakeByHint(wake: () => void): void {
    this.hintTimer ??= this.environment.setTimer(this.environment.random() * this.jitterMs, () => {
      this.hintTimer = null
      wake()
    })
  }

  /** A claim in line took so many rows, and was allowed to take so many. */
  claimedInLine(count: number, limit: number): void {
    this.hasBacklog = count === limit
    this.isDrained = count < limit && !this.hasNews
    if (this.isDrained) this.lineMs = 0
  }

  /** A round of claims took so many rows. */
  claimed(count: number): void {
    if (count > 0) this.backoff.reset()
    this.jitterMs = count > 0 ? SHORTEST_JITTER_MS : Math.min(this.jitterMs * 2, LONGEST_JITTER_MS)
  }

  /** Ends all timers. */
  close(): void {
    this.cancelTimer()
    this.hintTimer?.cancel()
    this.hintTimer = null
  }

  private cancelTimer(): void {
    this.timer?.cancel()
    this.timer = null
    this.timerDueAt = Infinity
    this.isTimerForDueTime = false
  }

  /** A claim took rows of which the first was due at the first moment, at the second, both on the storage's clock. */
  took(dueFrom: number, storageNow: number): void {
    this.mark = dueFrom - MARK_LAG_MS
    this.lineMs = storageNow - dueFrom
  }

  /** The first row is due at this moment: a mark beyond it would hide it. */
  seen(claimAt: number): void {
    if (this.mark !== undefined && claimAt < this.mark) this.mark = claimAt
  }

  /**
   * Whether to look for lapsed work past the backlog, and from which moment on the storage's clock. What lapsed since the last look
   * is all there is to find: the look reads only what became due since then.
   */
  lapsedLookFrom(storageNow: number): number | null {
    this.lapsedLookedUntil ??= storageNow - LAPSED_BEFORE_START_MS
    if (!this.hasBacklog || this.environment.monotonic() < this.nextLapsedLookAt) return null
    return this.lapsedLookedUntil
  }

  /** What had lapsed by then was taken, all of it or all that may run now: until the next look there is a pause. */
  lapsedLooked(storageNow: number, isAllTaken: boolean): void {
    this.nextLapsedLookAt = this.environment.monotonic() + LAPSED_LOOK_MS
    if (isAllTaken) this.lapsedLookedUntil = storageNow - MARK_LAG_MS
  }
}
