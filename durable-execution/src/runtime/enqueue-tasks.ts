/** From a task and its input, as users give them, to the stored execution: checks, plans, stores, and says what was in the way. */
import { DurableExecutionError } from '../errors'
import type { NewExecution } from '../execution/record'
import { show } from '../lib/validation'
import type { InsertOutcome } from '../storage/storage'
import { readChild } from '../task/children'
import { checkExecutionId, EXECUTION_OPTIONS, readExecutionOptions } from '../task/options'
import type { Enqueuer } from './enqueue'
import { planExecution } from './plan'
import type { Runtime } from './runtime'

/** One enqueue: a task, its input and options, if types were heeded. */
export interface EnqueueRequest {
  readonly task: unknown
  readonly input?: unknown
  readonly options?: unknown
}

/** An id of the caller's, and a transaction, can be given to a single enqueue only. */
const ENQUEUE_OPTIONS = [...EXECUTION_OPTIONS, 'executionId', 'transaction'] as const

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
    const { rows, hasOwnId } = this.planSingle(request)
    const [first, ...steps] = rows
    const isKeyed = hasOwnId || first.sleepingKey !== null
    const outcomes = await this.enqueuer.enqueue([first, ...steps], isKeyed)
    checkInserted(first, outcomes[0])
    return first
  }

  /** All or none. */
  async enqueueAll(children: unknown): Promise<NewExecution[]> {
    if (!Array.isArray(children)) {
      throw invalid(
        `Invalid children: expected a list of childTask(task, input), got ${show(children)}`,
      )
    }
    if (children.length === 0) return []
    // Not `map`, which passes over the holes of a list.
    const planned = Array.from(children, (child, index) => this.planChild(child, index))
    const rows = planned.flat()
    const hasKeys = rows.some(({ sleepingKey }) => sleepingKey !== null)
    // Without keys nothing can be in the way, and a flush is one transaction.
    const outcomes = hasKeys
      ? await this.enqueuer.enqueueAllOrNothing(rows)
      : await this.enqueuer.enqueue(rows, false)
    rows.forEach((row, index) => {
      checkInserted(row, outcomes[index], rows)
    })
    return planned.map(([first]) => first)
  }

  /** With a synchronous driver it throws at once. */
  enqueueInTransaction(request: EnqueueRequest, transaction: TTransaction): Promise<NewExecution> {
    const { rows } = this.planSingle(request)
    const [first] = rows
    return this.enqueuer.enqueueInTransaction(rows, transaction).then((outcomes) => {
      checkInserted(first, outcomes[0])
      return first
    })
  }

  private planSingle({ task, input, options: given }: EnqueueRequest): {
    rows: [NewExecution, ...NewExecution[]]
    hasOwnId: boolean
  } {
    const { id: taskId } = this.runtime.registry.definitionOf(task)
    const options = readExecutionOptions(given, ENQUEUE_OPTIONS, taskId)
    if (options?.transaction === null) {
      throw invalid(
        `Invalid options for task ${taskId}: transaction: expected a transaction, got null; leave it out to enqueue without one`,
      )
    }
    const executionId = checkExecutionId(taskId, options?.executionId)
    const text = this.encode(taskId, input)
    const rows = planExecution(this.runtime, { taskId, input: text, options, executionId })
    return { rows, hasOwnId: executionId !== undefined }
  }

  private planChild(child: unknown, index: number): [NewExecution, ...NewExecution[]] {
    const read = readChild(child, index)
    if (!read.isValid) throw invalid(`Invalid children: ${read.problem}`)
    const { taskId, input } = read.value
    const options = readExecutionOptions(read.value.options, EXECUTION_OPTIONS, taskId)
    return planExecution(this.runtime, { taskId, input: this.encode(taskId, input), options })
  }

  private encode(taskId: string, input: unknown): string | null {
    return this.runtime.codec.encode(input, `Input of task ${taskId}`, {
      bytes: this.runtime.options.maxSerializedInputDataSize,
      option: 'maxSerializedInputDataSize',
    })
  }
}

function invalid(message: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(message, { code: 'invalid_task' })
}

/** @throws A non-retryable `DurableExecutionError` if another execution has the row's id or key. */
function checkInserted(
  row: NewExecution,
  outcome: InsertOutcome | undefined,
  together: readonly NewExecution[] = [],
): void {
  if (outcome?.kind !== 'exists') return
  const { existing, conflict } = outcome
  if (conflict === 'execution_id' && existing.taskId === row.taskId) return
  if (together.some(({ executionId }) => executionId === existing.executionId)) {
    throw DurableExecutionError.nonRetryable(
      `Invalid children: a unique id of sleeping task ${row.taskId} comes twice: give each execution one of its own`,
      { code: 'already_exists' },
    )
  }
  throw DurableExecutionError.nonRetryable(
    conflict === 'execution_id'
      ? `Execution id ${row.executionId} is taken by an execution of task ${existing.taskId}: give each execution an id of its own`
      : `Unique id of sleeping task ${row.taskId} is taken by execution ${existing.executionId}, which is active: wake or cancel it first, or use another`,
    { code: 'already_exists' },
  )
}
