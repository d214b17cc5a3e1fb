/** What goes over the wire between a router of tasks and its clients. Only types and limits: both sides read this file. */
import type { RetryOptions, TaskExecutionStatus } from 'durable-execution'
import type {
  DurableExecutionErrorCode,
  StoredError,
  StoredErrorType,
} from 'durable-execution/errors'

/** Options of an enqueue that can be given over the wire. A transaction can't: it is of the server's process. */
export interface WireEnqueueOptions {
  executionId?: string | undefined
  retryOptions?: RetryOptions | undefined
  sleepMsBeforeRun?: number | undefined
  timeoutMs?: number | undefined
  queue?: string | undefined
}

/** The longest name and id, in characters. */
export const LONGEST_NAME = 255
/** The longest message of an error that a sleeping execution is woken with, in characters. */
export const LONGEST_MESSAGE = 10_000

/** Names a task by its key in `tasks`. */
export interface WireTask {
  taskName: string
}

/** Names an execution. */
export interface WireTarget extends WireTask {
  executionId: string
}

/** Input of `enqueueTask`. */
export interface WireEnqueue extends WireTask {
  input?: unknown
  options?: WireEnqueueOptions | undefined
}

/** How a sleeping execution is woken. */
export type WireOutcome =
  | { status: 'completed'; output?: unknown }
  | {
      status: 'failed'
      error: {
        message: string
        errorType?: StoredErrorType | undefined
        code?: DurableExecutionErrorCode | undefined
      }
    }

/** Input of `wakeupSleepingTaskExecution`. */
export interface WireWakeup extends WireTask {
  uniqueId: string
  outcome: WireOutcome
}

/** Where in an execution an error of the suite stands, in its stored form: `['output', 'children', 0, 'error']`. */
export type ErrorPath = (string | number)[]

/** An execution. Which of the optional fields are there is a matter of its status, as in `TaskExecution`. */
export interface WireExecution {
  taskId: string
  executionId: string
  status: TaskExecutionStatus
  queue: string
  root: { taskId: string; executionId: string }
  parent?:
    | {
        taskId: string
        executionId: string
        indexInParentChildren: number
        isFinalizeOfParent: boolean
      }
    | undefined
  retryOptions: {
    maxAttempts: number
    baseDelayMs: number
    delayMultiplier: number
    maxDelayMs: number
    jitter: number
  }
  sleepMsBeforeRun: number
  timeoutMs?: number | undefined
  input?: unknown
  attempt: number
  takeovers: number
  createdAt: Date
  updatedAt: Date
  startAt?: Date | undefined
  startedAt?: Date | undefined
  finishedAt?: Date | undefined
  activeChildrenCount?: number | undefined
  output?: unknown
  error?: StoredError | undefined
  prevError?: StoredError | undefined
  /** Errors within `input` and `output`. */
  errorPaths?: ErrorPath[] | undefined
}

/**
 * An event of `waitForTaskExecution`. `waiting` comes after a second and then each `heartbeatMs`: a client that hears nothing for longer
 * knows that the connection is dead. A stream that ends without `finished` is to be opened again.
 */
export type WireWaitEvent =
  { type: 'waiting'; heartbeatMs: number } | { type: 'finished'; execution: WireExecution }
