import type { ExecutionRecord } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { createTaskExecutionRecord } from './factory'
import { findViolations } from './invariants'

/** A child of the execution `p`. */
function child(parts: Partial<ExecutionRecord> = {}): ExecutionRecord {
  return createTaskExecutionRecord({
    executionId: 'c',
    root: { taskId: 'task', executionId: 'p' },
    parent: { taskId: 'task', executionId: 'p', indexInParent: 0, isFinalize: false },
    ...parts,
  })
}

function parent(parts: Partial<ExecutionRecord> = {}): ExecutionRecord {
  return createTaskExecutionRecord({ executionId: 'p', status: 'waiting_for_children', ...parts })
}

function finalize(): ExecutionRecord {
  return child({
    parent: { taskId: 'task', executionId: 'p', indexInParent: 0, isFinalize: true },
  })
}

function single(parts: Partial<ExecutionRecord>): ExecutionRecord[] {
  return [createTaskExecutionRecord({ executionId: 'e', ...parts })]
}

describe('findViolations', () => {
  it.each([
    ['nothing', []],
    ['a ready execution', single({})],
    ['a running one', single({ status: 'running' })],
    ['a sleeping one', single({ status: 'running', sleepingKey: 'key' })],
    ['a completed one', single({ status: 'completed' })],
    ['a woken one', single({ status: 'completed', sleepingKey: 'key:e' })],
    ['a parent with an active child', [parent(), child()]],
    ['one that waits for its finalize', [parent({ status: 'waiting_for_finalize' }), finalize()]],
    ['a parent that is due', [parent({ activeChildrenCount: 0, claimAt: 1 })]],
  ])('finds nothing wrong with %s', (_, rows) => {
    expect(findViolations(rows)).toEqual([])
  })

  it.each<[string, ExecutionRecord[]]>([
    ['has no finishedAt', single({ status: 'completed', finishedAt: null })],
    ['is finished and has a claimAt', single({ status: 'failed', claimAt: 5 })],
    ['is finished and held', single({ status: 'failed', executorId: 'x' })],
    ['is active and has a finishedAt', single({ status: 'running', finishedAt: 1 })],
    ['is never due', single({ claimAt: null })],
    ['is ready and held by an executor', single({ executorId: 'x' })],
    ['is never up for takeover', single({ status: 'running', claimAt: null })],
    ['neither an executor nor a sleeping key', single({ status: 'running', executorId: null })],
    ['is held without ever having been claimed', single({ status: 'running', claimCount: 0 })],
    ['has an output', single({ status: 'running', output: '1' })],
    ['has no error', single({ status: 'timed_out', error: null })],
    ['has not given up its sleeping key', single({ status: 'completed', sleepingKey: 'key' })],
    ['has given up its sleeping key', single({ status: 'running', sleepingKey: 'key:e' })],
    ['no whole number of milliseconds', single({ updatedAt: 1_800_000_000_000.5 })],
    ['was updated before it was created', single({ updatedAt: 1 })],
    ['counts 1 active children, and has 0', single({ activeChildrenCount: 1 })],
    ['counts 2 active children, and has 1', [parent({ activeChildrenCount: 2 }), child()]],
    ['waits for nothing and is never due', [parent({ activeChildrenCount: 0 })]],
    ['is due before its children finished', [parent({ claimAt: 1 }), child()]],
    ['is held before its children finished', [parent({ claimAt: 1, executorId: 'x' }), child()]],
    ['is active under its failed parent', [parent({ status: 'failed' }), child()]],
    ['has no row of its parent', [child()]],
    ['has a count below zero', single({ takeovers: -1 })],
    ['another root than itself', single({ root: { taskId: 'task', executionId: 'q' } })],
    ['is being finalized while it waits', [parent(), finalize()]],
    ['waits for its finalize while a child', [parent({ status: 'waiting_for_finalize' }), child()]],
    [
      'another root than its parent',
      [parent(), child({ root: { taskId: 'task', executionId: 'q' } })],
    ],
    ["has not its parent's task id", [parent({ taskId: 'other' }), child()]],
    ['e is there twice', [...single({}), ...single({})]],
    [
      'sleeping key key is in several rows',
      [
        ...single({ status: 'running', sleepingKey: 'key' }),
        createTaskExecutionRecord({ status: 'running', sleepingKey: 'key' }),
      ],
    ],
    [
      'several children have the place p 0 false',
      [parent({ activeChildrenCount: 2 }), child(), child({ executionId: 'd' })],
    ],
  ])('finds that one %s', (violation, rows) => {
    expect(findViolations(rows).join('\n')).toContain(violation)
  })
})
