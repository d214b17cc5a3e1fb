/** Handles of remote tasks: what `executor` and its handles are to a program beside the tasks, these are to one far away. */
import type {
  AnyTask,
  FinishedTaskExecution,
  InferTaskInput,
  InferTaskOutput,
  InputArguments,
  TaskExecution,
  WakeupOptions,
} from 'durable-execution'
import { DurableExecutionError, toStoredError } from 'durable-execution/errors'

import { systemClientEnvironment, type ClientEnvironment } from '../lib/environment'
import { createExecutionId } from '../lib/execution-id'
import { LONGEST_MESSAGE, type WireOutcome } from '../wire'
import { callUntilAnswered, type Caller } from './calls'
import { resolveClientOptions, type TaskClientOptions } from './options'
import { readExecution, readFinished } from './read-execution'
import type { CallOptions, RemoteEnqueueOptions, TasksRouterClient } from './router-client'
import { waitUntilFinished } from './wait'

/** A remote task. Calls that fail on the way are repeated, a bounded number of times; none of them does a thing twice. */
export interface TaskClientHandle<TInput, TOutput> {
  /**
   * Enqueues an execution and answers its id. The input may be left out exactly when `undefined` fits. The id is made here, if none
   * is given: an enqueue that is repeated enqueues nothing twice.
   *
   * @throws A `DurableExecutionError` of code `invalid_task`, `too_large`, `already_exists`, …; a retryable one when the server could
   * not be reached, after which the execution may be there or not: repeat it with the same `executionId`.
   */
  enqueue(...[input, options]: InputArguments<TInput, RemoteEnqueueOptions>): Promise<string>
  /** The execution as it is now. @throws `DurableExecutionNotFoundError` */
  getExecution(executionId: string, options?: CallOptions): Promise<TaskExecution<TOutput>>
  /**
   * Resolves when the execution has finished, however it ended. Goes on by itself after a dropped connection and a restart of the
   * server.
   *
   * @throws The signal's reason when it is aborted: the execution goes on. `DurableExecutionNotFoundError`. A retryable
   * `DurableExecutionError` when the server could not be reached for `longestOutageMs`.
   */
  waitAndGetFinishedExecution(
    executionId: string,
    options?: CallOptions,
  ): Promise<FinishedTaskExecution<TOutput>>
  /** Resolves with the output when the execution has completed. @throws Its error if it ended otherwise. */
  waitAndGetOutput(executionId: string, options?: CallOptions): Promise<TOutput>
  /** Cancels the execution with all its active descendants. Has no effect on one that has finished. */
  cancel(executionId: string, options?: CallOptions): Promise<void>
}

/** A remote sleeping task. */
export interface SleepingTaskClientHandle<TOutput> extends TaskClientHandle<string, TOutput> {
  /**
   * Wakes a sleeping execution by the unique id it was enqueued with; one that has finished is returned unchanged. Of an error its
   * message, class and code get there.
   *
   * @throws `DurableExecutionNotFoundError` if there is none; a `DurableExecutionError` of code `invalid_task` if the task doesn't sleep.
   */
  wakeup(
    uniqueId: string,
    outcome: WakeupOptions<TOutput>,
    options?: CallOptions,
  ): Promise<TaskExecution<TOutput>>
}

/** The handle of a task. Only what is enqueued with a text can be a sleeping task. */
export type TaskClientHandleFor<TTask extends AnyTask> = [string] extends [InferTaskInput<TTask>]
  ? [InferTaskInput<TTask>] extends [string]
    ? SleepingTaskClientHandle<InferTaskOutput<TTask>>
    : TaskClientHandle<InferTaskInput<TTask>, InferTaskOutput<TTask>>
  : TaskClientHandle<InferTaskInput<TTask>, InferTaskOutput<TTask>>

/** Handles by the names of tasks. */
export type TaskClientHandles<TTasks extends Readonly<Record<string, AnyTask>>> = {
  readonly [TName in keyof TTasks]: TaskClientHandleFor<TTasks[TName]>
}

/**
 * Handles of remote tasks, typed by the tasks of the server: `typeof tasks`, imported as a type, is all that is needed of it.
 *
 * @param client - A client of `createTasksRouter`'s router: `createORPCClient(link)`, or the part of it where the router is.
 * @param tasks - Names to have handles for: only the keys are read. Without it every name has a handle, and what isn't there is the
 * server's to say.
 * @param environment - Clock, timers and randomness: for tests.
 * @throws A non-retryable `DurableExecutionError` for wrong options.
 *
 * @example
 * ```ts
 * import type { tasks } from './server'
 *
 * const client: RouterClient<typeof router> = createORPCClient(new RPCLink({ url: 'https://tasks.example.org/rpc' }))
 * const { resize } = createTaskClientHandles<typeof tasks>(client)
 * const id = await resize.enqueue({ image: 'cat.jpg', width: 320 })
 * const { file } = await resize.waitAndGetOutput(id)
 * ```
 */
export function createTaskClientHandles<TTasks extends Readonly<Record<string, AnyTask>>>(
  client: TasksRouterClient,
  tasks?: TTasks | Readonly<Record<keyof TTasks, unknown>>,
  options: TaskClientOptions = {},
  environment: ClientEnvironment = systemClientEnvironment,
): TaskClientHandles<TTasks> {
  const caller = { environment, options: resolveClientOptions(options) }
  const create = (taskName: string): AnyHandle => createHandle(client, caller, taskName)
  if (tasks !== undefined) return handlesOf(tasks, create) as TaskClientHandles<TTasks>
  return handlesOfAnyName(create) as TaskClientHandles<TTasks>
}

type AnyHandle = SleepingTaskClientHandle<unknown>

function handlesOf(
  tasks: Readonly<Record<string, unknown>>,
  create: (taskName: string) => AnyHandle,
): unknown {
  return Object.freeze(Object.fromEntries(Object.keys(tasks).map((name) => [name, create(name)])))
}

/** Makes handles when they are asked for, each once. */
function handlesOfAnyName(create: (taskName: string) => AnyHandle): unknown {
  const made = new Map<string, AnyHandle>()
  return new Proxy(Object.freeze(Object.create(null)) as object, {
    get: (_, name) => {
      // `then`: who awaits the handles is no caller of a task.
      if (typeof name !== 'string' || name === 'then') return undefined
      const handle = made.get(name) ?? create(name)
      made.set(name, handle)
      return handle
    },
  })
}

function createHandle(client: TasksRouterClient, caller: Caller, taskName: string): AnyHandle {
  const waitForExecution: AnyHandle['waitAndGetFinishedExecution'] = async (
    executionId,
    { signal } = {},
  ) =>
    readFinished(
      await waitUntilFinished(caller, signal, (call) =>
        client.waitForTaskExecution({ taskName, executionId }, call),
      ),
    )
  return Object.freeze<AnyHandle>({
    enqueue: async (input, { signal, ...options } = {}) => {
      const executionId = options.executionId ?? createExecutionId(caller.environment)
      const enqueue = { taskName, input, options: { ...options, executionId } }
      const enqueued = await callUntilAnswered(caller, signal, (call) =>
        client.enqueueTask(enqueue, call),
      )
      return enqueued.executionId
    },
    getExecution: async (executionId, { signal } = {}) =>
      readExecution(
        await callUntilAnswered(caller, signal, (call) =>
          client.getTaskExecution({ taskName, executionId }, call),
        ),
      ),
    waitAndGetFinishedExecution: waitForExecution,
    waitAndGetOutput: async (executionId, options) => {
      const execution = await waitForExecution(executionId, options)
      if (execution.status === 'completed') return execution.output
      throw execution.error
    },
    cancel: (executionId, { signal } = {}) =>
      callUntilAnswered(caller, signal, (call) =>
        client.cancelTaskExecution({ taskName, executionId }, call),
      ),
    wakeup: async (uniqueId, outcome, { signal } = {}) => {
      const wakeup = { taskName, uniqueId, outcome: toWire(taskName, outcome) }
      return readExecution(
        await callUntilAnswered(caller, signal, (call) =>
          client.wakeupSleepingTaskExecution(wakeup, call),
        ),
      )
    },
  })
}

/** Of an error only what is stored of it leaves the process. */
function toWire(taskName: string, outcome: WakeupOptions<unknown>): WireOutcome {
  switch (outcome.status) {
    case 'completed':
      return { status: outcome.status, output: outcome.output }
    case 'failed': {
      const { message, errorType, code } = toStoredError(outcome.error)
      const error = { message: message.slice(0, LONGEST_MESSAGE), errorType, code }
      return { status: outcome.status, error }
    }
    default:
      throw DurableExecutionError.nonRetryable(
        `Invalid wake-up of task ${taskName}: expected { status: 'completed', output } or { status: 'failed', error }`,
        { code: 'invalid_input' },
      )
  }
}
