/** Whole rows from the two fields that matter. */
import {
  isFinished,
  isWaiting,
  type ExecutionRecord,
  type ExecutionReference,
  type NewExecution,
  type ResolvedRetryOptions,
  type StoredError,
} from 'durable-execution'

/** The moment at which records of {@link createTaskExecutionRecord} are made: with milliseconds, so that lost ones are seen. */
export const START = 1_750_000_000_123

/** The length of leases, unless a case says otherwise. */
export const LEASE_MS = 10_000

/** The time-out of executions, unless a case says otherwise. */
export const TIMEOUT_MS = 60_000

/** The executor that calls, unless a case says otherwise. */
export const EXECUTOR = 'executor_a'

/** Another executor. */
export const OTHER_EXECUTOR = 'executor_b'

const RETRY_OPTIONS: ResolvedRetryOptions = {
  maxAttempts: 0,
  baseDelayMs: 0,
  delayMultiplier: 1,
  maxDelayMs: 1000,
  jitter: 0,
}

/** An error as rows hold it. */
export function storedError(parts: Partial<StoredError> = {}): StoredError {
  return {
    errorType: 'generic',
    code: 'generic',
    message: 'Something went wrong',
    isRetryable: false,
    isInternal: false,
    ...parts,
  }
}

/** The error of a cancel. */
export const CANCELLED: StoredError = storedError({
  errorType: 'cancelled',
  code: 'cancelled',
  message: 'Task execution cancelled',
})

/** An execution to insert: `ready`, a root, in the default queue. */
export function newExecution(parts: Partial<NewExecution> = {}): NewExecution {
  const { executionId = 'te_1', taskId = 'task' } = parts
  return {
    executionId,
    taskId,
    queue: 'default',
    root: { taskId, executionId },
    parent: null,
    retryOptions: RETRY_OPTIONS,
    sleepMsBeforeRun: 0,
    timeoutMs: TIMEOUT_MS,
    input: '"input"',
    sleepingKey: null,
    start: 'ready',
    ...parts,
  }
}

/** A sleeping execution to insert, already asleep. */
export function newSleeper(
  executionId: string,
  sleepingKey: string,
  parts: Partial<NewExecution> = {},
): NewExecution {
  return newExecution({ executionId, sleepingKey, taskId: 'sleeping', start: 'asleep', ...parts })
}

/** What a child has to know of its parent. */
export type Parent = ExecutionReference & { readonly root: ExecutionReference }

/** A child to insert under a parent. */
export function childOf(
  parent: Parent,
  indexInParent: number,
  parts: Partial<NewExecution> = {},
): NewExecution {
  return newExecution({
    ...parts,
    root: parent.root,
    parent: {
      taskId: parent.taskId,
      executionId: parent.executionId,
      indexInParent,
      isFinalize: false,
    },
  })
}

/** The finalize of a parent, to insert. */
export function finalizeOf(parent: Parent, parts: Partial<NewExecution> = {}): NewExecution {
  const finalize = childOf(parent, 0, { taskId: 'finalize', input: null, ...parts })
  return {
    ...finalize,
    parent: {
      taskId: parent.taskId,
      executionId: parent.executionId,
      indexInParent: 0,
      isFinalize: true,
    },
  }
}

/**
 * A stored execution: `ready` unless `status` says otherwise, with the times, the claim and the error that its status has.
 *
 * @example
 * createTaskExecutionRecord({ executionId: 'te_7', status: 'completed' })
 */
export function createTaskExecutionRecord(parts: Partial<ExecutionRecord> = {}): ExecutionRecord {
  const { start: _start, ...identity } = newExecution(parts)
  const { status = 'ready', createdAt = START } = parts
  const isRunning = status === 'running' && identity.sleepingKey === null
  const isDone = isFinished(status)
  return {
    ...identity,
    status,
    runOutput: isWaiting(status) ? '"run output"' : null,
    output: status === 'completed' ? '"output"' : null,
    error: isDone && status !== 'completed' ? storedError() : null,
    attempt: 0,
    takeovers: 0,
    claimCount: status === 'ready' ? 0 : 1,
    executorId: isRunning ? EXECUTOR : null,
    claimAt: claimAtOf(status, createdAt, identity.sleepingKey),
    startAt: createdAt,
    startedAt: status === 'ready' ? null : createdAt,
    finishedAt: isDone ? createdAt : null,
    activeChildrenCount: isWaiting(status) ? 1 : 0,
    createdAt,
    updatedAt: createdAt,
    ...parts,
  }
}

function claimAtOf(
  status: ExecutionRecord['status'],
  createdAt: number,
  sleepingKey: string | null,
): number | null {
  if (isFinished(status) || isWaiting(status)) return null
  if (status === 'ready') return createdAt
  return createdAt + (sleepingKey === null ? LEASE_MS : TIMEOUT_MS)
}
