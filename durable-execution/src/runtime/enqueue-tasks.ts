/** From a task and its input, as users give them, to the stored execution: checks, plans, stores, and says what was in the way. */
import { DurableExecutionError } from '../errors'
import type { NewExecution } from '../execution/record'
import { show } from '../lib/validation'
import type { InsertOutcome } from '../storage/storage'
import type { ChildTask, ExecutionOptions } from '../task/children'
import { checkExecutionId } from '../task/options'
import type { Enqueuer } from './enqueue'
import { planExecution } from './plan'
import type { Runtime } from './runtime'

/** What may be said of one enqueue, but for the transaction. */
export interface EnqueueRequest {
  /** A task, if types were heeded. */
  readonly task: unknown
  readonly input?: unknown
  readonly options?: (ExecutionOptions & { executionId?: string | undefined }) | undefined
}

/** Enqueues what users hand in. */
export class TaskEnqueuer<TTransaction> {
  private readonly runtime: Runtime<TTransaction>
  private readonly enqueuer: Enqueuer<TTransaction>

  constructor(runtime: Runtime<TTransaction>, enqueuer: Enqueuer<TTransaction>) {
    this.runtime = runtime
    this.enqueuer = enqueuer
  }

  /** Answers the row of the execution; those of its first steps come with it. */
  async enqueue(request: EnqueueRequest): Promise<NewExecution> {
    const [first, ...steps] = this.plan(request)
    const isKeyed = request.options?.executionId !== undefined || first.sleepingKey !== null
    const outcomes = await this.enqueuer.enqueue([first, ...steps], isKeyed)
    checkInserted(first, outcomes[0])
    return first
  }

  /** All or none. */
  async enqueueAll(children: readonly ChildTask[]): Promise<NewExecution[]> {
    if (!Array.isArray(children)) {
      throw DurableExecutionError.nonRetryable(
        `Invalid children: expected a list of childTask(task, input), got ${show(children)}`,
        { code: 'invalid_task' },
      )
    }
    if (children.length === 0) return []
    const planned = children.map((child: ChildTask | null | undefined) =>
      this.plan({ task: child?.task, input: child?.input, options: child?.options }),
    )
    const rows = planned.flat()
    const hasKeys = rows.some(({ sleepingKey }) => sleepingKey !== null)
    // Without keys nothing can be in the way, and a flush is one transaction.
    const outcomes = hasKeys
      ? await this.enqueuer.enqueueAllOrNothing(rows)
      : await this.enqueuer.enqueue(rows, false)
    rows.forEach((row, index) => {
      checkInserted(row, outcomes[index])
    })
    return planned.map(([first]) => first)
  }

  /** With a synchronous driver it throws at once. */
  enqueueInTransaction(request: EnqueueRequest, transaction: TTransaction): Promise<NewExecution> {
    const rows = this.plan(request)
    const [first] = rows
    return this.enqueuer.enqueueInTransaction(rows, transaction).then((outcomes) => {
      checkInserted(first, outcomes[0])
      return first
    })
  }

  private plan(request: EnqueueRequest): [NewExecution, ...NewExecution[]] {
    const { task, input, options } = request
    const { codec, registry } = this.runtime
    const { id: taskId } = registry.definitionOf(task)
    const executionId = checkExecutionId(taskId, options?.executionId)
    const text = codec.encode(input, `Input of task ${taskId}`, {
      bytes: this.runtime.options.maxSerializedInputDataSize,
      option: 'maxSerializedInputDataSize',
    })
    return planExecution(this.runtime, { taskId, input: text, options, executionId })
  }
}

/** @throws A non-retryable `DurableExecutionError` if another execution has the row's id or key. */
function checkInserted(row: NewExecution, outcome: InsertOutcome | undefined): void {
  if (outcome?.kind !== 'exists') return
  const { existing, conflict } = outcome
  if (conflict === 'execution_id' && existing.taskId === row.taskId) return
  throw DurableExecutionError.nonRetryable(
    conflict === 'execution_id'
      ? `Execution id ${row.executionId} is taken by an execution of task ${existing.taskId}: give each execution an id of its own`
      : `Unique id of sleeping task ${row.taskId} is taken by execution ${existing.executionId}, which is active: wake or cancel it first, or use another`,
    { code: 'already_exists' },
  )
}
