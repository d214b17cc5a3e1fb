import { describe, expect, it } from 'vitest'

import {
  CREATED_AT,
  createNewExecution,
  createRecord,
  createStoredError,
} from '../../tests/support/records'
import { applyChange } from './change'
import type { ExecutionRecord } from './record'
import { NO_RETRIES } from './retry'
import { ACTIVE_TASK_EXECUTION_STATUSES, isFinished } from './status'
import * as transitions from './transitions'

const NOW = CREATED_AT + 60_000
const BY = { now: NOW, executorId: 'other', leaseMs: 15_000 }

const timedOut = createStoredError({ errorType: 'timed_out', code: 'timed_out' })
const cancelled = createStoredError({
  errorType: 'cancelled',
  code: 'cancelled',
  isRetryable: false,
})

/** Every field but those that a test names, to show that a change keeps them. */
const busy = createRecord({
  attempt: 2,
  takeovers: 1,
  runOutput: '"run output"',
  error: createStoredError({ message: 'the attempt before' }),
  retryOptions: { ...NO_RETRIES, maxAttempts: 3, baseDelayMs: 100, delayMultiplier: 2 },
})

const sleeper = createRecord({ executionId: 'te_s', sleepingKey: 'key', timeoutMs: 5000 })

describe('complete', () => {
  it('ends with the output and without an error', () => {
    expect(transitions.complete(busy, '"out"')).toEqual({
      status: 'completed',
      attempt: 2,
      takeovers: 1,
      runOutput: '"run output"',
      output: '"out"',
      error: null,
      claimInMs: null,
      startsNow: false,
      sleepingKey: null,
    })
  })

  it('appends the execution id to the key of a sleeper, so that the key is free again', () => {
    expect(transitions.complete(sleeper, null).sleepingKey).toBe('key:te_s')
  })
})

describe('fail', () => {
  it.each([
    ['generic', 'failed'],
    ['not_found', 'failed'],
    ['timed_out', 'timed_out'],
    ['cancelled', 'cancelled'],
  ] as const)('makes a run that ended with an error of type %s %s', (errorType, status) => {
    const error = createStoredError({ errorType })
    expect(transitions.fail(busy, error)).toMatchObject({ status, error, output: null })
  })

  it.each(['waiting_for_children', 'waiting_for_finalize'] as const)(
    'makes a parent that is %s finalize_failed, whatever the error is',
    (status) => {
      const parent = createRecord({ status })
      expect(transitions.fail(parent, timedOut).status).toBe('finalize_failed')
      expect(transitions.fail(parent, cancelled).status).toBe('finalize_failed')
    },
  )

  it('frees the key of a sleeper', () => {
    expect(transitions.fail(sleeper, timedOut)).toMatchObject({
      status: 'timed_out',
      sleepingKey: 'key:te_s',
    })
  })
})

describe('retryOrFail', () => {
  it('starts the next attempt after its delay, with the error and without its takeovers', () => {
    const error = createStoredError({ message: 'again' })
    expect(transitions.retryOrFail(busy, error, 0)).toMatchObject({
      status: 'ready',
      attempt: 3,
      takeovers: 0,
      error,
      output: null,
      claimInMs: 400,
      startsNow: false,
    })
  })

  it('takes the jitter from the number it is given', () => {
    const jittered = createRecord({
      retryOptions: { ...NO_RETRIES, maxAttempts: 1, baseDelayMs: 100, jitter: 1 },
    })
    expect(transitions.retryOrFail(jittered, createStoredError(), 0.25).claimInMs).toBe(75)
  })

  it('waits for as long as the error asks for, if that is longer', () => {
    const error = createStoredError()
    expect(transitions.retryOrFail(busy, error, 0, 5000).claimInMs).toBe(5000)
    expect(transitions.retryOrFail(busy, error, 0, 300).claimInMs).toBe(400)
  })

  it('fails when no attempt is left', () => {
    const last = { ...busy, attempt: 3 }
    expect(transitions.retryOrFail(last, createStoredError(), 0).status).toBe('failed')
    expect(transitions.retryOrFail(last, timedOut, 0).status).toBe('timed_out')
  })

  it('fails at once when the error is not retryable', () => {
    const error = createStoredError({ isRetryable: false })
    expect(transitions.retryOrFail(busy, error, 0).status).toBe('failed')
  })
})

describe('waiting', () => {
  it('for children keeps the run output and forgets takeovers and the error before', () => {
    expect(transitions.waitForChildren(busy, '"mine"')).toEqual({
      status: 'waiting_for_children',
      attempt: 2,
      takeovers: 0,
      runOutput: '"mine"',
      output: null,
      error: null,
      claimInMs: null,
      startsNow: false,
      sleepingKey: null,
    })
  })

  it('for a finalize does the same', () => {
    expect(transitions.waitForFinalize(busy, '"mine"')).toMatchObject({
      status: 'waiting_for_finalize',
      runOutput: '"mine"',
      takeovers: 0,
      error: null,
      claimInMs: null,
    })
  })

  it('for the next child stays as it is', () => {
    const chain = createRecord({ status: 'waiting_for_children', takeovers: 2 })
    expect(transitions.waitForNextChild(chain)).toMatchObject({
      status: 'waiting_for_children',
      takeovers: 0,
      claimInMs: null,
    })
  })
})

describe('fallAsleep', () => {
  it('runs from now until the time-out, held by nobody', () => {
    const delayed = createRecord({ sleepingKey: 'key', startedAt: null, timeoutMs: 5000 })
    const asleep = applyChange(delayed, transitions.fallAsleep(delayed), {
      now: NOW,
      activeChildrenCount: 0,
    })
    expect(asleep).toMatchObject({
      status: 'running',
      executorId: null,
      startedAt: NOW,
      claimAt: NOW + 5000,
      sleepingKey: 'key',
    })
  })
})

describe('release', () => {
  it('gives a run back with no attempt burned and its history kept', () => {
    expect(transitions.release(busy, 30)).toMatchObject({
      status: 'ready',
      attempt: 2,
      takeovers: 1,
      error: busy.error,
      claimInMs: 30,
    })
  })

  it.each(['waiting_for_children', 'waiting_for_finalize'] as const)(
    'keeps a parent %s',
    (status) => {
      const parent = createRecord({ status, runOutput: '"mine"' })
      expect(transitions.release(parent, 0)).toMatchObject({ status, runOutput: '"mine"' })
    },
  )

  it('keeps a sleeper asleep, and puts one that had not fallen asleep back to ready', () => {
    expect(transitions.release(sleeper, 0)).toMatchObject({
      status: 'running',
      sleepingKey: 'key',
    })
    expect(transitions.release({ ...sleeper, startedAt: null }, 0).status).toBe('ready')
  })
})

describe('wakeUp', () => {
  it('completes with the output', () => {
    const change = transitions.wakeUp(sleeper, { status: 'completed', output: '"up"' })
    expect(change).toMatchObject({ status: 'completed', output: '"up"', sleepingKey: 'key:te_s' })
  })

  it('fails with the error, as failed whatever its type', () => {
    const change = transitions.wakeUp(sleeper, { status: 'failed', error: timedOut })
    expect(change).toMatchObject({ status: 'failed', error: timedOut, sleepingKey: 'key:te_s' })
  })
})

describe('createRecord', () => {
  const at = { now: NOW, executorId: 'me', leaseMs: 15_000, activeChildrenCount: 0 }

  it('begins ready, due after its delay', () => {
    const execution = createNewExecution({ start: 'ready', sleepMsBeforeRun: 700, input: '1' })
    const { start: _start, ...identity } = execution
    expect(transitions.createRecord(execution, at)).toEqual({
      ...identity,
      status: 'ready',
      runOutput: null,
      output: null,
      error: null,
      attempt: 0,
      takeovers: 0,
      claimCount: 0,
      executorId: null,
      claimAt: NOW + 700,
      startAt: NOW + 700,
      startedAt: null,
      finishedAt: null,
      activeChildrenCount: 0,
      createdAt: NOW,
      updatedAt: NOW,
    })
  })

  it('begins running under the claim of its executor', () => {
    const claimed = transitions.createRecord(createNewExecution({ start: 'claimed' }), at)
    expect(claimed).toMatchObject({
      status: 'running',
      executorId: 'me',
      claimCount: 1,
      claimAt: NOW + 15_000,
      startAt: NOW,
      startedAt: NOW,
    })
  })

  it('begins asleep, due at its time-out and held by nobody', () => {
    const execution = createNewExecution({ start: 'asleep', sleepingKey: 'key', timeoutMs: 400 })
    expect(transitions.createRecord(execution, at)).toMatchObject({
      status: 'running',
      executorId: null,
      claimCount: 0,
      claimAt: NOW + 400,
      startedAt: NOW,
      sleepingKey: 'key',
    })
  })

  it('begins asleep and due at once where it has no time-out', () => {
    const execution = createNewExecution({ start: 'asleep', timeoutMs: null })
    expect(transitions.createRecord(execution, at).claimAt).toBe(NOW)
  })

  it('begins waiting, due only if nothing is active under it', () => {
    const execution = createNewExecution({ start: 'waiting', sleepMsBeforeRun: 700 })
    const waiting = transitions.createRecord(execution, { ...at, activeChildrenCount: 1 })
    expect(waiting).toMatchObject({
      status: 'waiting_for_children',
      claimAt: null,
      startAt: NOW,
      startedAt: null,
      activeChildrenCount: 1,
    })
    expect(transitions.createRecord(execution, at).claimAt).toBe(NOW)
  })

  it('never begins with an "Invalid Date"', () => {
    for (const start of ['ready', 'claimed', 'asleep', 'waiting'] as const) {
      const record = transitions.createRecord(createNewExecution({ start }), at)
      expect([record.startAt, record.createdAt, record.updatedAt].every(Number.isFinite)).toBe(true)
    }
  })
})

describe('refuseTakenKey', () => {
  it('begins failed, says why, and leaves the key to its holder', () => {
    const child = createNewExecution({
      executionId: 'te_c',
      sleepingKey: 'key',
      start: 'asleep',
      sleepMsBeforeRun: 900,
    })
    const refused = transitions.refuseTakenKey(child, BY)
    expect(refused).toMatchObject({
      status: 'failed',
      error: transitions.SLEEPING_KEY_TAKEN,
      claimAt: null,
      finishedAt: NOW,
      executorId: null,
      sleepingKey: 'key:te_c',
    })
    expect(refused.error).toMatchObject({ code: 'already_exists', isRetryable: false })
  })
})

describe('claim', () => {
  it('starts what is ready', () => {
    const ready = createRecord({ status: 'ready', claimCount: 4 })
    expect(transitions.claim(ready, BY)).toEqual({
      ...ready,
      status: 'running',
      executorId: 'other',
      claimCount: 5,
      claimAt: NOW + 15_000,
      takeovers: 0,
      startedAt: NOW,
      updatedAt: NOW,
    })
  })

  it('counts a takeover where another executor holds the row', () => {
    const lapsed = createRecord({ executorId: 'dead', takeovers: 1 })
    expect(transitions.isTakeover(lapsed)).toBe(true)
    expect(transitions.claim(lapsed, BY)).toMatchObject({
      status: 'running',
      takeovers: 2,
      executorId: 'other',
      startedAt: NOW,
    })
  })

  it('resumes a waiting parent as it is', () => {
    const parent = createRecord({ status: 'waiting_for_finalize', activeChildrenCount: 0 })
    expect(transitions.claim(parent, BY)).toMatchObject({
      status: 'waiting_for_finalize',
      startedAt: CREATED_AT,
      takeovers: 0,
      claimCount: 2,
    })
  })

  it('of a sleeper at its deadline is no takeover and starts no run', () => {
    expect(transitions.isTakeover(sleeper)).toBe(false)
    expect(transitions.claim(sleeper, BY)).toMatchObject({ takeovers: 0, startedAt: CREATED_AT })
  })

  it('of a delayed sleeper leaves open when it falls asleep', () => {
    const delayed = createRecord({ status: 'ready', sleepingKey: 'key' })
    expect(transitions.claim(delayed, BY)).toMatchObject({ status: 'running', startedAt: null })
  })
})

describe('isSuspect', () => {
  it.each([
    { takeovers: 0, executorId: null, expected: false },
    { takeovers: 0, executorId: 'dead', expected: false },
    { takeovers: 1, executorId: null, expected: false },
    { takeovers: 1, executorId: 'dead', expected: true },
    { takeovers: 2, executorId: null, expected: true },
    { takeovers: 3, executorId: 'dead', expected: true },
  ])(
    'is $expected for $takeovers takeovers and the executor $executorId',
    ({ expected, ...parts }) => {
      expect(transitions.isSuspect(createRecord(parts))).toBe(expected)
    },
  )
})

describe('cancel', () => {
  it.each(ACTIVE_TASK_EXECUTION_STATUSES)('ends an execution that is %s', (status) => {
    const record = createRecord({ status, activeChildrenCount: 2 })
    expect(transitions.cancel(record, cancelled, NOW)).toMatchObject({
      status: 'cancelled',
      error: cancelled,
      claimAt: null,
      executorId: null,
      finishedAt: NOW,
      activeChildrenCount: 0,
    })
  })

  it('frees the key of a sleeper', () => {
    expect(transitions.cancel(sleeper, cancelled, NOW).sleepingKey).toBe('key:te_s')
  })
})

describe('bringDown', () => {
  const parent = createRecord({ status: 'waiting_for_children', activeChildrenCount: 3 })

  it('leaves a parent waiting while something is active', () => {
    expect(transitions.bringDown(parent, 2, NOW)).toMatchObject({
      activeChildrenCount: 1,
      claimAt: null,
      updatedAt: NOW,
    })
  })

  it('makes a parent due when nothing is active any more', () => {
    expect(transitions.bringDown(parent, 3, NOW)).toMatchObject({
      activeChildrenCount: 0,
      claimAt: NOW,
    })
  })

  it('takes further children into account', () => {
    expect(transitions.bringDown(parent, -2, NOW).activeChildrenCount).toBe(5)
  })

  it('writes nothing for a net zero', () => {
    expect(transitions.bringDown(parent, 0, NOW)).toBe(parent)
  })

  it('leaves a parent alone that does not wait any more', () => {
    const gone = createRecord({ status: 'cancelled', activeChildrenCount: 0 })
    expect(transitions.bringDown(gone, 1, NOW)).toBe(gone)
  })
})

describe('every change of a claimed execution', () => {
  const records: ExecutionRecord[] = [
    createRecord(),
    createRecord({ status: 'waiting_for_children' }),
    createRecord({ status: 'waiting_for_finalize' }),
    sleeper,
  ]
  const changes = records.flatMap((record) => [
    transitions.complete(record, null),
    transitions.fail(record, createStoredError()),
    transitions.fail(record, timedOut),
    transitions.retryOrFail(record, createStoredError(), 0.5),
    transitions.release(record, 0),
    transitions.fallAsleep(record),
    transitions.waitForChildren(record, null),
    transitions.waitForFinalize(record, null),
  ])

  it('has an error exactly where it ends without an output', () => {
    for (const { status, error } of changes.filter((change) => isFinished(change.status))) {
      expect(error === null).toBe(status === 'completed')
    }
  })

  it('is due by time exactly where it becomes ready or falls asleep', () => {
    for (const { status, claimInMs } of changes) {
      if (status === 'ready' || status === 'running') expect(claimInMs).not.toBeNull()
      if (isFinished(status)) expect(claimInMs).toBeNull()
    }
  })
})
