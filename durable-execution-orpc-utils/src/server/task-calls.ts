/** The five things that clients can do, each once its call was admitted. What fails becomes an answer for the caller. */
import { ORPCError } from '@orpc/server'
import {
  fromStoredError,
  systemEnvironment,
  type AnyTask,
  type DurableExecutor,
  type EnqueueOptions,
  type Task,
  type TaskExecution,
  type TaskExecutionHandle,
  type WakeupOptions,
} from 'durable-execution'

import { createExecutionId } from '../lib/execution-id'
import {
  LONGEST_NAME,
  type WireEnqueue,
  type WireExecution,
  type WireOutcome,
  type WireTarget,
  type WireTask,
  type WireWaitEvent,
  type WireWakeup,
} from '../wire'
import type { Admission, Admitted } from './admission'
import { toAnswer, type FailedCall } from './answer-errors'
import type { ResolvedRouterOptions, TaskCall, TasksRouterAction } from './options'
import { showExecution } from './show-execution'
import { watchExecution } from './watch'

/** What a router asks its executor for. */
export type TasksExecutor = Pick<
  DurableExecutor,
  'enqueueTask' | 'getTaskExecutionHandle' | 'isSleepingTask' | 'wakeupSleepingTaskExecution'
>

/** What oRPC hands to a handler. */
export interface Received<TContext, TInput> {
  readonly context: TContext
  readonly input: TInput
  /** Aborted when the caller is gone. */
  readonly signal?: AbortSignal | undefined
}

/** The calls of one router. */
export class TaskCalls<TContext> {
  private readonly executor: TasksExecutor
  private readonly admission: Admission<TContext>
  private readonly options: ResolvedRouterOptions<TContext>

  constructor(
    executor: TasksExecutor,
    admission: Admission<TContext>,
    options: ResolvedRouterOptions<TContext>,
  ) {
    this.executor = executor
    this.admission = admission
    this.options = options
  }

  async enqueue(received: Received<TContext, WireEnqueue>): Promise<{ executionId: string }> {
    const { input, options } = received.input
    const given = options?.executionId
    const admitted = await this.admit(received, 'enqueueTask', {
      executionId: given,
      input,
      options,
    })
    const { task, prefix } = admitted
    checkLength(given, prefix)
    const executionId = given ?? createExecutionId(systemEnvironment)
    const isSleeping = this.executor.isSleepingTask(task)
    const uniqueId = isSleeping && typeof input === 'string' ? input : undefined
    const failed = { executionId: given, uniqueId, hasValues: true }
    await this.attempt(admitted, failed, received.signal, () =>
      this.executor.enqueueTask<AnyTask>(
        task,
        // What it may be was for types to say: the executor checks it.
        (isSleeping ? withPrefix(prefix, input) : input) as never,
        { ...options, executionId: prefix + executionId } satisfies EnqueueOptions,
      ),
    )
    return { executionId }
  }

  async get(received: Received<TContext, WireTarget>): Promise<WireExecution> {
    const { admitted, handle } = await this.find(received, 'getTaskExecution')
    return this.attempt(admitted, received.input, received.signal, async () =>
      this.show(admitted, await handle.getExecution()),
    )
  }

  /** Resolves when it is known that the execution is there, so that an answer without it is no stream. */
  async wait(
    received: Received<TContext, WireTarget>,
  ): Promise<AsyncGenerator<WireWaitEvent, void, void>> {
    const { admitted, handle } = await this.find(received, 'waitForTaskExecution')
    return watchExecution({
      handle,
      environment: systemEnvironment,
      heartbeatMs: this.options.heartbeatMs,
      longestStreamMs: this.options.longestStreamMs,
      signal: received.signal,
      show: (execution) => this.show(admitted, execution),
      toAnswer: (thrown) => toAnswer(thrown, failedCall(admitted, received.input)),
    })
  }

  async cancel(received: Received<TContext, WireTarget>): Promise<void> {
    const { admitted, handle } = await this.find(received, 'cancelTaskExecution')
    await this.attempt(admitted, received.input, received.signal, () => handle.cancel())
  }

  async wakeup(received: Received<TContext, WireWakeup>): Promise<WireExecution> {
    const { uniqueId, outcome } = received.input
    const admitted = await this.admit(received, 'wakeupSleepingTaskExecution', {
      input: outcome,
      uniqueId,
      outcome,
    })
    const { task, prefix } = admitted
    const failed = { uniqueId, hasValues: true }
    return this.attempt(admitted, failed, received.signal, async () => {
      const woken = await this.executor.wakeupSleepingTaskExecution(
        // Whether it sleeps is the executor's to check.
        task as Task<string>,
        prefix + uniqueId,
        toWakeup(outcome),
      )
      return this.show(admitted, woken)
    })
  }

  /** The handle of an execution of this caller's and this task's. */
  private async find(
    received: Received<TContext, WireTarget>,
    action: TasksRouterAction,
  ): Promise<{ admitted: Admitted; handle: TaskExecutionHandle }> {
    const { executionId } = received.input
    const admitted = await this.admit(received, action, { executionId })
    const handle = await this.attempt(admitted, { executionId }, received.signal, () =>
      this.executor.getTaskExecutionHandle(admitted.task, admitted.prefix + executionId),
    )
    return { admitted, handle }
  }

  private admit(
    { context, input, signal }: Received<TContext, WireTask>,
    action: TasksRouterAction,
    call: Partial<TaskCall<TContext>>,
  ): Promise<Admitted> {
    signal?.throwIfAborted()
    const { taskName } = input
    return this.admission.admit({
      context,
      action,
      taskName,
      executionId: undefined,
      input: undefined,
      ...call,
    })
  }

  /** @throws What the caller is to get; the reason of the signal as soon as it is aborted, whatever the storage does meanwhile. */
  private async attempt<T>(
    admitted: Admitted,
    failed: Partial<FailedCall>,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    try {
      return await untilAborted(call(), signal)
    } catch (error) {
      throw toAnswer(error, failedCall(admitted, failed))
    }
  }

  private show({ task, prefix }: Admitted, execution: TaskExecution): WireExecution {
    return showExecution(execution, prefix, this.executor.isSleepingTask(task))
  }
}

function failedCall(
  { taskName, task }: Admitted,
  { executionId, uniqueId, hasValues = false }: Partial<FailedCall>,
): FailedCall {
  return { taskName, taskId: task.id, executionId, uniqueId, hasValues }
}

/** Only a text is a unique id: of anything else the executor says what is wrong with it. */
function withPrefix(prefix: string, uniqueId: unknown): unknown {
  return typeof uniqueId === 'string' && uniqueId !== '' ? prefix + uniqueId : uniqueId
}

/** The caller doesn't know of the prefix: its length is told, as a shorter limit. */
function checkLength(executionId: string | undefined, prefix: string): void {
  const most = LONGEST_NAME - prefix.length
  if (executionId === undefined || executionId.length <= most) return
  throw new ORPCError('BAD_REQUEST', {
    message: `Invalid call of enqueueTask: options.executionId: expected at most ${most} characters, got ${executionId.length}`,
    data: { code: 'invalid_task' },
  })
}

function toWakeup(outcome: WireOutcome): WakeupOptions<unknown> {
  if (outcome.status === 'completed') return { status: 'completed', output: outcome.output }
  const { message, errorType = 'generic', code = 'generic' } = outcome.error
  const stored = { errorType, code, message, isRetryable: false, isInternal: false }
  return { status: 'failed', error: fromStoredError(stored) }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort)
    })
  })
}
