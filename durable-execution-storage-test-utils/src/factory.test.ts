import { ALL_TASK_EXECUTION_STATUSES, isWaiting } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { childOf, createTaskExecutionRecord, finalizeOf, newExecution } from './factory'
import { findViolations } from './invariants'

describe('createTaskExecutionRecord', () => {
  it.each(ALL_TASK_EXECUTION_STATUSES)('makes a record that may be, of status %s', (status) => {
    const record = createTaskExecutionRecord({ executionId: 'p', status })
    const place = status === 'waiting_for_finalize' ? finalizeOf(record) : childOf(record, 0)
    const child = createTaskExecutionRecord({ ...place, executionId: 'c' })
    const rows = isWaiting(status) ? [record, child] : [record]
    expect(findViolations(rows)).toEqual([])
  })

  it('keeps what it is given', () => {
    const parts = { executionId: 'a', status: 'failed', attempt: 3, queue: 'q' } as const
    expect(createTaskExecutionRecord(parts)).toMatchObject(parts)
  })
})

describe('newExecution', () => {
  it('makes a root of its own id and task', () => {
    const execution = newExecution({ executionId: 'a', taskId: 't' })
    expect(execution).toMatchObject({
      parent: null,
      root: { executionId: 'a', taskId: 't' },
      start: 'ready',
    })
  })
})

describe('childOf and finalizeOf', () => {
  it('refer to the parent and to its root', () => {
    const root = newExecution({ executionId: 'r' })
    const parent = childOf(root, 4, { executionId: 'p', taskId: 'middle' })
    const finalize = finalizeOf(parent, { executionId: 'f' })
    expect(parent.parent).toMatchObject({ executionId: 'r', indexInParent: 4, isFinalize: false })
    expect(finalize.parent).toEqual({
      taskId: 'middle',
      executionId: 'p',
      indexInParent: 0,
      isFinalize: true,
    })
    expect(finalize.root.executionId).toBe('r')
  })
})
