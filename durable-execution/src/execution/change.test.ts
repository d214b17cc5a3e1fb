import { describe, expect, it } from 'vitest'

import { CREATED_AT, createRecord, createStoredError } from '../../tests/support/records'
import { applyChange, type ExecutionChange } from './change'

const NOW = CREATED_AT + 10_000

function createChange(parts: Partial<ExecutionChange>): ExecutionChange {
  return {
    status: 'completed',
    attempt: 0,
    takeovers: 0,
    runOutput: null,
    output: null,
    error: null,
    claimInMs: null,
    startsNow: false,
    sleepingKey: null,
    ...parts,
  }
}

function applied(change: Partial<ExecutionChange>, activeChildrenCount = 0) {
  const record = createRecord({ claimCount: 2 })
  return applyChange(record, createChange(change), { now: NOW, activeChildrenCount })
}

describe('applyChange', () => {
  it('takes the row out of the hands of its executor and keeps the fencing number', () => {
    expect(applied({ status: 'completed' })).toMatchObject({ executorId: null, claimCount: 2 })
  })

  it('writes what the change says and keeps what is fixed', () => {
    const error = createStoredError()
    const changed = applied({
      status: 'ready',
      attempt: 3,
      takeovers: 1,
      runOutput: '"r"',
      output: '"o"',
      error,
      claimInMs: 5,
      sleepingKey: 'key',
    })
    expect(changed).toEqual({
      ...createRecord({ claimCount: 2 }),
      status: 'ready',
      attempt: 3,
      takeovers: 1,
      runOutput: '"r"',
      output: '"o"',
      error,
      sleepingKey: 'key',
      executorId: null,
      claimAt: NOW + 5,
      startAt: NOW + 5,
      updatedAt: NOW,
    })
  })

  it('adds no column of its own', () => {
    expect(Object.keys(applied({})).sort()).toEqual(Object.keys(createRecord()).sort())
  })

  it.each(['completed', 'failed', 'timed_out', 'finalize_failed', 'cancelled'] as const)(
    'ends a row that becomes %s: it has an end and is never due',
    (status) => {
      expect(applied({ status, claimInMs: 100 })).toMatchObject({ finishedAt: NOW, claimAt: null })
    },
  )

  it('makes a waiting parent due at once when nothing is active under it', () => {
    expect(applied({ status: 'waiting_for_children' }, 0)).toMatchObject({
      claimAt: NOW,
      activeChildrenCount: 0,
      finishedAt: null,
    })
  })

  it('makes a waiting parent due by no time while something is active under it', () => {
    expect(applied({ status: 'waiting_for_finalize' }, 2)).toMatchObject({
      claimAt: null,
      activeChildrenCount: 2,
    })
  })

  it('makes a waiting parent that is given back due when it was asked for', () => {
    expect(applied({ status: 'waiting_for_children', claimInMs: 250 }).claimAt).toBe(NOW + 250)
  })

  it('moves the start only of what becomes ready', () => {
    expect(applied({ status: 'ready', claimInMs: 700 }).startAt).toBe(NOW + 700)
    expect(applied({ status: 'running', claimInMs: 700 }).startAt).toBe(CREATED_AT)
    expect(applied({ status: 'ready', claimInMs: null }).startAt).toBe(CREATED_AT)
  })

  it('notes the start of a run only where one starts', () => {
    expect(applied({ status: 'running', startsNow: true }).startedAt).toBe(NOW)
    expect(applied({ status: 'running', startsNow: false }).startedAt).toBe(CREATED_AT)
  })
})
