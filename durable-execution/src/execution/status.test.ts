import { describe, expect, it } from 'vitest'

import {
  ACTIVE_TASK_EXECUTION_STATUSES,
  ALL_TASK_EXECUTION_STATUSES,
  ERRORED_TASK_EXECUTION_STATUSES,
  FINISHED_TASK_EXECUTION_STATUSES,
  isFinished,
  isWaiting,
} from './status'

describe('statuses', () => {
  it('are each either active or finished', () => {
    const split = [...ACTIVE_TASK_EXECUTION_STATUSES, ...FINISHED_TASK_EXECUTION_STATUSES]
    expect(split).toHaveLength(new Set(split).size)
    expect(new Set(split)).toEqual(new Set(ALL_TASK_EXECUTION_STATUSES))
  })

  it('that are errored are the finished ones other than completed', () => {
    expect(['completed', ...ERRORED_TASK_EXECUTION_STATUSES].sort()).toEqual(
      [...FINISHED_TASK_EXECUTION_STATUSES].sort(),
    )
  })

  it('are finished exactly when nothing happens any more', () => {
    expect(ALL_TASK_EXECUTION_STATUSES.filter(isFinished)).toEqual([
      'completed',
      'failed',
      'timed_out',
      'finalize_failed',
      'cancelled',
    ])
  })

  it('wait for children or for a finalize, and for nothing else', () => {
    expect(ALL_TASK_EXECUTION_STATUSES.filter(isWaiting)).toEqual([
      'waiting_for_children',
      'waiting_for_finalize',
    ])
  })
})
