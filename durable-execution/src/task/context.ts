/** What a task function knows of its run. */
import type { DurableExecutionError } from '../errors'
import type { TaskExecutionParent } from '../execution/execution'
import type { ExecutionReference } from '../execution/record'

/** Handed to every task function. */
export interface TaskRunContext {
  readonly taskId: string
  readonly executionId: string
  /** The execution at the top of the tree: this one itself, if it has no parent. */
  readonly root: ExecutionReference
  readonly parent?: TaskExecutionParent
  /** 0 for the first run, 1 for the first retry, … */
  readonly attempt: number
  /** Why the attempt before this one failed. */
  readonly prevError?: DurableExecutionError
  /** Aborted on cancel, time-out and a lost claim, with the reason. Hand it to what you call. */
  readonly cancelSignal: AbortSignal
  /** Aborted when the executor begins to shut down. What is not done soon goes to another executor. */
  readonly shutdownSignal: AbortSignal
}
