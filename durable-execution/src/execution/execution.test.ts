import { describe, expect, it } from 'vitest'

import { CREATED_AT, createRecord, createStoredError } from '../../tests/support/records'
import { DurableExecutionCancelledError, DurableExecutionError } from '../errors'
import { errorOf, toTaskExecution, toTaskExecutionParent, type TaskExecution } from './execution'
import type { ExecutionRecord } from './record'
import { ALL_TASK_EXECUTION_STATUSES, ERRORED_TASK_EXECUTION_STATUSES } from './status'

const decode = (text: string | null): unknown => (text === null ? undefined : JSON.parse(text))

function shown(parts: Partial<ExecutionRecord>): TaskExecution {
  return toTaskExecution(createRecord(parts), decode)
}

const BASE_FIELDS = [
  'taskId',
  'executionId',
  'queue',
  'root',
  'retryOptions',
  'sleepMsBeforeRun',
  'timeoutMs',
  'input',
  'attempt',
  'takeovers',
  'createdAt',
  'updatedAt',
  'status',
]

describe('toTaskExecution', () => {
  it.each([
    ['ready', ['startAt']],
    ['running', ['startedAt', 'executorId']],
    ['waiting_for_children', ['activeChildrenCount']],
    ['waiting_for_finalize', []],
    ['completed', ['output', 'startedAt', 'finishedAt']],
    ['failed', ['error', 'startedAt', 'finishedAt']],
    ['timed_out', ['error', 'startedAt', 'finishedAt']],
    ['finalize_failed', ['error', 'startedAt', 'finishedAt']],
    ['cancelled', ['error', 'startedAt', 'finishedAt']],
  ] as const)('has only the fields of its status when it is %s', (status, fields) => {
    expect(Object.keys(shown({ status })).sort()).toEqual([...BASE_FIELDS, ...fields].sort())
  })

  it.each(ALL_TASK_EXECUTION_STATUSES)('has only valid dates when it is %s', (status) => {
    // Not even a row that lost its times may show an invalid date.
    for (const times of [{}, { startedAt: null, finishedAt: null }]) {
      const dates = Object.values(shown({ status, ...times })).filter(
        (value) => value instanceof Date,
      )
      expect(dates.length).toBeGreaterThanOrEqual(2)
      expect(dates.map((date) => Number.isNaN(date.getTime()))).not.toContain(true)
    }
  })

  it('shows the decoded input and output', () => {
    const execution = shown({ status: 'completed', input: '{"a":1}', output: '[2]' })
    expect(execution).toMatchObject({ input: { a: 1 }, output: [2] })
  })

  it('shows an input and an output that are undefined', () => {
    expect(shown({ status: 'completed', input: null, output: null })).toMatchObject({
      input: undefined,
      output: undefined,
    })
  })

  it('shows when a ready one starts, and why the run before failed', () => {
    const execution = shown({
      status: 'ready',
      startAt: CREATED_AT + 5000,
      attempt: 1,
      error: createStoredError({ message: 'first' }),
    })
    if (execution.status !== 'ready') throw new Error(`It is ${execution.status}`)
    expect(execution.startAt).toEqual(new Date(CREATED_AT + 5000))
    expect(execution.prevError).toBeInstanceOf(DurableExecutionError)
    expect(execution.prevError?.message).toBe('first')
  })

  it('shows no executor while it sleeps', () => {
    const execution = shown({ status: 'running', sleepingKey: 'key', executorId: null })
    expect(execution).not.toHaveProperty('executorId')
  })

  it('shows the previous error of a running one', () => {
    const execution = shown({ status: 'running', error: createStoredError({ message: 'first' }) })
    expect(execution).toHaveProperty('prevError.message', 'first')
  })

  it('shows no time-out where nothing runs', () => {
    expect(shown({ status: 'waiting_for_children', timeoutMs: null })).not.toHaveProperty(
      'timeoutMs',
    )
  })

  it('shows no start where nothing ever ran', () => {
    expect(shown({ status: 'cancelled', startedAt: null })).not.toHaveProperty('startedAt')
  })

  it('shows the last write where a finished row has lost its end', () => {
    const updatedAt = CREATED_AT + 1234
    expect(shown({ status: 'completed', finishedAt: null, updatedAt })).toMatchObject({
      finishedAt: new Date(updatedAt),
    })
  })

  it('shows root and parent of a child', () => {
    const root = { taskId: 'root', executionId: 'te_root' }
    const parent = { taskId: 'p', executionId: 'te_p', indexInParent: 4, isFinalize: false }
    expect(shown({ root, parent })).toMatchObject({
      root,
      parent: {
        taskId: 'p',
        executionId: 'te_p',
        indexInParentChildren: 4,
        isFinalizeOfParent: false,
      },
    })
  })

  it('shows no parent of a root', () => {
    const execution = shown({ taskId: 'top', executionId: 'te_top' })
    expect(execution).not.toHaveProperty('parent')
    expect(execution.root).toEqual({ taskId: 'top', executionId: 'te_top' })
  })
})

describe('toTaskExecutionParent', () => {
  it('tells a finalize from a child', () => {
    const reference = { taskId: 'p', executionId: 'te_p', indexInParent: 0, isFinalize: true }
    expect(toTaskExecutionParent(reference).isFinalizeOfParent).toBe(true)
  })
})

describe('errorOf', () => {
  it('is the error of the row, in its own class', () => {
    const error = createStoredError({ errorType: 'cancelled', code: 'cancelled', message: 'no' })
    expect(errorOf(createRecord({ status: 'cancelled', error }))).toEqual(
      new DurableExecutionCancelledError('no'),
    )
  })

  it.each(ERRORED_TASK_EXECUTION_STATUSES)('says so where a %s row has none', (status) => {
    const error = errorOf(createRecord({ executionId: 'te_9', status, error: null }))
    expect(error.message).toContain('te_9')
    expect(error.message).toContain(status)
    expect(error).toMatchObject({ code: 'storage', isInternal: true, isRetryable: false })
  })
})
