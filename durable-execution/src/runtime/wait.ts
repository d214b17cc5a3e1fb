/**
 * Waits for executions to finish. What this process finishes resolves at once; for the rest one batched read serves all waiters,
 * when a hint comes; without hints soon at first and then less often.
 */
import { asError, DurableExecutionError, DurableExecutionNotFoundError } from '../errors'
import type { ExecutionRecord } from '../execution/record'
import { isFinished } from '../execution/status'
import { missingFunctions, propertyOf, readOptions, show } from '../lib/validation'
import type { Job } from './loop'
import type { Runtime } from './runtime'

const SHORTEST_INTERVAL_MS = 10
/** The first and the longest time between two looks where hints come, in milliseconds: a hint may be lost. */
const PUSHED_SHORTEST_INTERVAL_MS = 100
const PUSHED_INTERVAL_MS = 1000
/** Hints that name no execution make all waiters look, but not more often than this, in milliseconds. */
const LOOK_PAUSE_MS = 50

/** Options of a wait. */
export interface WaitOptions {
  /** Gives the wait up, with the signal's reason. The execution goes on. */
  signal?: AbortSignal | undefined
  /** The longest time between two looks, in milliseconds. @default the executor's `pollIntervalMs`; 1000 where hints come */
  pollingIntervalMs?: number | undefined
}

/** What is waited for. */
export interface WaitedFor {
  readonly executionId: string
  /** Until when a missing row means "not committed yet", on the monotonic clock. */
  readonly mayBeMissingUntil: number
  /** The finished row, where it is known already. */
  readonly finished: ExecutionRecord | null
}

interface Waiter {
  readonly executionId: string
  readonly resolve: (record: ExecutionRecord) => void
  readonly reject: (error: unknown) => void
  /** The longest time between two looks that was asked for. */
  readonly longestIntervalMs: number | undefined
  /** How often it was looked at in vain. */
  looks: number
  nextLookAt: number
  /** Until when a missing row means "not committed yet", on the monotonic clock. */
  readonly mayBeMissingUntil: number
}

/** All waits of an executor. */
export class Waiters<TTransaction> implements Job {
  readonly name = 'wait'
  private readonly runtime: Runtime<TTransaction>
  private readonly byId = new Map<string, Set<Waiter>>()
  private wake: () => void = () => undefined
  private lookedAt = -Infinity
  private lookTookMs = 0

  constructor(runtime: Runtime<TTransaction>) {
    this.runtime = runtime
  }

  /** How to wake the loop that runs this job. */
  wakeBy(wake: () => void): void {
    this.wake = wake
  }

  /** Resolves with the finished row. Rejects if there is no such row, when the signal is aborted, and on shutdown. */
  async wait(of: WaitedFor, options: WaitOptions): Promise<ExecutionRecord> {
    const { executionId, mayBeMissingUntil, finished } = of
    const { signal, pollingIntervalMs } = readWaitOptions(options)
    const { environment, lifecycle } = this.runtime
    if (lifecycle === 'stopped') return finished ?? this.waitStopped(executionId)
    if (signal?.aborted === true) throw asError(signal.reason)
    if (finished !== null) return finished
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.remove(waiter)
        if (signal) reject(asError(signal.reason))
      }
      signal?.addEventListener('abort', abort, { once: true })
      const end = (): void => {
        signal?.removeEventListener('abort', abort)
      }
      const waiter: Waiter = {
        executionId,
        resolve: (record) => {
          end()
          resolve(record)
        },
        reject: (error) => {
          end()
          reject(asError(error))
        },
        longestIntervalMs: pollingIntervalMs,
        looks: 0,
        nextLookAt: environment.monotonic(),
        mayBeMissingUntil,
      }
      // What runs here ends here: its end is seen without a look, unless its claim is lost.
      if (this.isHere(waiter)) waiter.nextLookAt += this.intervalMs(waiter)
      this.add(waiter)
      this.wake()
    })
  }

  /** This process saw an execution finish. */
  finished(executionId: string, row: () => ExecutionRecord): void {
    const waiters = this.byId.get(executionId)
    if (!waiters) return
    this.byId.delete(executionId)
    const record = row()
    for (const { resolve } of waiters) resolve(record)
  }

  /** These executions may have finished, or some: they are looked at now, all of them after a pause. */
  look(executionIds: readonly string[] | null): void {
    const pauseMs = Math.max(LOOK_PAUSE_MS, this.lookTookMs * 4)
    const lookAt = executionIds === null ? this.lookedAt + pauseMs : -Infinity
    const waiters = executionIds === null ? this.all() : this.of(executionIds)
    if (waiters.length === 0) return
    for (const waiter of waiters) waiter.nextLookAt = Math.min(waiter.nextLookAt, lookAt)
    this.wake()
  }

  /** Ends all waits. */
  close(): void {
    for (const waiter of this.all()) waiter.reject(shutDown(waiter.executionId))
    this.byId.clear()
  }

  async runOnce(): Promise<number | null> {
    const { environment, storage, push } = this.runtime
    const now = environment.monotonic()
    const looking = this.dueAbout(now)
    const executionIds = [...new Set(looking.map(({ executionId }) => executionId))]
    if (this.all().some((waiter) => !this.isHere(waiter))) push.awaitFinished()
    if (executionIds.length > 0) {
      // A hint that comes meanwhile makes it look again.
      for (const waiter of looking) waiter.nextLookAt = Infinity
      this.lookedAt = now
      try {
        const { records } = await storage.once('get', (verbs, signal) =>
          verbs.get({ executionIds, signal }),
        )
        this.looked(looking, new Map(executionIds.map((id, index) => [id, records[index] ?? null])))
      } catch (error) {
        this.lookLater(looking)
        throw error
      } finally {
        this.lookTookMs = environment.monotonic() - now
      }
    }
    const nextLookAt = Math.min(...this.all().map((waiter) => waiter.nextLookAt))
    return nextLookAt === Infinity ? null : Math.max(0, nextLookAt - environment.monotonic())
  }

  /** Once somebody is due, who is due soon comes along: waits that began at different moments become one look, not one each. */
  private dueAbout(now: number): Waiter[] {
    const waiters = this.all()
    if (waiters.every(({ nextLookAt }) => nextLookAt > now)) return []
    return waiters.filter((waiter) => waiter.nextLookAt - this.intervalMs(waiter) / 2 <= now)
  }

  private looked(
    waiters: readonly Waiter[],
    records: ReadonlyMap<string, ExecutionRecord | null>,
  ): void {
    const now = this.runtime.environment.monotonic()
    const waiting: Waiter[] = []
    for (const waiter of waiters) {
      const record = records.get(waiter.executionId) ?? null
      if (record !== null && isFinished(record.status)) {
        this.remove(waiter)
        waiter.resolve(record)
      } else if (record === null && now >= waiter.mayBeMissingUntil) {
        this.remove(waiter)
        waiter.reject(notFound(waiter.executionId))
      } else {
        waiting.push(waiter)
      }
    }
    this.lookLater(waiting)
  }

  private lookLater(waiters: readonly Waiter[]): void {
    const now = this.runtime.environment.monotonic()
    for (const waiter of waiters) {
      waiter.nextLookAt = Math.min(waiter.nextLookAt, now + this.intervalMs(waiter))
      waiter.looks += 1
    }
  }

  private isHere({ executionId }: Waiter): boolean {
    return this.runtime.held.has(executionId)
  }

  private intervalMs({ looks, longestIntervalMs }: Waiter): number {
    const { push, options } = this.runtime
    const [shortestMs, longestMs] = push.isListening
      ? [PUSHED_SHORTEST_INTERVAL_MS, Math.max(PUSHED_INTERVAL_MS, options.pollIntervalMs)]
      : [SHORTEST_INTERVAL_MS, options.pollIntervalMs]
    return Math.min(shortestMs * 2 ** looks, longestIntervalMs ?? longestMs)
  }

  /** After the shutdown nothing of the executor's keeps looking: one look. */
  private async waitStopped(executionId: string): Promise<ExecutionRecord> {
    const { records } = await this.runtime.storage.fewTimes('get', (verbs, signal) =>
      verbs.get({ executionIds: [executionId], signal }),
    )
    const [record] = records
    if (!record) throw notFound(executionId)
    if (isFinished(record.status)) return record
    throw shutDown(executionId)
  }

  private all(): Waiter[] {
    return [...this.byId.values()].flatMap((waiters) => [...waiters])
  }

  private of(executionIds: readonly string[]): Waiter[] {
    return executionIds.flatMap((executionId) => [...(this.byId.get(executionId) ?? [])])
  }

  private add(waiter: Waiter): void {
    const waiters = this.byId.get(waiter.executionId)
    if (waiters) waiters.add(waiter)
    else this.byId.set(waiter.executionId, new Set([waiter]))
  }

  private remove(waiter: Waiter): void {
    const waiters = this.byId.get(waiter.executionId)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.byId.delete(waiter.executionId)
  }
}

/** Reads the options of a wait, as users without types give them too. */
function readWaitOptions(options: unknown): WaitOptions {
  const read = readOptions(options, ['signal', 'pollingIntervalMs'])
  if (!read.isValid) throw invalid(read.problem)
  const { signal, pollingIntervalMs } = read.value
  if (signal !== undefined && !isSignal(signal)) {
    throw invalid(`signal: expected an AbortSignal, got ${show(signal)}`)
  }
  if (pollingIntervalMs !== undefined && !isInterval(pollingIntervalMs)) {
    throw invalid(
      `pollingIntervalMs: expected a number of at least 1, got ${show(pollingIntervalMs)}`,
    )
  }
  return { signal, pollingIntervalMs }
}

function invalid(problem: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`Invalid options: ${problem}`, {
    code: 'invalid_options',
  })
}

function isInterval(value: unknown): value is number {
  return typeof value === 'number' && value >= 1
}

/** By what it has, not by its class: signals come from polyfills and other realms too. */
function isSignal(value: unknown): value is AbortSignal {
  const missing = missingFunctions(value, ['addEventListener', 'removeEventListener'])
  return missing.length === 0 && typeof propertyOf(value, 'aborted') === 'boolean'
}

/** There is no such row. */
export function notFound(executionId: string): DurableExecutionNotFoundError {
  return new DurableExecutionNotFoundError(
    `Execution ${executionId} not found: it was never stored, or was pruned after its retention`,
  )
}

function shutDown(executionId: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(
    `Executor was shut down while waiting for execution ${executionId}: it goes on elsewhere; wait for it with another executor`,
    { code: 'shut_down' },
  )
}
