/** The executor: wiring only. What happens to an execution is in `runtime/`, one file per stage. */
import { DurableExecutionError } from './errors'
import type { TaskExecution } from './execution/execution'
import { TaskExecutionHandle, type HandleSource } from './handle'
import { systemEnvironment, type Environment } from './lib/environment'
import { createIdGenerator, createIncarnation } from './lib/id'
import { propertyOf } from './lib/validation'
import { checkEnvironment, resolveOptions, type DurableExecutorOptions } from './options'
import { cancelExecution } from './runtime/cancel'
import { TaskEnqueuer, type EnqueueRequest } from './runtime/enqueue-tasks'
import { Events } from './runtime/events'
import { Gate } from './runtime/gate'
import { HeldClaims } from './runtime/held-claims'
import { KnownFamilies } from './runtime/known-families'
import { Push } from './runtime/push'
import { readExecution, readExecutionOf } from './runtime/read'
import type { Runtime } from './runtime/runtime'
import { createShutdownController, readGraceMs, shutDown } from './runtime/shutdown'
import { Slots } from './runtime/slots'
import { Stages } from './runtime/stages'
import { OutcomeCounts, readStats, type ExecutorStats } from './runtime/stats'
import { StorageCalls } from './runtime/storage-calls'
import { StorageHealth } from './runtime/storage-health'
import { notFound } from './runtime/wait'
import { wakeExecution, type WakeupOptions } from './runtime/wake'
import { Codec } from './serializer'
import { checkStorage } from './storage/check-storage'
import type { TaskExecutionsStorage } from './storage/storage'
import { TaskBuilder } from './task/builder'
import type { ChildTask, ExecutionOptions, InputArguments } from './task/children'
import type { TaskDefinition } from './task/definition'
import { TaskRegistry } from './task/registry'
import type { AnyTask, InferTaskInput, InferTaskOutput, Task } from './task/task'

/** Options of one enqueue. */
export interface EnqueueOptions<TTransaction = never> extends ExecutionOptions {
  /**
   * An id of your own, 1 to 255 characters, for an idempotent enqueue: repeating it returns the handle of the first, for as long as
   * retention keeps the execution.
   */
  executionId?: string | undefined
  /** A transaction of the storage's dialect: the enqueue commits or rolls back with it, and the execution starts after the commit. */
  transaction?: TTransaction | undefined
}

/** The handles of executions that were enqueued together, in their order. */
export type TaskExecutionHandles<TChildren extends readonly ChildTask[]> = {
  -readonly [TIndex in keyof TChildren]: TaskExecutionHandle<
    InferTaskOutput<TChildren[TIndex]['task']>
  >
}

/** Options of `shutdown`. */
export interface ShutdownOptions {
  /** How long running functions may go on, in milliseconds. @default 30000 */
  graceMs?: number | undefined
}

/** How long a missing row means "not committed yet" to the handle of an enqueue in a transaction, in milliseconds. */
const COMMIT_GRACE_MS = 30_000

/**
 * Runs durable tasks on a storage. Without `start()` it only enqueues, waits, wakes and cancels.
 *
 * @example
 * ```ts
 * const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage())
 * const greet = executor.task({ id: 'greet', timeoutMs: 1000, run: (ctx, name: string) => `Hello ${name}` })
 * await executor.start()
 * const handle = await executor.enqueueTask(greet, 'world')
 * await handle.waitAndGetOutput() // 'Hello world'
 * await executor.shutdown()
 * ```
 */
export class DurableExecutor<TTransaction = never> extends TaskBuilder {
  private readonly runtime: Runtime<TTransaction>
  private readonly stages: Stages<TTransaction>
  private readonly enqueuing: TaskEnqueuer<TTransaction>
  private readonly counts: OutcomeCounts
  private readonly handles: HandleSource
  private readonly shutdownController = createShutdownController()
  private starting: Promise<void> | null = null
  private stopping: Promise<void> | null = null

  /**
   * @param environment - Clock, timers and randomness: for tests and simulations.
   * @throws A non-retryable `DurableExecutionError` that begins `Invalid options`, or `Invalid storage`.
   */
  constructor(
    storage: TaskExecutionsStorage<TTransaction>,
    options: DurableExecutorOptions = {},
    environment: Environment = systemEnvironment,
  ) {
    super()
    checkStorage(storage)
    checkEnvironment(environment)
    const createId = createIdGenerator(environment)
    const resolved = resolveOptions(options, createId)
    const events = new Events(resolved.logger, resolved.logLevel, resolved.onEvent)
    const health = new StorageHealth(environment, events, resolved.leaseMs)
    this.counts = new OutcomeCounts(events)
    this.runtime = {
      options: resolved,
      environment,
      createId,
      registry: new TaskRegistry(),
      codec: new Codec(resolved.serializer),
      storage: new StorageCalls(storage, environment, health, resolved.leaseMs),
      health,
      events,
      slots: new Slots(
        resolved.maxConcurrentTaskExecutions,
        () => environment.monotonic(),
        () => {
          this.stages.slotFreed()
        },
      ),
      held: new HeldClaims(),
      families: new KnownFamilies(),
      gate: new Gate(),
      push: new Push(storage, environment, events),
      claimant: {
        executorId: `${resolved.executorId}:${createIncarnation(environment)}`,
        leaseMs: resolved.leaseMs,
      },
      shutdownSignal: this.shutdownController.signal,
      lifecycle: 'client',
    }
    this.stages = new Stages(this.runtime)
    this.enqueuing = new TaskEnqueuer(this.runtime, this.stages.enqueuer)
    this.handles = {
      codec: this.runtime.codec,
      read: (...args) => readExecution(this.runtime, ...args),
      wait: (...args) => this.stages.waiters.wait(...args),
      cancel: (executionId) => this.cancel(executionId),
    }
  }

  /** The id of this executor: the configured one, or a generated one. */
  get id(): string {
    return this.runtime.options.executorId
  }

  /**
   * Begins to take work. Idempotent. Resolves when the storage was reached: while it is away it goes on trying.
   *
   * @throws What the storage refuses for good (a missing table), and a non-retryable error after a shutdown.
   */
  start(): Promise<void> {
    // It can't be started again, however it went before.
    if (this.stopping !== null) this.starting = null
    this.starting ??= this.startOnce().catch((error: unknown) => {
      this.starting = null
      throw error
    })
    return this.starting
  }

  /**
   * Ends the executor. Idempotent. Takes no more work, signals `ctx.shutdownSignal`, waits for running functions, then aborts what
   * is left and hands it to other executors with no attempt burned. Afterwards nothing of it keeps the process alive.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    const graceMs = readGraceMs(options)
    this.stopping ??= shutDown(this.runtime, this.stages, this.shutdownController, graceMs)
    return this.stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  /**
   * Enqueues an execution. Resolves when it is stored. The input may be left out exactly when `undefined` fits.
   *
   * @throws A non-retryable `DurableExecutionError` for a wrong input or option, an id of another task's execution, and after a
   * shutdown. With a transaction of a synchronous driver it throws at once, so that the transaction rolls back.
   */
  enqueueTask<TTask extends AnyTask>(
    task: TTask,
    ...[input, options]: InputArguments<InferTaskInput<TTask>, EnqueueOptions<TTransaction>>
  ): Promise<TaskExecutionHandle<InferTaskOutput<TTask>>> {
    const request = { task, input, options }
    const transaction = propertyOf(options, 'transaction') as TTransaction | undefined
    if (transaction === undefined) return this.enqueueNow(request)
    this.checkOpen('enqueueTask')
    const visibleBy = this.runtime.environment.monotonic() + COMMIT_GRACE_MS
    return this.enqueuing
      .enqueueInTransaction(request, transaction)
      .then((row) => new TaskExecutionHandle(this.handles, row, visibleBy))
  }

  /** Enqueues executions in one batch: all or none. Answers their handles in order. */
  async enqueueTasks<const TChildren extends readonly ChildTask[]>(
    children: TChildren,
  ): Promise<TaskExecutionHandles<TChildren>> {
    this.checkOpen('enqueueTasks')
    const rows = await this.enqueuing.enqueueAll(children)
    const handles = rows.map((row) => new TaskExecutionHandle(this.handles, row))
    return handles as TaskExecutionHandles<TChildren>
  }

  /**
   * The handle of a stored execution.
   *
   * @throws `DurableExecutionNotFoundError` for an unknown task, a missing execution, or one of another task.
   */
  async getTaskExecutionHandle<TTask extends AnyTask>(
    task: TTask,
    executionId: string,
  ): Promise<TaskExecutionHandle<InferTaskOutput<TTask>>> {
    const { id } = this.runtime.registry.definitionOf(task)
    const row = await readExecutionOf(this.runtime, id, executionId)
    return new TaskExecutionHandle(this.handles, row, -Infinity, row)
  }

  /** Whether it is one of the sleeping tasks. @throws `DurableExecutionNotFoundError` for an unknown task. */
  isSleepingTask(task: AnyTask): boolean {
    return this.runtime.registry.definitionOf(task).kind === 'sleeping'
  }

  /**
   * Wakes a sleeping execution by the unique id it was enqueued with; one that has finished is returned unchanged.
   *
   * @throws `DurableExecutionNotFoundError` if there is none.
   */
  async wakeupSleepingTaskExecution<TOutput>(
    task: Task<string, TOutput>,
    uniqueId: string,
    options: WakeupOptions<TOutput>,
  ): Promise<TaskExecution<TOutput>> {
    const { id: taskId, kind } = this.runtime.registry.definitionOf(task)
    if (kind !== 'sleeping') {
      throw DurableExecutionError.nonRetryable(
        `Task ${taskId} is not a sleeping task: only those are woken`,
        { code: 'invalid_task' },
      )
    }
    const record = await wakeExecution(this.runtime, this.stages, { taskId, uniqueId }, options)
    return new TaskExecutionHandle<TOutput>(this.handles, record).show(record)
  }

  /** How many executions this executor holds: running, or being resumed. */
  getRunningTaskExecutionsCount(): number {
    return this.runtime.held.runningExecutionIds().length
  }

  /** Their ids. */
  getRunningTaskExecutionIds(): ReadonlySet<string> {
    return new Set(this.runtime.held.runningExecutionIds())
  }

  /** Figures of this executor since it was made. */
  getStats(): ExecutorStats {
    return readStats(this.runtime, this.stages, this.counts)
  }

  protected register(definitions: readonly TaskDefinition[]): void {
    this.checkOpen('task')
    this.runtime.registry.checkSteps(definitions)
    this.runtime.registry.add(definitions)
  }

  private async enqueueNow<TOutput>(
    request: EnqueueRequest,
  ): Promise<TaskExecutionHandle<TOutput>> {
    this.checkOpen('enqueueTask')
    return new TaskExecutionHandle(this.handles, await this.enqueuing.enqueue(request))
  }

  private async startOnce(): Promise<void> {
    this.checkOpen('start')
    const { storage, options, claimant, events } = this.runtime
    await storage.untilAnswered('nextClaimAt', (verbs, signal) =>
      verbs.nextClaimAt({ queues: options.queues, signal }),
    )
    this.checkOpen('start')
    this.runtime.lifecycle = 'started'
    this.runtime.health.started()
    this.stages.startLoops()
    this.runtime.push.begin()
    events.emit({ type: 'executor_started', executorId: claimant.executorId })
  }

  private checkOpen(method: string): void {
    if (this.stopping === null) return
    throw DurableExecutionError.nonRetryable(
      `Executor ${this.id} was shut down: ${method} needs a new executor`,
      { code: 'shut_down' },
    )
  }

  private async cancel(executionId: string): Promise<void> {
    const outcome = await cancelExecution(this.runtime, executionId)
    this.stages.cancelledHere(executionId)
    if (outcome === 'missing') throw notFound(executionId)
  }
}
