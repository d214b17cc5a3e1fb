/** The methods by which users define tasks. `DurableExecutor` has them; so have the builders with a checked input. */
import type { StandardSchemaV1 } from '@standard-schema/spec'

import { DurableExecutionError } from '../errors'
import { show } from '../lib/validation'
import type { AnyChildren, ParentOutput } from './children'
import {
  defineLoop,
  defineParentTask,
  defineSequence,
  defineSleepingTask,
  defineTask,
} from './define'
import type {
  Finalize,
  FinalizedParentTaskOptions,
  LoopIteration,
  LoopIterationOutput,
  LoopOutput,
  ParentTaskRunOptions,
  SequenceInput,
  SequenceOutput,
  SequentialTasks,
  SleepingTaskOptions,
  TaskOptions,
  UnfinalizedParentTaskOptions,
} from './define'
import type { TaskDefinition, ValidateInput } from './definition'
import { checkSchema, validateWithSchema } from './input'
import { createTask, type AnyTask, type InferTaskInput, type Task } from './task'

/** Takes definitions that belong together. */
export type Register = (definitions: readonly TaskDefinition[]) => void

/**
 * A finalize that is a parent itself, with typed children. Stands before the finalizes of other kinds among the overloads: their
 * types fit it too, with children of any type.
 */
type NestedFinalize<
  TRunOutput,
  TChildren extends AnyChildren,
  TInnerOutput,
  TInnerChildren extends AnyChildren,
  TOutput,
> = ParentTaskRunOptions<ParentOutput<TRunOutput, TChildren>, TInnerOutput, TInnerChildren> & {
  finalize: Finalize<TInnerOutput, TInnerChildren, TOutput>
}

/** Defines tasks. */
export abstract class TaskBuilder {
  protected abstract register(definitions: readonly TaskDefinition[]): void

  /**
   * Defines a task that is a function.
   *
   * @throws A non-retryable `DurableExecutionError` that names the task and the option.
   * @example
   * ```ts
   * const add = executor.task({
   *   id: 'add',
   *   timeoutMs: 1000,
   *   run: (ctx, input: { a: number; b: number }) => input.a + input.b,
   * })
   * ```
   */
  task<TInput, TOutput>(options: TaskOptions<TInput, TOutput>): Task<TInput, TOutput> {
    this.register([defineTask(options)])
    return createTask(options.id)
  }

  /**
   * Defines a task with children. They start when the result of `runParent` is stored and run in parallel; `finalize` gets all of
   * them, completed or not, after the last has finished. Without `finalize` the output is `{ output, children }`.
   *
   * @throws A non-retryable `DurableExecutionError` that names the task and the option.
   */
  parentTask<TInput, TRunOutput, const TChildren extends AnyChildren>(
    options: UnfinalizedParentTaskOptions<TInput, TRunOutput, TChildren>,
  ): Task<TInput, ParentOutput<TRunOutput, TChildren>>
  parentTask<
    TInput,
    TRunOutput,
    const TChildren extends AnyChildren,
    TInnerOutput,
    const TInnerChildren extends AnyChildren,
  >(
    options: ParentTaskRunOptions<TInput, TRunOutput, TChildren> & {
      finalize: UnfinalizedParentTaskOptions<
        ParentOutput<TRunOutput, TChildren>,
        TInnerOutput,
        TInnerChildren
      >
    },
  ): Task<TInput, ParentOutput<TInnerOutput, TInnerChildren>>
  parentTask<
    TInput,
    TRunOutput,
    const TChildren extends AnyChildren,
    TInnerOutput,
    const TInnerChildren extends AnyChildren,
    TOutput,
  >(
    options: ParentTaskRunOptions<TInput, TRunOutput, TChildren> & {
      finalize: NestedFinalize<TRunOutput, TChildren, TInnerOutput, TInnerChildren, TOutput>
    },
  ): Task<TInput, TOutput>
  parentTask<TInput, TRunOutput, const TChildren extends AnyChildren, TOutput>(
    options: FinalizedParentTaskOptions<TInput, TRunOutput, TChildren, TOutput>,
  ): Task<TInput, TOutput>
  parentTask(options: UntypedParentOptions): AnyTask {
    this.register(defineParentTask(options))
    return createTask(options.id)
  }

  /**
   * Defines tasks that run one after another, each output the next input; the output of the last is the output. A failing task ends
   * the sequence `finalize_failed`.
   *
   * @throws A non-retryable `DurableExecutionError` if there are no tasks.
   */
  sequentialTasks<const TTasks extends readonly AnyTask[]>(
    id: string,
    tasks: TTasks & SequentialTasks<TTasks>,
  ): Task<SequenceInput<TTasks>, SequenceOutput<TTasks>> {
    this.register([defineSequence(id, tasks)])
    return createTask(id)
  }

  /**
   * Defines a task that sleeps until it is woken by `wakeupSleepingTaskExecution`, cancelled, or timed out. Its input is a unique
   * id, text, unique per task among the unfinished. It costs nothing while asleep.
   */
  sleepingTask<TOutput>(options: SleepingTaskOptions): Task<string, TOutput> {
    this.register([defineSleepingTask(options)])
    return createTask(options.id)
  }

  /**
   * Defines a loop: runs the iteration task with the loop's own input until it returns `{ isDone: true, output }`, at most
   * `maxIterations` times, sleeping before each but the first.
   *
   * @param sleepMsBeforeRun - Milliseconds, or a function of the iteration (1, 2, …).
   */
  loopingTask<TInput, TIteration extends LoopIteration<unknown>>(
    id: string,
    iterationTask: Task<TInput, TIteration>,
    maxIterations: number,
    sleepMsBeforeRun?: number | ((iteration: number) => number),
  ): Task<TInput, LoopOutput<LoopIterationOutput<TIteration>>> {
    this.register([defineLoop(id, iterationTask, { maxIterations, sleepMsBeforeRun })])
    return createTask(id)
  }

  /** The builders with an input that a function checks: tasks get what it returns. What it throws fails the execution, for good. */
  validateInput<TInput, TValid>(
    validate: (input: TInput) => TValid | Promise<TValid>,
  ): ValidatedTaskBuilder<TInput, TValid> {
    if (typeof validate !== 'function') {
      throw DurableExecutionError.nonRetryable(
        `Invalid input validation: expected a function, got ${show(validate)}`,
        { code: 'invalid_options' },
      )
    }
    return new ValidatedTaskBuilder(
      (definitions) => {
        this.register(definitions)
      },
      (input) => validate(input as TInput),
    )
  }

  /** The builders with an input that a Standard Schema (zod, valibot, arktype, …) checks: tasks get what it makes of it. */
  inputSchema<TSchema extends StandardSchemaV1>(
    schema: TSchema,
  ): ValidatedTaskBuilder<
    StandardSchemaV1.InferInput<TSchema>,
    StandardSchemaV1.InferOutput<TSchema>
  > {
    checkSchema(schema)
    return new ValidatedTaskBuilder((definitions) => {
      this.register(definitions)
    }, validateWithSchema(schema))
  }
}

type UntypedParentOptions = Parameters<typeof defineParentTask>[0]

/** Defines tasks whose input is checked before each attempt, on the stored raw input. */
export class ValidatedTaskBuilder<TInput, TValid> {
  private readonly register: Register
  private readonly validate: ValidateInput

  constructor(register: Register, validate: ValidateInput) {
    this.register = register
    this.validate = validate
  }

  /** As `executor.task`. */
  task<TOutput>(options: TaskOptions<TValid, TOutput>): Task<TInput, TOutput> {
    this.register([defineTask(options, this.validate)])
    return createTask(options.id)
  }

  /** As `executor.parentTask`. */
  parentTask<TRunOutput, const TChildren extends AnyChildren>(
    options: UnfinalizedParentTaskOptions<TValid, TRunOutput, TChildren>,
  ): Task<TInput, ParentOutput<TRunOutput, TChildren>>
  parentTask<
    TRunOutput,
    const TChildren extends AnyChildren,
    TInnerOutput,
    const TInnerChildren extends AnyChildren,
  >(
    options: ParentTaskRunOptions<TValid, TRunOutput, TChildren> & {
      finalize: UnfinalizedParentTaskOptions<
        ParentOutput<TRunOutput, TChildren>,
        TInnerOutput,
        TInnerChildren
      >
    },
  ): Task<TInput, ParentOutput<TInnerOutput, TInnerChildren>>
  parentTask<
    TRunOutput,
    const TChildren extends AnyChildren,
    TInnerOutput,
    const TInnerChildren extends AnyChildren,
    TOutput,
  >(
    options: ParentTaskRunOptions<TValid, TRunOutput, TChildren> & {
      finalize: NestedFinalize<TRunOutput, TChildren, TInnerOutput, TInnerChildren, TOutput>
    },
  ): Task<TInput, TOutput>
  parentTask<TRunOutput, const TChildren extends AnyChildren, TOutput>(
    options: FinalizedParentTaskOptions<TValid, TRunOutput, TChildren, TOutput>,
  ): Task<TInput, TOutput>
  parentTask(options: UntypedParentOptions): AnyTask {
    this.register(defineParentTask(options, this.validate))
    return createTask(options.id)
  }

  /** As `executor.sequentialTasks`. The input is checked when the first task runs. */
  sequentialTasks<const TTasks extends readonly AnyTask[]>(
    id: string,
    tasks: TTasks & SequentialTasks<TTasks> & AcceptsFirst<TTasks, TValid>,
  ): Task<TInput, SequenceOutput<TTasks>> {
    this.register([defineSequence(id, tasks, this.validate)])
    return createTask(id)
  }

  /** As `executor.loopingTask`. The input is checked by each iteration. */
  loopingTask<TIteration extends LoopIteration<unknown>>(
    id: string,
    iterationTask: Task<TValid, TIteration>,
    maxIterations: number,
    sleepMsBeforeRun?: number | ((iteration: number) => number),
  ): Task<TInput, LoopOutput<LoopIterationOutput<TIteration>>> {
    const limits = { maxIterations, sleepMsBeforeRun }
    this.register([defineLoop(id, iterationTask, limits, this.validate)])
    return createTask(id)
  }
}

/** The tasks, if the first takes a checked input of this type. */
type AcceptsFirst<TTasks extends readonly AnyTask[], TValid> =
  TValid extends InferTaskInput<TTasks[0]> ? TTasks : never
