/**
 * The one door to the storage: every call has a deadline, is counted, and tells the health.
 *
 * `once` is for `claim`, which must not be repeated. Everything else is safe to repeat: `untilAnswered` does so with backoff until
 * there is an answer, or an error that trying again can't mend.
 */
import { DurableExecutionError } from '../errors'
import { createSharedController } from '../lib/abort'
import { Backoff } from '../lib/backoff'
import { delay, type Environment } from '../lib/environment'
import { StorageHeldUpError } from '../storage/held-up'
import type { StorageAnswer, TaskExecutionsStorage } from '../storage/storage'
import { CallLimit, MOST_CALLS } from './call-limit'
import { Deadline } from './deadline'
import type { StorageHealth } from './storage-health'

/** The longest a storage call may take, in milliseconds. */
export const LONGEST_CALL_MS = 10_000

/** How often a read is tried after the executor was closed. */
const FEW_TRIES = 4

/** Whether trying again can't help. */
export function isPermanent(error: unknown): error is DurableExecutionError {
  return error instanceof DurableExecutionError && !error.isRetryable
}

/** How long calls of one verb took, in milliseconds. */
export interface VerbStats {
  readonly count: number
  readonly failedCount: number
  readonly meanMs: number
  readonly maxMs: number
}

/** A call of a storage verb that gets a signal: aborted when the call is given up. */
export type StorageVerb<T, TTransaction> = (
  storage: TaskExecutionsStorage<TTransaction>,
  signal: AbortSignal,
) => Promise<T>

/** How one call is made. */
export interface CallOptions {
  /** When it is given up. @default after a third of a lease, at most 10 s */
  readonly deadline?: Deadline
  /** Whether it waits while the most calls are under way. @default true */
  readonly waitsInLine?: boolean
}

/** How a call is repeated. */
export interface RepeatOptions {
  /** Told of each failed try after which something may have been written: when it was sent, on the monotonic clock. */
  readonly onFailure?: (sentAt: number) => void
  /** Another line, in which the tries stand before that of all calls. */
  readonly line?: CallLimit
  /** Whether to go on where somebody's open transaction is in the way. @default true */
  readonly repeatsWhenHeldUp?: boolean
  readonly signal?: AbortSignal | undefined
}

/** Calls the storage. */
export class StorageCalls<TTransaction> {
  private readonly deadline: Deadline
  private readonly longestPauseMs: number
  private readonly limit = new CallLimit(MOST_CALLS)
  private readonly closing = createSharedController()
  private readonly verbs = new Map<
    string,
    { count: number; failed: number; sum: number; max: number }
  >()
  private readonly storage: TaskExecutionsStorage<TTransaction>
  private readonly environment: Environment
  private readonly health: StorageHealth
  /** The storage's time less the monotonic clock. */
  private offset: number | null = null

  constructor(
    storage: TaskExecutionsStorage<TTransaction>,
    environment: Environment,
    health: StorageHealth,
    leaseMs: number,
  ) {
    this.storage = storage
    this.environment = environment
    this.health = health
    this.deadline = new Deadline(environment, Math.min(leaseMs / 3, LONGEST_CALL_MS))
    this.longestPauseMs = leaseMs / 4
  }

  /** The storage itself, for what belongs to a transaction of the user: neither retried nor given up. */
  get direct(): TaskExecutionsStorage<TTransaction> {
    return this.storage
  }

  /** The storage's time now, reckoned from its last answer; the machine's, before there was one. */
  now(): number {
    if (this.offset === null) return this.environment.now()
    return this.environment.monotonic() + this.offset
  }

  /** One call. Past its deadline it is given up, and counts as failed. */
  async once<T extends StorageAnswer>(
    verb: string,
    call: StorageVerb<T, TTransaction>,
    { deadline = this.deadline, waitsInLine = true }: CallOptions = {},
  ): Promise<T> {
    const send = (): Promise<T> => this.send(verb, call, deadline)
    return waitsInLine ? this.limit.pass(send) : send()
  }

  private async send<T extends StorageAnswer>(
    verb: string,
    call: StorageVerb<T, TTransaction>,
    deadline: Deadline,
  ): Promise<T> {
    const sentAt = this.environment.monotonic()
    try {
      const answer = await deadline.run(verb, (signal) => call(this.storage, signal))
      this.count(verb, sentAt, true)
      this.offset = answer.now - this.environment.monotonic()
      this.health.answered()
      return answer
    } catch (error) {
      this.count(verb, sentAt, false)
      // A storage that refuses is there, and so is one that says who is in the way.
      if (isPermanent(error) || error instanceof StorageHeldUpError) this.health.answered()
      else this.health.failed(error, sentAt)
      throw error
    }
  }

  /**
   * Repeats the call until it is answered.
   *
   * @throws What trying again can't mend, or when the executor is closed.
   */
  async untilAnswered<T extends StorageAnswer>(
    verb: string,
    call: StorageVerb<T, TTransaction>,
    options: RepeatOptions = {},
  ): Promise<T> {
    const { environment } = this
    const { line, onFailure, repeatsWhenHeldUp = true, signal } = options
    const backoff = this.createBackoff()
    for (;;) {
      let sentAt = environment.monotonic()
      try {
        if (!line) return await this.once(verb, call)
        return await line.pass(() => {
          sentAt = environment.monotonic()
          return this.once(verb, call)
        })
      } catch (error) {
        if (isPermanent(error)) throw error
        const isHeldUp = error instanceof StorageHeldUpError
        if (isHeldUp && !repeatsWhenHeldUp) throw error
        if (!isHeldUp) onFailure?.(sentAt)
        await delay(environment, backoff.next(), this.closing.signal)
        if (this.closing.signal.aborted) throw shutDownDuring(verb, error)
        signal?.throwIfAborted()
      }
    }
  }

  /** Repeats the call a few times only: for reads after the executor was closed, which must not keep the process alive. */
  async fewTimes<T extends StorageAnswer>(
    verb: string,
    call: StorageVerb<T, TTransaction>,
  ): Promise<T> {
    const backoff = this.createBackoff()
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.once(verb, call)
      } catch (error) {
        if (isPermanent(error) || tries === FEW_TRIES) throw error
        await delay(this.environment, backoff.next())
      }
    }
  }

  private createBackoff(): Backoff {
    const { environment, longestPauseMs: maxMs } = this
    return new Backoff({ baseMs: 20, maxMs, random: () => environment.random() })
  }

  /** Calls under way are not repeated any more. */
  close(): void {
    this.closing.abort()
  }

  stats(): Record<string, VerbStats> {
    const entries = [...this.verbs].map(([verb, { count, failed, sum, max }]) => {
      const stats: VerbStats = { count, failedCount: failed, meanMs: sum / count, maxMs: max }
      return [verb, stats] as const
    })
    return Object.fromEntries(entries)
  }

  private count(verb: string, sentAt: number, isAnswered: boolean): void {
    const tookMs = this.environment.monotonic() - sentAt
    const stats = this.verbs.get(verb) ?? { count: 0, failed: 0, sum: 0, max: 0 }
    stats.count += 1
    if (!isAnswered) stats.failed += 1
    stats.sum += tookMs
    stats.max = Math.max(stats.max, tookMs)
    this.verbs.set(verb, stats)
  }
}

function shutDownDuring(verb: string, cause: unknown): DurableExecutionError {
  return DurableExecutionError.nonRetryable(
    `Executor was shut down while storage did not answer ${verb}: whether it was stored is not known`,
    { code: 'shut_down', cause },
  )
}
