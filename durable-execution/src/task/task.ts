/** What users hold of a task: its id, and in its type what goes in and comes out. */

declare const taskTypes: unique symbol

/**
 * A task of an executor. Made by `executor.task(…)` and its siblings.
 *
 * @typeParam TInput - What it is enqueued with.
 * @typeParam TOutput - What it completes with.
 */
export interface Task<in TInput = never, out TOutput = unknown> {
  readonly id: string
  /** Only types: there is no such property. */
  readonly [taskTypes]: (input: TInput) => TOutput
}

/** Any task, whatever goes in and comes out. */
export type AnyTask = Task

/** What a task is enqueued with. */
export type InferTaskInput<TTask> = TTask extends Task<infer TInput> ? TInput : never

/** What a task completes with. */
export type InferTaskOutput<TTask> = TTask extends Task<never, infer TOutput> ? TOutput : never

/** The one place that gives an id its types. */
export function createTask<TInput, TOutput>(id: string): Task<TInput, TOutput> {
  return Object.freeze({ id }) as Task<TInput, TOutput>
}
