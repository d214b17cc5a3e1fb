/** What users write to define tasks, and how it becomes a definition. */
import { DurableExecutionError } from '../errors'
import { isDelay, MAX_DURATION_MS, NO_RETRIES } from '../execution/retry'
import { isPlain, propertyOf, show } from '../lib/validation'
import type { AnyChildren, ParentOutput, ParentRun } from './children'
import type { TaskRunContext } from './context'
import type {
  FunctionDefinition,
  LoopDefinition,
  ParentDefinition,
  SequenceDefinition,
  SleepingDefinition,
  TaskDefinition,
  ValidateInput,
} from './definition'
import { checkTaskId, refuseOptions, resolveTaskOptions, type CommonTaskOptions } from './options'
import {
  COMMON_OPTIONS,
  invalid,
  PARENT_OPTIONS,
  readTask,
  TASK_OPTIONS,
  type UntypedTaskOptions,
} from './read-task'
import type { AnyTask, InferTaskInput, InferTaskOutput } from './task'

/** Options of a task that is a function. */
export interface TaskOptions<TInput, TOutput> extends CommonTaskOptions {
  /** The work. It may run more than once (after a crash, a retry), but its result is recorded once. */
  run: (context: TaskRunContext, input: TInput) => TOutput | Promise<TOutput>
}

/** Options of a parent's own function. */
export interface ParentTaskRunOptions<
  TInput,
  TRunOutput,
  TChildren extends AnyChildren,
> extends CommonTaskOptions {
  /** The work before the children: it names them. They start when its result is stored, and run in parallel. */
  runParent: (
    context: TaskRunContext,
    input: TInput,
  ) => ParentRun<TRunOutput, TChildren> | Promise<ParentRun<TRunOutput, TChildren>>
}

/** A finalize written as a function: short for a task `<id>_finalize` with the parent's time-out and no retries. */
export type FinalizeFunction<TRunOutput, TChildren extends AnyChildren, TOutput> = (
  input: ParentOutput<TRunOutput, TChildren>,
) => TOutput | Promise<TOutput>

/** What runs after the last child has finished, completed or not; its output is the parent's. */
export type Finalize<TRunOutput, TChildren extends AnyChildren, TOutput> =
  | FinalizeFunction<TRunOutput, TChildren, TOutput>
  | TaskOptions<ParentOutput<TRunOutput, TChildren>, TOutput>
  | FinalizedParentTaskOptions<ParentOutput<TRunOutput, TChildren>, unknown, AnyChildren, TOutput>

/** Options of a parent task with a finalize. */
export interface FinalizedParentTaskOptions<
  TInput,
  TRunOutput,
  TChildren extends AnyChildren,
  TOutput,
> extends ParentTaskRunOptions<TInput, TRunOutput, TChildren> {
  finalize: Finalize<TRunOutput, TChildren, TOutput>
}

/** Options of a parent task without one. */
export interface UnfinalizedParentTaskOptions<
  TInput,
  TRunOutput,
  TChildren extends AnyChildren,
> extends ParentTaskRunOptions<TInput, TRunOutput, TChildren> {
  finalize?: undefined
}

/** A list of tasks in which each takes what the one before it gives. */
export type SequentialTasks<TTasks extends readonly AnyTask[]> = number extends TTasks['length']
  ? InferTaskOutput<TTasks[number]> extends InferTaskInput<TTasks[number]>
    ? TTasks
    : never
  : TTasks extends readonly [
        infer TFirst extends AnyTask,
        infer TSecond extends AnyTask,
        ...infer TRest extends readonly AnyTask[],
      ]
    ? InferTaskOutput<TFirst> extends InferTaskInput<TSecond>
      ? readonly [TFirst, ...SequentialTasks<readonly [TSecond, ...TRest]>]
      : never
    : TTasks

/** The input of a sequence: that of its first task. */
export type SequenceInput<TTasks extends readonly AnyTask[]> = InferTaskInput<TTasks[0]>

/** The output of a sequence: that of its last task. */
export type SequenceOutput<TTasks extends readonly AnyTask[]> = number extends TTasks['length']
  ? InferTaskOutput<TTasks[number]>
  : TTasks extends readonly [...AnyTask[], infer TLast extends AnyTask]
    ? InferTaskOutput<TLast>
    : never

/** Options of a sleeping task: it has no function. */
export type SleepingTaskOptions = Omit<CommonTaskOptions, 'retryOptions'>

/** What an iteration of a loop returns. */
export type LoopIteration<TOutput> =
  { readonly isDone: true; readonly output: TOutput } | { readonly isDone: false }

/** The output of the iteration that is done. One that is not may be inferred to have an output of `undefined`: that is none. */
export type LoopIterationOutput<TIteration> = TIteration extends { readonly isDone: false }
  ? never
  : TIteration extends { readonly output: infer TOutput }
    ? TOutput
    : never

/** What a loop completes with. */
export type LoopOutput<TOutput> =
  { readonly isSuccess: true; readonly output: TOutput } | { readonly isSuccess: false }

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === 'function'
}

/** @throws A non-retryable `DurableExecutionError` that names the task and the option. */
export function defineTask(
  given: UntypedTaskOptions,
  validateInput: ValidateInput | null = null,
): FunctionDefinition {
  const options = readTask(given, TASK_OPTIONS, ['runParent', 'finalize'])
  const { id, run } = options
  for (const name of ['runParent', 'finalize'] as const) {
    if (options[name] === undefined) continue
    throw invalid(id, `${name} belongs to a parent task; define it with parentTask and runParent`)
  }
  if (!isFunction(run)) {
    throw invalid(id, `run: expected a function, got ${show(run)}`)
  }
  return { kind: 'function', id, ...resolveTaskOptions(options), validateInput, run }
}

/**
 * A parent comes with the definitions of its finalize (and of that one's finalize, …), the parent first.
 *
 * @throws A non-retryable `DurableExecutionError` that names the task and the option.
 */
export function defineParentTask(
  given: UntypedTaskOptions,
  validateInput: ValidateInput | null = null,
): [ParentDefinition, ...TaskDefinition[]] {
  const options = readTask(given, PARENT_OPTIONS, ['run'])
  const { id, runParent, finalize } = options
  if (options.run !== undefined) {
    throw invalid(id, 'run belongs to a task; define it with task, or as runParent')
  }
  if (!isFunction(runParent)) {
    throw invalid(id, `runParent: expected a function, got ${show(runParent)}`)
  }
  const resolved = resolveTaskOptions(options)
  const finalizes = finalize === undefined ? [] : defineFinalize(id, finalize, resolved.timeoutMs)
  const finalizeId = finalizes[0]?.id ?? null
  return [{ kind: 'parent', id, ...resolved, validateInput, runParent, finalizeId }, ...finalizes]
}

function defineFinalize(parentId: string, finalize: unknown, timeoutMs: number): TaskDefinition[] {
  if (isFunction(finalize)) {
    const run = (_context: TaskRunContext, input: unknown): unknown => finalize(input)
    return [defineTask({ id: `${parentId}_finalize`, timeoutMs, run })]
  }
  if (!isPlain(finalize)) {
    throw invalid(
      parentId,
      `finalize: expected a function, task options or parent task options, got ${show(finalize)}`,
    )
  }
  const finalizeId = propertyOf(finalize, 'id')
  if (typeof finalizeId !== 'string') {
    throw invalid(parentId, `finalize: id: expected text, got ${show(finalizeId)}`)
  }
  const options = finalize as UntypedTaskOptions
  return propertyOf(finalize, 'runParent') === undefined
    ? [defineTask(options)]
    : defineParentTask(options)
}

/** What tasks that run nothing of their own have. */
const NOTHING_RUNS = {
  retryOptions: NO_RETRIES,
  sleepMsBeforeRun: 0,
  timeoutMs: 1,
  queue: null,
} as const

/** @throws A non-retryable `DurableExecutionError` if there is no task, or if one is none. */
export function defineSequence(
  id: string,
  tasks: readonly AnyTask[],
  validateInput: ValidateInput | null = null,
): SequenceDefinition {
  checkTaskId(id)
  if (!Array.isArray(tasks)) {
    throw invalid(id, `No tasks provided: expected a list of tasks, got ${show(tasks)}`)
  }
  if (tasks.length === 0) throw invalid(id, 'No tasks provided: a sequence has at least one')
  // Not `map`, which passes over the holes of a list.
  const stepIds = Array.from(tasks, (task, index) => checkTask(id, task, `task ${index}`))
  return { kind: 'sequence', id, ...NOTHING_RUNS, validateInput, stepIds }
}

/** What a loop has besides its id and its iteration. */
export interface LoopLimits {
  readonly maxIterations: number
  readonly sleepMsBeforeRun: number | ((iteration: number) => number) | undefined
}

/** @throws A non-retryable `DurableExecutionError` that names the option. */
export function defineLoop(
  id: string,
  iterationTask: AnyTask,
  { maxIterations, sleepMsBeforeRun = 0 }: LoopLimits,
  validateInput: ValidateInput | null = null,
): LoopDefinition {
  checkTaskId(id)
  const iterationId = checkTask(id, iterationTask, 'iteration task')
  if (!Number.isSafeInteger(maxIterations) || maxIterations < 1) {
    throw invalid(
      id,
      `maxIterations: expected a whole number of at least 1, got ${show(maxIterations)}`,
    )
  }
  if (!isDelay(sleepMsBeforeRun) && !isFunction(sleepMsBeforeRun)) {
    throw DurableExecutionError.nonRetryable(
      `Invalid sleep ms before run for task ${id}: expected a number of at least 0 and at most ${MAX_DURATION_MS}, or a function, got ${show(sleepMsBeforeRun)}`,
      { code: 'invalid_task' },
    )
  }
  const sleepMsBefore =
    typeof sleepMsBeforeRun === 'number' ? () => sleepMsBeforeRun : sleepMsBeforeRun
  return {
    kind: 'loop',
    id,
    ...NOTHING_RUNS,
    validateInput,
    iterationId,
    maxIterations,
    sleepMsBefore,
  }
}

/** @throws A non-retryable `DurableExecutionError` that names the option. */
export function defineSleepingTask(given: SleepingTaskOptions): SleepingDefinition {
  const options = readTask(given, COMMON_OPTIONS, ['retryOptions'])
  const { id } = options
  refuseOptions(options, ['retryOptions'], id, 'a sleeping task runs nothing that could be retried')
  return { kind: 'sleeping', id, ...resolveTaskOptions(options), validateInput: null }
}

/** Tasks come from user code without types too. */
function checkTask(id: string, task: unknown, what: string): string {
  const taskId = propertyOf(task, 'id')
  if (typeof taskId === 'string') return taskId
  throw invalid(id, `${what}: expected a task, got ${show(task)}`)
}
