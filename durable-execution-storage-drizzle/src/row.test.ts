import { applyChange, transitions } from 'durable-execution'
import { createTaskExecutionRecord } from 'durable-execution-storage-test-utils'
import { describe, expect, it } from 'vitest'

import { CHANGE_COLUMNS, changeValues } from './change'
import { COLUMNS, fromRow, GUARD_COLUMNS, toGuard, toRow } from './row'

const error = {
  errorType: 'generic',
  code: 'generic',
  message: 'It "broke" \0 — 💥 \u2028',
  isRetryable: true,
  isInternal: false,
} as const

/** What the columns imply, for good: rows that are there were written so. */
const NO_RETRIES = {
  maxAttempts: 0,
  baseDelayMs: 0,
  delayMultiplier: 1,
  maxDelayMs: 3_153_600_000_000,
  jitter: 0,
}

const records = [
  createTaskExecutionRecord(),
  createTaskExecutionRecord({ status: 'running', timeoutMs: null, input: null }),
  createTaskExecutionRecord({ status: 'running', sleepingKey: 'key', startedAt: null }),
  createTaskExecutionRecord({ status: 'waiting_for_children', activeChildrenCount: 3 }),
  createTaskExecutionRecord({ status: 'failed', error, sleepingKey: 'key:te_1' }),
  createTaskExecutionRecord({
    executionId: 'te_’"\\💥',
    parent: { taskId: 'parent', executionId: 'te_0', indexInParent: 7, isFinalize: false },
    root: { taskId: 'root', executionId: 'te_root' },
    retryOptions: {
      maxAttempts: 3,
      baseDelayMs: 0.5,
      delayMultiplier: 1.5,
      maxDelayMs: 1e12,
      jitter: 0.25,
    },
  }),
  createTaskExecutionRecord({
    parent: { taskId: 'parent', executionId: 'te_0', indexInParent: 0, isFinalize: true },
  }),
]

describe('rows', () => {
  it('have a value for each column', () => {
    for (const record of records) expect(toRow(record)).toHaveLength(COLUMNS.length)
  })

  it('give back the record they were made of', () => {
    for (const record of records) expect(fromRow(toRow(record))).toStrictEqual(record)
  })

  it.each([
    ['{}', NO_RETRIES],
    ['{"maxAttempts":3,"jitter":0.5}', { ...NO_RETRIES, maxAttempts: 3, jitter: 0.5 }],
  ])('have of the retry options what is not the default: %s', (json, retryOptions) => {
    const record = createTaskExecutionRecord({ retryOptions })
    expect(toRow(record)[COLUMNS.indexOf('retry_options')]).toBe(json)
    expect(fromRow(toRow(record))).toStrictEqual(record)
  })

  it('are read with all retry options written out, too', () => {
    const record = createTaskExecutionRecord({ retryOptions: NO_RETRIES })
    const row: unknown[] = toRow(record)
    row[COLUMNS.indexOf('retry_options')] = JSON.stringify(NO_RETRIES)
    expect(fromRow(row)).toStrictEqual(record)
  })

  it('are read from drivers that give integers as bigint or text', () => {
    for (const record of records) {
      for (const convert of [BigInt, String]) {
        const row = toRow(record).map((value) =>
          typeof value === 'number' && Number.isInteger(value) ? convert(value) : value,
        )
        expect(fromRow(row)).toStrictEqual(record)
      }
    }
  })

  it('say what is wrong when something else wrote them', () => {
    const row: unknown[] = toRow(createTaskExecutionRecord())
    row[COLUMNS.indexOf('status')] = 'paused'
    expect(() => fromRow(row)).toThrow('holds paused where a status was expected')
    row[COLUMNS.indexOf('task_id')] = 7
    expect(() => fromRow(row)).toThrow('holds 7 where a text was expected')
  })

  it('share retry options that nobody can change', () => {
    const [a, b] = [records[0], records[1]]
      .flatMap((record) => record ?? [])
      .map(toRow)
      .map(fromRow)
    expect(a?.retryOptions).toBe(b?.retryOptions)
    expect(Object.isFrozen(a?.retryOptions)).toBe(true)
  })
})

describe('guards', () => {
  it('are the columns of the row', () => {
    for (const record of records) {
      const row = toRow(record)
      const guard = toGuard(GUARD_COLUMNS.map((column) => row[COLUMNS.indexOf(column)] ?? null))
      const { executionId, taskId, status, claimCount, executorId, sleepingKey, parent } = record
      expect(guard).toStrictEqual({
        executionId,
        taskId,
        status,
        claimCount,
        executorId,
        sleepingKey,
        parentExecutionId: parent?.executionId ?? null,
      })
    }
  })
})

describe('changeValues', () => {
  const held = createTaskExecutionRecord({
    status: 'running',
    startAt: 5,
    startedAt: 6,
    attempt: 2,
  })
  const changes = {
    complete: transitions.complete(held, '"done"'),
    fail: transitions.fail(held, error),
    retry: transitions.retryOrFail(
      { ...held, retryOptions: { ...held.retryOptions, maxAttempts: 9, baseDelayMs: 50 } },
      error,
      0,
    ),
    wait: transitions.waitForChildren(held, '"run"'),
    release: transitions.release(held, 30),
    'fall asleep': transitions.fallAsleep({ ...held, sleepingKey: 'key' }),
  }

  it.each(Object.entries(changes))('writes what applyChange says: %s', (_, change) => {
    const at = { now: 1000, activeChildrenCount: 2 }
    const values = changeValues(change, at)
    const row = toRow(applyChange(held, change, at))
    const kept = { start_at: held.startAt, started_at: held.startedAt }
    const written = CHANGE_COLUMNS.map((column, index) => {
      const isKept = column === 'start_at' || column === 'started_at'
      return values[index] ?? (isKept ? kept[column] : null)
    })
    expect(written).toStrictEqual(CHANGE_COLUMNS.map((column) => row[COLUMNS.indexOf(column)]))
  })
})
