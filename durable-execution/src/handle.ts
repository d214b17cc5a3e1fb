/** What users hold of one execution. */
import { errorOf, toTaskExecution } from './execution/execution'
import type { FinishedTaskExecution, TaskExecution } from './execution/execution'
import type { ExecutionRecord } from './execution/record'
import { isFinished } from './execution/status'
import type { WaitedFor, WaitOptions } from './runtime/wait'
import type { Codec } from './serializer'

/** What a handle asks its executor for. */
export interface HandleSource {
  readonly codec: Codec
  read(executionId: string, mayBeMissingUntil: number): Promise<ExecutionRecord>
  wait(of: WaitedFor, options: WaitOptions): Promise<ExecutionRecord>
  cancel(executionId: string): Promise<void>
}

/** One execution: read it, wait for it, cancel it. */
export class TaskExecutionHandle<TOutput = unknown> {
  private readonly source: HandleSource
  private readonly taskId: string
  private readonly executionId: string
  private readonly mayBeMissingUntil: number
  /** The row, if it had finished when it was read for this handle: it will never be another. */
  private readonly finished: ExecutionRecord | null

  /** @internal Handles come from `enqueueTask` and `getTaskExecutionHandle`. */
  constructor(
    source: HandleSource,
    of: { taskId: string; executionId: string },
    mayBeMissingUntil = -Infinity,
    read: ExecutionRecord | null = null,
  ) {
    this.source = source
    this.taskId = of.taskId
    this.executionId = of.executionId
    this.mayBeMissingUntil = mayBeMissingUntil
    this.finished = read !== null && isFinished(read.status) ? read : null
  }

  getTaskId(): string {
    return this.taskId
  }

  getExecutionId(): string {
    return this.executionId
  }

  /**
   * The execution as it is now.
   *
   * @throws `DurableExecutionNotFoundError` if it is not in the storage (any more).
   */
  async getExecution(): Promise<TaskExecution<TOutput>> {
    return this.show(await this.source.read(this.executionId, this.mayBeMissingUntil))
  }

  /**
   * Resolves when the execution has finished, however it ended.
   *
   * @throws The signal's reason when it is aborted; `DurableExecutionNotFoundError`; a non-retryable error of code `shut_down`.
   */
  async waitAndGetFinishedExecution(
    options: WaitOptions = {},
  ): Promise<FinishedTaskExecution<TOutput>> {
    return this.show(await this.wait(options)) as FinishedTaskExecution<TOutput>
  }

  /** Resolves with the output when the execution has completed. @throws Its error if it ended otherwise. */
  async waitAndGetOutput(options: Pick<WaitOptions, 'signal'> = {}): Promise<TOutput> {
    // Of the whole execution only this is made into values: a call whose caller waits takes as long as all that is made of it.
    const record = await this.wait(options)
    if (record.status === 'completed') return this.decode(record, record.output) as TOutput
    throw errorOf(record)
  }

  /** Cancels the execution with all its active descendants. Has no effect on one that has finished. */
  async cancel(): Promise<void> {
    await this.source.cancel(this.executionId)
  }

  /** @internal The one place where a stored output gets its type back. */
  show(record: ExecutionRecord): TaskExecution<TOutput> {
    return toTaskExecution(record, (text) => this.decode(record, text)) as TaskExecution<TOutput>
  }

  private wait(options: WaitOptions): Promise<ExecutionRecord> {
    const { executionId, mayBeMissingUntil, finished } = this
    return this.source.wait({ executionId, mayBeMissingUntil, finished }, options)
  }

  private decode({ executionId }: ExecutionRecord, text: string | null): unknown {
    return this.source.codec.decode(text, `Input or output of execution ${executionId}`)
  }
}
