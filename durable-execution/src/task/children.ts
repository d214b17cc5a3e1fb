/** Children: what a parent returns, and what it sees of them when they have finished. */
import type { DurableExecutionError } from '../errors'
import type { RetryOptions } from '../execution/retry'
import type { ErroredTaskExecutionStatus } from '../execution/status'
import { propertyOf, readOptions, show, type Checked } from '../lib/validation'
import type { AnyTask, InferTaskInput, InferTaskOutput } from './task'

/** Options of one execution that stand above those of its task. */
export interface ExecutionOptions {
  /** See {@link RetryOptions}. Those left out are the task's. */
  retryOptions?: RetryOptions | undefined
  /** Delay before the first run, in milliseconds. */
  sleepMsBeforeRun?: number | undefined
  /** The longest one run may take, in milliseconds. */
  timeoutMs?: number | undefined
  /** The queue it is taken from. */
  queue?: string | undefined
}

/** A child to be: a task with its input. */
export interface ChildTask<TTask extends AnyTask = AnyTask> {
  readonly task: TTask
  readonly input?: unknown
  readonly options?: ExecutionOptions | undefined
}

/** Arguments after the task: the input may be left out exactly when `undefined` fits. */
export type InputArguments<TInput, TOptions> = undefined extends TInput
  ? [input?: TInput, options?: TOptions]
  : [input: TInput, options?: TOptions]

/**
 * Makes a child with its input checked by types.
 *
 * @example
 * ```ts
 * return { output: 'sent', children: [childTask(sendMail, { to: 'a@example.org' })] }
 * ```
 */
export function childTask<TTask extends AnyTask>(
  task: TTask,
  ...[input, options]: InputArguments<InferTaskInput<TTask>, ExecutionOptions>
): ChildTask<TTask> {
  return { task, input, options }
}

/** A child as it was read: its options are not checked yet. */
interface ReadChild {
  readonly taskId: string
  readonly input: unknown
  readonly options: unknown
}

/** Reads a child, as users without types give it too. The problem names it by its index. */
export function readChild(child: unknown, index: number): Checked<ReadChild> {
  const taskId = propertyOf(propertyOf(child, 'task'), 'id')
  if (typeof taskId !== 'string') {
    const problem = `child ${index} is ${show(child)}, expected childTask(task, input)`
    return { isValid: false, problem }
  }
  const read = readOptions(child, ['task', 'input', 'options'])
  if (!read.isValid) {
    return { isValid: false, problem: `child ${index} (task ${taskId}): ${read.problem}` }
  }
  const { input, options } = read.value
  return { isValid: true, value: { taskId, input, options } }
}

/** A child that completed. */
export interface CompletedChild<TOutput = unknown> {
  readonly taskId: string
  readonly executionId: string
  readonly status: 'completed'
  readonly output: TOutput
}

/** A child that ended without an output. */
export interface ErroredChild {
  readonly taskId: string
  readonly executionId: string
  readonly status: ErroredTaskExecutionStatus
  readonly error: DurableExecutionError
}

/** A child as its parent sees it in the end, completed or errored: as in `Promise.allSettled`. */
export type FinishedChild<TOutput = unknown> = CompletedChild<TOutput> | ErroredChild

/** The tasks of a list of children. */
export type AnyChildren = readonly ChildTask[]

/** The children of a parent in the end, in their order, each with its own output type. */
export type FinishedChildren<TChildren extends AnyChildren> = {
  -readonly [TIndex in keyof TChildren]: FinishedChild<InferTaskOutput<TChildren[TIndex]['task']>>
}

/** What a parent's function returns. */
export interface ParentRun<TRunOutput, TChildren extends AnyChildren> {
  readonly output: TRunOutput
  readonly children: TChildren
}

/** A parent's own output with its finished children: the input of a finalize, or the parent's output if it has none. */
export interface ParentOutput<TRunOutput, TChildren extends AnyChildren> {
  readonly output: TRunOutput
  readonly children: FinishedChildren<TChildren>
}
