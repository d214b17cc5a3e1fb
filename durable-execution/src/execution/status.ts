/** The states of an execution. See `ARCHITECTURE.md` for what moves an execution between them. */

/** Every status an execution can have. */
export const ALL_TASK_EXECUTION_STATUSES = [
  'ready',
  'running',
  'waiting_for_children',
  'waiting_for_finalize',
  'completed',
  'failed',
  'timed_out',
  'finalize_failed',
  'cancelled',
] as const

/** The status of an execution. */
export type TaskExecutionStatus = (typeof ALL_TASK_EXECUTION_STATUSES)[number]

/** The statuses of an execution that something is still to happen to. */
export const ACTIVE_TASK_EXECUTION_STATUSES = [
  'ready',
  'running',
  'waiting_for_children',
  'waiting_for_finalize',
] as const satisfies readonly TaskExecutionStatus[]

/** A status of an execution that something is still to happen to. */
export type ActiveTaskExecutionStatus = (typeof ACTIVE_TASK_EXECUTION_STATUSES)[number]

/** The statuses of an execution that has ended. */
export const FINISHED_TASK_EXECUTION_STATUSES = [
  'completed',
  'failed',
  'timed_out',
  'finalize_failed',
  'cancelled',
] as const satisfies readonly TaskExecutionStatus[]

/** A status of an execution that has ended. */
export type FinishedTaskExecutionStatus = (typeof FINISHED_TASK_EXECUTION_STATUSES)[number]

/** The statuses of an execution that has ended without an output. */
export const ERRORED_TASK_EXECUTION_STATUSES = [
  'failed',
  'timed_out',
  'finalize_failed',
  'cancelled',
] as const satisfies readonly TaskExecutionStatus[]

/** A status of an execution that has ended without an output. */
export type ErroredTaskExecutionStatus = (typeof ERRORED_TASK_EXECUTION_STATUSES)[number]

const FINISHED: ReadonlySet<TaskExecutionStatus> = new Set(FINISHED_TASK_EXECUTION_STATUSES)

/** Whether an execution with this status has ended. */
export function isFinished(status: TaskExecutionStatus): status is FinishedTaskExecutionStatus {
  return FINISHED.has(status)
}

/** Whether an execution with this status waits for its children or its finalize. */
export function isWaiting(
  status: TaskExecutionStatus,
): status is 'waiting_for_children' | 'waiting_for_finalize' {
  return status === 'waiting_for_children' || status === 'waiting_for_finalize'
}
