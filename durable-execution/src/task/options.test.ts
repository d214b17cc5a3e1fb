import { describe, expect, it } from 'vitest'

import { thrownBy } from '../../tests/support/thrown'
import { MAX_DURATION_MS, NO_RETRIES } from '../execution/retry'
import type { ExecutionOptions } from './children'
import {
  checkExecutionId,
  checkTaskId,
  overrideTaskOptions,
  refuseOptions,
  resolveTaskOptions,
} from './options'

/** Also what the types forbid: users without types pass anything. */
function resolve(options: Record<string, unknown>): ReturnType<typeof resolveTaskOptions> {
  return resolveTaskOptions({ id: 'add', timeoutMs: 1000, ...options })
}

function override(options: unknown): ReturnType<typeof overrideTaskOptions> {
  const task = resolve({ retryOptions: { maxAttempts: 2, baseDelayMs: 50 }, queue: 'slow' })
  return overrideTaskOptions(task, options as ExecutionOptions, 'add')
}

/** What every wrong option has in common. */
function expectRefusal(call: () => unknown, message: RegExp): void {
  const error = thrownBy(call)
  expect(error).toMatchObject({ code: 'invalid_task', isRetryable: false })
  expect(error).toHaveProperty('message', expect.stringMatching(message))
}

describe('checkTaskId', () => {
  it.each(['a', 'A_1', '0', '_', 'a'.repeat(255)])('takes %s', (id) => {
    expect(() => {
      checkTaskId(id)
    }).not.toThrow()
  })

  it.each([
    ['', /^Task id cannot be empty/],
    ['a'.repeat(256), /^Invalid task id ".*: expected at most 255 characters, got 256$/],
    ['a-b', /^Invalid task id "a-b": expected only letters, digits and underscores$/],
    ['a b', /only letters/],
    ['ä', /only letters/],
    ['a\n', /only letters/],
    [5, /^Invalid task id: expected text, got 5$/],
    [undefined, /^Invalid task id: expected text, got undefined$/],
    [null, /got null$/],
  ])('refuses %j', (id, message) => {
    expectRefusal(() => {
      checkTaskId(id)
    }, message)
  })
})

describe('resolveTaskOptions', () => {
  it('fills in the defaults', () => {
    expect(resolve({})).toEqual({
      retryOptions: NO_RETRIES,
      sleepMsBeforeRun: 0,
      timeoutMs: 1000,
      queue: null,
    })
  })

  it('fills in the defaults of retry options', () => {
    expect(resolve({ retryOptions: { maxAttempts: 4 } }).retryOptions).toEqual({
      maxAttempts: 4,
      baseDelayMs: 0,
      delayMultiplier: 1,
      maxDelayMs: MAX_DURATION_MS,
      jitter: 0,
    })
  })

  it('takes every option as undefined', () => {
    const retryOptions = {
      maxAttempts: undefined,
      baseDelayMs: undefined,
      delayMultiplier: undefined,
      maxDelayMs: undefined,
      jitter: undefined,
    }
    expect(resolve({ retryOptions, sleepMsBeforeRun: undefined, queue: undefined })).toEqual(
      resolve({}),
    )
  })

  it.each([
    { timeoutMs: 1 },
    { timeoutMs: MAX_DURATION_MS },
    { sleepMsBeforeRun: 0 },
    { sleepMsBeforeRun: MAX_DURATION_MS },
    { queue: 'a' },
    { queue: 'a'.repeat(255) },
  ])('takes an option at its bound: %j', (options) => {
    expect(resolve(options)).toMatchObject(options)
  })

  it.each([
    { maxAttempts: 0 },
    { maxAttempts: 1_000_000 },
    { baseDelayMs: 0.5 },
    { baseDelayMs: MAX_DURATION_MS },
    { delayMultiplier: 0 },
    { delayMultiplier: 1.5 },
    { maxDelayMs: 0 },
    { maxDelayMs: MAX_DURATION_MS },
    { jitter: 0 },
    { jitter: 1 },
  ])('takes a retry option at its bound: %j', (retryOptions) => {
    expect(resolve({ retryOptions }).retryOptions).toMatchObject(retryOptions)
  })

  it.each([undefined, null, 0, -1, 1.5, NaN, Infinity, MAX_DURATION_MS + 1, '1000', {}])(
    'refuses the time-out %j',
    (timeoutMs) => {
      expectRefusal(() => resolve({ timeoutMs }), /^Invalid timeout value for task add: .+, got .+/)
    },
  )

  it.each([-1, 1.5, NaN, Infinity, MAX_DURATION_MS + 1, '0', {}])(
    'refuses the sleep %j',
    (sleepMsBeforeRun) => {
      expectRefusal(
        () => resolve({ sleepMsBeforeRun }),
        /^Invalid sleep ms before run for task add: .+, got .+/,
      )
    },
  )

  it.each(['', 'a'.repeat(256), 5, {}])('refuses the queue %j', (queue) => {
    expectRefusal(() => resolve({ queue }), /^Invalid queue for task add: .+, got .+/)
  })

  it.each([
    [{ maxAttempts: -1 }, /^Invalid retry options for task add: maxAttempts: .*, got -1$/],
    [{ maxAttempts: 1.5 }, /maxAttempts: .*, got 1.5$/],
    [{ maxAttempts: '3' }, /maxAttempts: .*, got "3"$/],
    [{ baseDelayMs: -1 }, /baseDelayMs: .*, got -1$/],
    [{ baseDelayMs: MAX_DURATION_MS + 1 }, /baseDelayMs: /],
    [{ baseDelayMs: NaN }, /baseDelayMs: .*, got NaN$/],
    [{ delayMultiplier: -1 }, /delayMultiplier: .*, got -1$/],
    [{ delayMultiplier: Infinity }, /delayMultiplier: .*, got Infinity$/],
    [{ maxDelayMs: -1 }, /maxDelayMs: .*, got -1$/],
    [{ jitter: -0.1 }, /jitter: .*, got -0.1$/],
    [{ jitter: 1.1 }, /jitter: .*, got 1.1$/],
    [{ maxAttempt: 3 }, /^Invalid retry options for task add: .*maxAttempt/],
    [5, /^Invalid retry options for task add: .*, got 5$/],
    [null, /^Invalid retry options for task add: .*, got null$/],
  ])('refuses the retry options %j', (retryOptions, message) => {
    expectRefusal(() => resolve({ retryOptions }), message)
  })
})

describe('overrideTaskOptions', () => {
  it('keeps what the task says where nothing is said', () => {
    const task = resolve({ queue: 'slow' })
    expect(overrideTaskOptions(task, undefined, 'add')).toBe(task)
    expect(overrideTaskOptions(task, {}, 'add')).toBe(task)
    expect(overrideTaskOptions(task, { timeoutMs: undefined }, 'add')).toBe(task)
  })

  it('lays each option over that of the task', () => {
    expect(override({ timeoutMs: 5 })).toMatchObject({ timeoutMs: 5, queue: 'slow' })
    expect(override({ sleepMsBeforeRun: 5 })).toMatchObject({ sleepMsBeforeRun: 5 })
    expect(override({ queue: 'fast' })).toMatchObject({ queue: 'fast', timeoutMs: 1000 })
  })

  it('lays each retry option over that of the task', () => {
    expect(override({ retryOptions: { baseDelayMs: 7 } }).retryOptions).toMatchObject({
      maxAttempts: 2,
      baseDelayMs: 7,
    })
    expect(override({ retryOptions: { maxAttempts: 0 } }).retryOptions).toMatchObject({
      maxAttempts: 0,
      baseDelayMs: 50,
    })
  })

  it.each([
    [{ timeoutMs: 0 }, /^Invalid timeout value for task add: /],
    [{ sleepMsBeforeRun: -1 }, /^Invalid sleep ms before run for task add: /],
    [{ queue: '' }, /^Invalid queue for task add: /],
    [{ retryOptions: { maxAttempts: -1 } }, /^Invalid retry options for task add: /],
    ['soon', /^Invalid options for task add: expected an object, got "soon"$/],
    [null, /^Invalid options for task add: expected an object, got null$/],
  ])('checks them as those of a task are: %j', (options, message) => {
    expectRefusal(() => override(options), message)
  })
})

describe('refuseOptions', () => {
  it('names the option that cannot be honoured, and why', () => {
    expectRefusal(() => {
      refuseOptions({ timeoutMs: 5 }, ['retryOptions', 'timeoutMs'], 'chain', 'it has none')
    }, /^Invalid options for task chain: timeoutMs cannot be given, it has none$/)
  })

  it('lets pass what is undefined, and other options', () => {
    for (const options of [undefined, {}, { timeoutMs: undefined }, { queue: 'a' }]) {
      expect(() => {
        refuseOptions(options, ['timeoutMs'], 'chain', 'it has none')
      }).not.toThrow()
    }
  })
})

describe('checkExecutionId', () => {
  it.each([undefined, 'a', 'order 1/2: "é"', 'a'.repeat(255)])('takes %j', (executionId) => {
    expect(checkExecutionId('add', executionId)).toBe(executionId)
  })

  it.each(['', 'a'.repeat(256), 5, null, {}])('refuses %j', (executionId) => {
    expectRefusal(
      () => checkExecutionId('add', executionId),
      /^Invalid execution id for task add: expected text of 1 to 255 characters, got /,
    )
  })
})
