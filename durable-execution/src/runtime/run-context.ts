/** What a task function is told of its run. */
import { fromStoredError, type DurableExecutionError } from '../errors'
import { toTaskExecutionParent, type TaskExecutionParent } from '../execution/execution'
import type { ExecutionReference } from '../execution/record'
import type { TaskRunContext } from '../task/context'
import type { HeldClaim } from './held-claims'

/** The context of one run. */
export class RunContext implements TaskRunContext {
  readonly taskId: string
  readonly executionId: string
  readonly root: ExecutionReference
  declare readonly parent?: TaskExecutionParent
  readonly attempt: number
  declare readonly prevError?: DurableExecutionError
  declare readonly cancelSignal: AbortSignal
  readonly shutdownSignal: AbortSignal
  readonly #held: HeldClaim

  constructor(held: HeldClaim, shutdownSignal: AbortSignal) {
    const { taskId, executionId, root, parent, attempt, error } = held.record
    this.#held = held
    this.taskId = taskId
    this.executionId = executionId
    this.root = root
    this.attempt = attempt
    this.shutdownSignal = shutdownSignal
    Object.defineProperty(this, 'cancelSignal', RunContext.cancelSignal)
    if (parent) this.parent = toTaskExecutionParent(parent)
    if (error) this.prevError = fromStoredError(error)
  }

  /**
   * Made when it is asked for: a signal costs as much as all else that a run of a small function needs. A property of the object's
   * own, so that it is there in a copy too; one description for all, where a getter in a literal would be a new one each time.
   */
  private static readonly cancelSignal: PropertyDescriptor & ThisType<RunContext> = {
    enumerable: true,
    get() {
      return this.#held.signal
    },
  }
}
