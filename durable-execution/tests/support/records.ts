/** Whole rows from the two fields that matter. */
import type { StoredError } from '../../src/errors'
import type { ExecutionRecord, NewExecution } from '../../src/execution/record'
import { NO_RETRIES } from '../../src/execution/retry'
import { isFinished, isWaiting } from '../../src/execution/status'

/** The moment at which records are made, in milliseconds since the epoch. */
export const CREATED_AT = 1_700_000_000_000

/** An error as rows hold it. */
export function createStoredError(parts: Partial<StoredError> = {}): StoredError {
  return {
    errorType: 'generic',
    code: 'generic',
    message: 'Something went wrong',
    isRetryable: true,
    isInternal: false,
    ...parts,
  }
}

/** An execution to be inserted: a root that is ready. */
export function createNewExecution(parts: Partial<NewExecution> = {}): NewExecution {
  const { taskId = 'task', executionId = 'te_1' } = parts
  return {
    taskId,
    executionId,
    queue: 'default',
    root: { taskId, executionId },
    parent: null,
    retryOptions: NO_RETRIES,
    sleepMsBeforeRun: 0,
    timeoutMs: 1000,
    input: null,
    sleepingKey: null,
    start: 'ready',
    ...parts,
  }
}

/** A stored execution, by default a root that runs. What follows from its status is filled in. */
export function createRecord(parts: Partial<ExecutionRecord> = {}): ExecutionRecord {
  const { status = 'running', sleepingKey = null } = parts
  const { start: _start, ...identity } = createNewExecution(parts)
  const isDone = isFinished(status)
  const isHeld = status === 'running' && sleepingKey === null
  const isErrored = isDone && status !== 'completed'
  return {
    ...identity,
    status,
    runOutput: null,
    output: null,
    error: isErrored ? createStoredError() : null,
    attempt: 0,
    takeovers: 0,
    claimCount: status === 'ready' ? 0 : 1,
    executorId: isHeld ? 'executor' : null,
    claimAt: isDone || isWaiting(status) ? null : CREATED_AT,
    startAt: CREATED_AT,
    startedAt: status === 'ready' ? null : CREATED_AT,
    finishedAt: isDone ? CREATED_AT : null,
    activeChildrenCount: isWaiting(status) ? 1 : 0,
    createdAt: CREATED_AT,
    updatedAt: CREATED_AT,
    ...parts,
  }
}
