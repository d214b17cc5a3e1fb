/** An execution as users see it: a union discriminated by `status`, with only the fields that status has. */
import { fromStoredError, type DurableExecutionError } from '../errors'
import type { ExecutionRecord, ExecutionReference, ParentReference } from './record'
import type { ResolvedRetryOptions } from './retry'
import type { ErroredTaskExecutionStatus } from './status'

/** The place of a child execution under its parent. */
export interface TaskExecutionParent extends ExecutionReference {
  /** 0 for the first child. */
  readonly indexInParentChildren: number
  readonly isFinalizeOfParent: boolean
}

/** What executions of every status have. */
export interface TaskExecutionBase {
  readonly taskId: string
  readonly executionId: string
  readonly queue: string
  /** The execution at the top of the tree. */
  readonly root: ExecutionReference
  readonly parent?: TaskExecutionParent
  readonly retryOptions: ResolvedRetryOptions
  readonly sleepMsBeforeRun: number
  /** `undefined` for sequences and loops: their steps have time-outs, they have none. */
  readonly timeoutMs?: number
  readonly input: unknown
  /** 0 for the first run, 1 for the first retry, … */
  readonly attempt: number
  /** How often an executor was lost under the present attempt. */
  readonly takeovers: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Waits to be started. */
export interface ReadyTaskExecution extends TaskExecutionBase {
  readonly status: 'ready'
  readonly startAt: Date
  /** Why the run before this one failed. */
  readonly prevError?: DurableExecutionError
}

/** Runs, or sleeps until it is woken. */
export interface RunningTaskExecution extends TaskExecutionBase {
  readonly status: 'running'
  readonly startedAt: Date
  readonly prevError?: DurableExecutionError
  /** The executor that runs it; `undefined` while it sleeps. */
  readonly executorId?: string
}

/** A parent whose children have not all finished. */
export interface WaitingForChildrenTaskExecution extends TaskExecutionBase {
  readonly status: 'waiting_for_children'
  readonly activeChildrenCount: number
}

/** A parent whose finalize has not finished. */
export interface WaitingForFinalizeTaskExecution extends TaskExecutionBase {
  readonly status: 'waiting_for_finalize'
}

/** Ended with an output. */
export interface CompletedTaskExecution<TOutput = unknown> extends TaskExecutionBase {
  readonly status: 'completed'
  readonly output: TOutput
  /** `undefined` where nothing ever ran (sequences, loops). */
  readonly startedAt?: Date
  readonly finishedAt: Date
}

/** Ended without an output. */
export interface ErroredTaskExecution extends TaskExecutionBase {
  readonly status: ErroredTaskExecutionStatus
  readonly error: DurableExecutionError
  /** `undefined` where it was cancelled before it ran. */
  readonly startedAt?: Date
  readonly finishedAt: Date
}

/** An execution that has ended. */
export type FinishedTaskExecution<TOutput = unknown> =
  CompletedTaskExecution<TOutput> | ErroredTaskExecution

/** An execution. */
export type TaskExecution<TOutput = unknown> =
  | ReadyTaskExecution
  | RunningTaskExecution
  | WaitingForChildrenTaskExecution
  | WaitingForFinalizeTaskExecution
  | FinishedTaskExecution<TOutput>

/** Turns the text of a row into a value. `null` stands for `undefined`. */
export type Decode = (text: string | null) => unknown

/** The place of a child as users see it. */
export function toTaskExecutionParent(parent: ParentReference): TaskExecutionParent {
  const { taskId, executionId, indexInParent, isFinalize } = parent
  return {
    taskId,
    executionId,
    indexInParentChildren: indexInParent,
    isFinalizeOfParent: isFinalize,
  }
}

function toBase(record: ExecutionRecord, decode: Decode): TaskExecutionBase {
  const { parent, timeoutMs } = record
  return {
    taskId: record.taskId,
    executionId: record.executionId,
    queue: record.queue,
    root: record.root,
    ...(parent && { parent: toTaskExecutionParent(parent) }),
    retryOptions: record.retryOptions,
    sleepMsBeforeRun: record.sleepMsBeforeRun,
    ...(timeoutMs !== null && { timeoutMs }),
    input: decode(record.input),
    attempt: record.attempt,
    takeovers: record.takeovers,
    createdAt: new Date(record.createdAt),
    updatedAt: new Date(record.updatedAt),
  }
}

function endTimes(record: ExecutionRecord): { startedAt?: Date; finishedAt: Date } {
  return {
    ...(record.startedAt !== null && { startedAt: new Date(record.startedAt) }),
    // A finished row always has the time; a storage that lost it shows the last write instead of an invalid date.
    finishedAt: new Date(record.finishedAt ?? record.updatedAt),
  }
}

function prevError(record: ExecutionRecord): { prevError?: DurableExecutionError } {
  return record.error === null ? {} : { prevError: fromStoredError(record.error) }
}

/** The error of an errored row; one that says so where the row has none. */
export function errorOf(
  record: Pick<ExecutionRecord, 'executionId' | 'status' | 'error'>,
): DurableExecutionError {
  return fromStoredError(
    record.error ?? {
      errorType: 'generic',
      code: 'storage',
      message: `Execution ${record.executionId} ended as ${record.status} without an error in its row`,
      isRetryable: false,
      isInternal: true,
    },
  )
}

/** Shows a stored execution to users. */
export function toTaskExecution(record: ExecutionRecord, decode: Decode): TaskExecution {
  const base = toBase(record, decode)
  switch (record.status) {
    case 'ready':
      return {
        ...base,
        status: record.status,
        startAt: new Date(record.startAt),
        ...prevError(record),
      }
    case 'running':
      return {
        ...base,
        status: record.status,
        startedAt: new Date(record.startedAt ?? record.updatedAt),
        ...prevError(record),
        ...(record.executorId !== null && { executorId: record.executorId }),
      }
    case 'waiting_for_children': {
      const { status, activeChildrenCount } = record
      return { ...base, status, activeChildrenCount }
    }
    case 'waiting_for_finalize':
      return { ...base, status: record.status }
    case 'completed':
      return { ...base, status: record.status, output: decode(record.output), ...endTimes(record) }
    case 'failed':
    case 'timed_out':
    case 'finalize_failed':
    case 'cancelled':
      return { ...base, status: record.status, error: errorOf(record), ...endTimes(record) }
  }
}
