/** An executor for tests of tasks: on a storage in memory, on time that moves only when the test says so. */
import {
  delay,
  DurableExecutor,
  InMemoryTaskExecutionsStorage,
  isFinished,
  type DurableExecutorOptions,
  type Environment,
  type ExecutionRecord,
  type TaskDefinition,
  type TaskExecutionsStorage,
} from 'durable-execution'

import { fakedDefinition, type FakeTasks } from './fakes'
import { TestTime } from './test-time'

/** Options of {@link createTestExecutor}. */
export interface TestExecutorOptions extends DurableExecutorOptions {
  /** Determines ids, jitter and every other randomness. @default 1 */
  seed?: number | undefined
  /** Functions that stand for tasks, by their ids. @default none */
  fakes?: FakeTasks | undefined
}

/** How long is waited for work. */
export interface TestWaitOptions {
  /** The most virtual time that may pass, in milliseconds. @default a day */
  withinMs?: number | undefined
}

/** A day, in milliseconds. */
const PATIENCE_MS = 24 * 60 * 60 * 1000
/** Fewer looks make long virtual times short real ones; what is due is found on time all the same. */
const POLL_INTERVAL_MS = 60_000

/** What a test executor is made of. */
export interface TestExecutorParts {
  readonly time: TestTime
  readonly rows: InMemoryTaskExecutionsStorage
  /** How the executor reaches its rows. */
  readonly storage: TaskExecutionsStorage
  readonly environment: Environment
}

/** New parts: a clock, and rows on it. */
export function createTestParts(seed = 1): TestExecutorParts {
  const time = new TestTime(seed)
  const rows = new InMemoryTaskExecutionsStorage({ now: () => time.now() })
  return { time, rows, storage: rows, environment: time }
}

/**
 * An executor on virtual time. Everything that needs no time happens by itself; delays, retries, time-outs and leases wait for
 * `advanceBy`, `runUntilIdle` or `until`. Make it by {@link createTestExecutor}.
 */
export class TestExecutor extends DurableExecutor {
  private readonly parts: TestExecutorParts
  private readonly fakes: FakeTasks

  /** Use {@link createTestExecutor}. */
  constructor(parts: TestExecutorParts, { seed: _, fakes = {}, ...options }: TestExecutorOptions) {
    const defaults = { logLevel: 'silent', pollIntervalMs: POLL_INTERVAL_MS } as const
    super(parts.storage, { ...defaults, ...options }, parts.environment)
    this.parts = parts
    this.fakes = fakes
  }

  /** The time of the test, in milliseconds since the epoch. */
  now(): number {
    return this.parts.time.now()
  }

  /** Resolves after this much virtual time, or when the signal is aborted: what tasks under test wait by. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return delay(this.parts.environment, ms, signal)
  }

  /** Lets this much virtual time pass, in milliseconds. */
  advanceBy(ms: number): Promise<void> {
    return this.parts.time.advanceBy(ms)
  }

  /**
   * Lets virtual time pass until nothing is left to do: every execution has finished or is asleep.
   *
   * @throws An `Error` that names what is still active when the most time has passed.
   */
  async runUntilIdle({ withinMs = PATIENCE_MS }: TestWaitOptions = {}): Promise<void> {
    const isIdle = await this.parts.time.advanceUntil(() => this.active().length === 0, withinMs)
    if (isIdle) return
    const left = this.active().map(
      ({ taskId, executionId, status }) => `${executionId} of ${taskId} is ${status}`,
    )
    throw new Error(
      `After ${withinMs} ms of virtual time work is still active: ${left.slice(0, 10).join(', ')}. Let time pass by advanceBy instead, give withinMs, or find out what it waits for`,
    )
  }

  /**
   * Lets virtual time pass until a promise settles, and passes on how.
   *
   * @throws An `Error` if it does not settle when the most time has passed.
   */
  async until<T>(
    promise: Promise<T>,
    { withinMs = PATIENCE_MS }: TestWaitOptions = {},
  ): Promise<T> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    promise.then(settle, settle)
    if (await this.parts.time.advanceUntil(() => isSettled, withinMs)) return promise
    throw new Error(
      `A promise did not settle within ${withinMs} ms of virtual time: does what it waits for use timers of its own instead of sleep()?`,
    )
  }

  /** Every execution as it is stored. */
  records(): readonly ExecutionRecord[] {
    return this.parts.rows.dump()
  }

  protected override register(definitions: readonly TaskDefinition[]): void {
    super.register(
      definitions.map((definition) => {
        const fake = this.fakes[definition.id]
        return fake ? fakedDefinition(definition, fake) : definition
      }),
    )
  }

  private active(): readonly ExecutionRecord[] {
    if (this.getRunningTaskExecutionsCount() > 0) return this.records().filter(isActive)
    return this.records().filter((record) => isActive(record) && !isAsleep(record))
  }
}

function isActive({ status }: ExecutionRecord): boolean {
  return !isFinished(status)
}

/** Waits for a wake; or for a child that does. */
function isAsleep({ status, executorId, claimAt, sleepingKey }: ExecutionRecord): boolean {
  if (status === 'running') return executorId === null && sleepingKey !== null
  return status !== 'ready' && claimAt === null
}

/**
 * Makes an executor for tests of tasks. It has to be started; define tasks on it as on any other.
 *
 * @example
 * ```ts
 * const executor = createTestExecutor()
 * const remind = defineRemind(executor)
 * await executor.start()
 * const handle = await executor.enqueueTask(remind, 'ann', { sleepMsBeforeRun: 86_400_000 })
 * await executor.advanceBy(86_400_000)
 * ```
 */
export function createTestExecutor(options: TestExecutorOptions = {}): TestExecutor {
  return new TestExecutor(createTestParts(options.seed), options)
}
