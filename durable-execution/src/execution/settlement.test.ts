import { describe, expect, it } from 'vitest'

import { createNewExecution, createRecord } from '../../tests/support/records'
import type { NewExecution } from './record'
import { countActiveInsertions, parentDelta, settlementOf } from './settlement'
import * as transitions from './transitions'

const NOBODY: ReadonlySet<string> = new Set()

function childOf(parentExecutionId: string, executionId: string): NewExecution {
  return createNewExecution({
    executionId,
    parent: {
      taskId: 'parent',
      executionId: parentExecutionId,
      indexInParent: 0,
      isFinalize: false,
    },
  })
}

const step = createRecord({
  executionId: 'te_step',
  claimCount: 3,
  root: { taskId: 'root', executionId: 'te_root' },
  parent: { taskId: 'chain', executionId: 'te_chain', indexInParent: 0, isFinalize: false },
})

describe('settlementOf', () => {
  it('guards the change by the claim and the status it was decided under', () => {
    const change = transitions.complete(step, '1')
    expect(settlementOf(step, change)).toEqual({
      executionId: 'te_step',
      claimCount: 3,
      expectedStatus: 'running',
      rootExecutionId: 'te_root',
      parentExecutionId: 'te_chain',
      change,
      insertions: [],
    })
  })

  it('names no parent for a root', () => {
    const root = createRecord()
    const settlement = settlementOf(root, transitions.complete(root, null))
    expect(settlement.parentExecutionId).toBeNull()
    expect(settlement.rootExecutionId).toBe(root.executionId)
  })

  it('carries the rows to insert', () => {
    const insertions = [childOf('te_step', 'te_child')]
    const change = transitions.waitForChildren(step, null)
    expect(settlementOf(step, change, insertions).insertions).toBe(insertions)
  })
})

describe('countActiveInsertions', () => {
  const insertions = [
    childOf('te_a', 'te_1'),
    childOf('te_a', 'te_2'),
    childOf('te_b', 'te_3'),
    createNewExecution({ executionId: 'te_4' }),
  ]

  it('counts the rows under one parent', () => {
    expect(countActiveInsertions(insertions, 'te_a', NOBODY)).toBe(2)
    expect(countActiveInsertions(insertions, 'te_b', NOBODY)).toBe(1)
    expect(countActiveInsertions(insertions, 'te_c', NOBODY)).toBe(0)
  })

  it('leaves out the rows that were inserted as failed', () => {
    expect(countActiveInsertions(insertions, 'te_a', new Set(['te_2', 'te_3']))).toBe(1)
  })
})

describe('parentDelta', () => {
  it('is one for a child that finishes', () => {
    expect(parentDelta(settlementOf(step, transitions.complete(step, null)), NOBODY)).toBe(1)
  })

  it('is zero for a child that does not finish', () => {
    const waits = settlementOf(step, transitions.waitForChildren(step, null), [
      childOf('te_step', 'te_child'),
    ])
    expect(parentDelta(waits, NOBODY)).toBe(0)
  })

  it('is zero for a step that finishes and inserts the next', () => {
    const goesOn = settlementOf(step, transitions.complete(step, null), [
      childOf('te_chain', 'te_next'),
    ])
    expect(parentDelta(goesOn, NOBODY)).toBe(0)
    expect(parentDelta(goesOn, new Set(['te_next']))).toBe(1)
  })

  it('is zero for a root', () => {
    const root = createRecord()
    expect(parentDelta(settlementOf(root, transitions.complete(root, null)), NOBODY)).toBe(0)
  })
})
