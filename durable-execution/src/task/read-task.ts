/** Reads the options of a task of any kind, as they come from users without types too. */
import { DurableExecutionError } from '../errors'
import { propertyOf, readOptions } from '../lib/validation'
import { checkTaskId, type CommonTaskOptions } from './options'

/** What may be given of any kind of task. */
export interface UntypedTaskOptions extends CommonTaskOptions {
  run?: unknown
  runParent?: unknown
  finalize?: unknown
}

/** Wrong options of a task. */
export function invalid(taskId: string, problem: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`Invalid options for task ${taskId}: ${problem}`, {
    code: 'invalid_task',
  })
}

/** The options of every task. */
export const COMMON_OPTIONS = ['id', 'timeoutMs', 'sleepMsBeforeRun', 'queue'] as const
/** The options of a task that is a function. */
export const TASK_OPTIONS = [...COMMON_OPTIONS, 'retryOptions', 'run'] as const
/** The options of a parent task. */
export const PARENT_OPTIONS = [...COMMON_OPTIONS, 'retryOptions', 'runParent', 'finalize'] as const

type OptionName = keyof UntypedTaskOptions

/**
 * Reads task options once, as users without types give them too: the id and the keys are checked, the values are not yet.
 *
 * @param refused - Options of other kinds of tasks: the caller says of each what to do instead.
 */
export function readTask(
  options: unknown,
  names: readonly OptionName[],
  refused: readonly OptionName[],
): UntypedTaskOptions {
  const read = readOptions(options, [...names, ...refused], names)
  const id = read.isValid ? read.value.id : propertyOf(options, 'id')
  if (!read.isValid && typeof id !== 'string') {
    throw DurableExecutionError.nonRetryable(`Invalid task options: ${read.problem}`, {
      code: 'invalid_task',
    })
  }
  checkTaskId(id)
  if (!read.isValid) throw invalid(id, read.problem)
  const { run, runParent } = read.value
  if (run !== undefined && runParent !== undefined) {
    throw invalid(id, 'it has both run and runParent; a task has run, a parent task has runParent')
  }
  return { ...(read.value as UntypedTaskOptions), id }
}
