/** The tasks of one executor, by id. */
import { DurableExecutionError, DurableExecutionNotFoundError } from '../errors'
import { propertyOf, show } from '../lib/validation'
import { isChain, type TaskDefinition } from './definition'

/** Finds definitions by id. */
export class TaskRegistry {
  private readonly definitions = new Map<string, TaskDefinition>()

  /** Adds definitions that belong together: all or none. */
  add(definitions: readonly TaskDefinition[]): void {
    const ids = new Set<string>()
    for (const { id } of definitions) {
      if (this.definitions.has(id) || ids.has(id)) {
        throw DurableExecutionError.nonRetryable(
          `Task ${id} already exists: give every task of an executor an id of its own`,
          { code: 'invalid_task' },
        )
      }
      ids.add(id)
    }
    for (const definition of definitions) this.definitions.set(definition.id, definition)
  }

  /**
   * Whether chains that are to be added are made of tasks that are there: a chain of another executor's tasks could not run, and
   * one that contains itself would never end.
   *
   * @throws `DurableExecutionNotFoundError`
   */
  checkSteps(definitions: readonly TaskDefinition[]): void {
    for (const stepId of definitions.flatMap(stepIdsOf)) this.get(stepId)
  }

  find(taskId: string): TaskDefinition | undefined {
    return this.definitions.get(taskId)
  }

  /**
   * The definition of a task as users hand it in, without types too.
   *
   * @throws A non-retryable `DurableExecutionError` if it is no task, `DurableExecutionNotFoundError` if it is not of this executor.
   */
  definitionOf(task: unknown): TaskDefinition {
    const id = propertyOf(task, 'id')
    if (typeof id === 'string') return this.get(id)
    throw DurableExecutionError.nonRetryable(
      `Invalid task: expected what executor.task(…) or one of its siblings returned, got ${show(task)}`,
      { code: 'invalid_task' },
    )
  }

  /** @throws `DurableExecutionNotFoundError` */
  get(taskId: string): TaskDefinition {
    const definition = this.definitions.get(taskId)
    if (definition) return definition
    throw new DurableExecutionNotFoundError(
      `Task ${taskId} not found: define it on this executor before it is used`,
    )
  }
}

function stepIdsOf(definition: TaskDefinition): readonly string[] {
  if (!isChain(definition)) return []
  return definition.kind === 'loop' ? [definition.iterationId] : definition.stepIds
}
