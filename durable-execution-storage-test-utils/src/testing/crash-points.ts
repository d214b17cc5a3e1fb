/**
 * Kills the process of a task at one point after another, and lets another process go on: what a test does with it shows whether the
 * task may be run again wherever it was left.
 */
import type {
  DurableExecutor,
  EnqueueOptions,
  Environment,
  FinishedTaskExecution,
  InferTaskInput,
  InputArguments,
  Task,
  Timer,
} from 'durable-execution'

import { disturbStorage } from '../disturbed'
import { createTestParts, TestExecutor, type TestExecutorOptions } from './test-executor'
import type { TestTime } from './test-time'

/**
 * Where the process is killed: after so many calls of what was made {@link CrashingProcess.crashable} (0: when the first is about
 * to be made), or when the function has ended and its end is not stored yet.
 */
export type CrashPoint = number | 'beforeEndIsStored'

/** The process a task is defined in. */
export interface CrashingProcess {
  /**
   * The same object, whose methods are crash points: once the process was killed they neither do anything nor return. What a task
   * does to the world outside has to go through one of these, for code that runs on cannot be stopped otherwise.
   */
  crashable<T extends object>(target: T): T
  /** Resolves after this much virtual time, in milliseconds. Never, once the process was killed. */
  sleep(ms: number): Promise<void>
}

/** What became of the task. */
export interface CrashRun<TOutput> {
  readonly execution: FinishedTaskExecution<TOutput>
  /** Whether the process was killed: `false` where the task made fewer calls. */
  readonly hasCrashed: boolean
}

/** One crash point, and how to run a task with it. */
export interface Crash {
  readonly point: CrashPoint
  /**
   * Runs a task until it has finished: in a process that is killed at the point, then in another.
   *
   * @param define - Defines the task in a process. Called once for each.
   */
  run<TInput, TOutput>(
    define: (executor: DurableExecutor, process: CrashingProcess) => Task<TInput, TOutput>,
    input: NoInfer<TInput>,
    options?: TestExecutorOptions,
  ): Promise<CrashRun<TOutput>>
}

/** A task that makes more calls than this is no unit of work. */
const MOST_POINTS = 1000

/** Known before: a process may die before it is told of what it enqueued. */
const EXECUTION_ID = 'te_crash'

type EnqueueArguments<TInput, TOutput> = InputArguments<
  InferTaskInput<Task<TInput, TOutput>>,
  EnqueueOptions<never>
>

/** The point of a process that lives on. */
const NO_POINT = Infinity

/**
 * Calls `use` with one crash point after another: before the first call of what was made crashable, after the first, after the
 * second, …, and before the end of the function is stored.
 *
 * @param use - Runs the task with the crash it is given, and checks what came of it. It begins anew each time.
 * @returns How many points there were.
 * @throws What `use` throws, and an `Error` if it never runs a task.
 * @example
 * ```ts
 * await forEachCrashPoint(async (crash) => {
 *   const mails = new Set<string>()
 *   const mailer = { send: async (id: string) => void mails.add(id) }
 *   const { execution } = await crash.run(
 *     (executor, process) => defineWelcome(executor, process.crashable(mailer)),
 *     'ann',
 *   )
 *   expect(execution.status).toBe('completed')
 *   expect(mails.size).toBe(1)
 * })
 * ```
 */
export async function forEachCrashPoint(use: (crash: Crash) => Promise<void>): Promise<number> {
  let count = 0
  for (let point = 0; point <= MOST_POINTS; point += 1) {
    if (!(await usePoint(point, use))) break
    count += 1
    if (point === MOST_POINTS) throw new Error(`The task makes more than ${MOST_POINTS} calls`)
  }
  await usePoint('beforeEndIsStored', use)
  return count + 1
}

/** Answers whether the point was reached. */
async function usePoint(point: CrashPoint, use: (crash: Crash) => Promise<void>): Promise<boolean> {
  let hasRun = false
  let hasCrashed = false
  await use({
    point,
    async run(define, input, options) {
      hasRun = true
      const run = await runWithCrash(point, define, input, options)
      if (run.hasCrashed) hasCrashed = true
      return run
    },
  })
  if (!hasRun) throw new Error('No task was run with the crash: call crash.run')
  return hasCrashed
}

/** Runs a task until it has finished, in a process that is killed at one point, then in another. */
export async function runWithCrash<TInput, TOutput>(
  point: CrashPoint,
  define: (executor: DurableExecutor, process: CrashingProcess) => Task<TInput, TOutput>,
  input: NoInfer<TInput>,
  options: TestExecutorOptions = {},
): Promise<CrashRun<TOutput>> {
  const parts = createTestParts(options.seed)
  const start = async (at: CrashPoint): Promise<Life<TInput, TOutput>> => {
    const process = new MortalProcess(parts.time, at)
    const storage = disturbStorage(parts.rows, (verb, call) => process.reach(verb, call))
    const executor = new TestExecutor({ ...parts, storage, environment: process }, options)
    const life = { process, executor, task: define(executor, process) }
    await executor.start()
    return life
  }
  const first = await start(point)
  const enqueued = first.executor.enqueueTask(
    first.task,
    ...([input, { executionId: EXECUTION_ID }] as EnqueueArguments<TInput, TOutput>),
  )
  const finishedInFirst = enqueued.then((handle) => handle.waitAndGetFinishedExecution())
  await first.executor.until(Promise.race([finishedInFirst, first.process.death]))
  const last = first.process.isDead ? await start(NO_POINT) : first
  try {
    const handleOfLast = await last.executor.getTaskExecutionHandle(last.task, EXECUTION_ID)
    const execution = await last.executor.until(handleOfLast.waitAndGetFinishedExecution())
    return {
      execution,
      hasCrashed: first.process.isDead,
    }
  } finally {
    await last.executor.until(last.executor.shutdown({ graceMs: 0 }))
  }
}

interface Life<TInput, TOutput> {
  readonly process: MortalProcess
  readonly executor: TestExecutor
  readonly task: Task<TInput, TOutput>
}

/** Nothing comes back to a dead process. */
function never<T>(): Promise<T> {
  return new Promise<T>(() => {
    // Never settles.
  })
}

/** A process that dies at a point: from then on no timer fires in it, and nothing it sends arrives. */
class MortalProcess implements Environment, CrashingProcess {
  /** Resolves when it dies. */
  readonly death: Promise<void>
  private hasDied = false
  private readonly die: () => void
  private readonly time: TestTime
  private readonly point: CrashPoint
  private calls = 0

  constructor(time: TestTime, point: CrashPoint) {
    this.time = time
    this.point = point
    let resolveDeath: () => void = () => undefined
    this.death = new Promise((resolve) => {
      resolveDeath = resolve
    })
    this.die = () => {
      this.hasDied = true
      resolveDeath()
    }
  }

  get isDead(): boolean {
    return this.hasDied
  }

  now(): number {
    return this.time.now()
  }

  monotonic(): number {
    return this.time.monotonic()
  }

  random(): number {
    return this.time.random()
  }

  setTimer(ms: number, callback: () => void): Timer {
    return this.time.setTimer(ms, () => {
      if (!this.isDead) callback()
    })
  }

  afterMicrotasks(callback: () => void): void {
    this.time.afterMicrotasks(() => {
      if (!this.isDead) callback()
    })
  }

  afterTurn(callback: () => void): void {
    this.time.afterTurn(() => {
      if (!this.isDead) callback()
    })
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.setTimer(ms, resolve)
    })
  }

  crashable<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => this.through(() => Reflect.apply(value, of, args) as unknown)
      },
    })
  }

  /** A call of the storage: none of a dead process gets there, and no answer gets back. */
  async reach<T>(verb: string, call: () => Promise<T>): Promise<T> {
    if (verb === 'settle' && this.point === 'beforeEndIsStored') this.die()
    if (this.isDead) return never()
    const answer = await call()
    return this.isDead ? never() : answer
  }

  private async through(call: () => unknown): Promise<unknown> {
    this.dieAt(this.calls)
    if (this.isDead) return never()
    const value = await call()
    this.calls += 1
    this.dieAt(this.calls)
    return this.isDead ? never() : value
  }

  private dieAt(calls: number): void {
    if (this.point === calls) this.die()
  }
}
