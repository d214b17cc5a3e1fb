/** Errors that are made, stored and read of odd things: none of them throws, and each can still be stored. */
import { describe, expect, it } from 'vitest'

import {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  DurableExecutionTimedOutError,
  fromStoredError,
  toStoredError,
} from '../src/index'
import { createCycle, createHostile, untyped } from './support/refusals'

type AnyConstructor = new (...args: unknown[]) => DurableExecutionError

const Any: AnyConstructor = untyped(DurableExecutionError)
const NotFound: AnyConstructor = untyped(DurableExecutionNotFoundError)
const TimedOut: AnyConstructor = untyped(DurableExecutionTimedOutError)
const Cancelled: AnyConstructor = untyped(DurableExecutionCancelledError)
const { retryable, nonRetryable } =
  untyped<Record<'retryable' | 'nonRetryable', (...args: unknown[]) => DurableExecutionError>>(
    DurableExecutionError,
  )

/** The fields of an error that says nothing of itself. */
const PLAIN = { code: 'generic', isRetryable: true, isInternal: false, retryAfterMs: 0 }

describe('an error', () => {
  it.each<[name: string, make: () => DurableExecutionError, fields: object]>([
    ['nothing', () => new Any(), { ...PLAIN, message: '' }],
    ['null', () => new Any(null), { ...PLAIN, message: 'null' }],
    ['a number', () => new Any(404), { ...PLAIN, message: '404' }],
    ['a symbol', () => new Any(Symbol('s')), { ...PLAIN, message: 'Symbol(s)' }],
    ['another error', () => new Any(new TypeError('below')), { ...PLAIN, message: 'below' }],
    ['an object', () => new Any({ reason: 1 }), { ...PLAIN, message: '{"reason":1}' }],
    [
      'what refuses everything',
      () => new Any(createHostile()),
      { ...PLAIN, message: 'an error whose message cannot be read' },
    ],
    ['options of null', () => new Any('Oh', null), { ...PLAIN, message: 'Oh' }],
    ['options of text', () => new Any('Oh', 'retryable'), { ...PLAIN, message: 'Oh' }],
    ['options of a function', () => new Any('Oh', () => 1), PLAIN],
    ['options that refuse everything', () => new Any('Oh', createHostile()), PLAIN],
    ['options that are undefined', () => new Any('Oh', { code: undefined }), PLAIN],
    ['a code that is no text', () => new Any('Oh', { code: 5n }), PLAIN],
    ['a code of null', () => new Any('Oh', { code: null }), PLAIN],
    ['a code of its own', () => new Any('Oh', { code: 'sold_out' }), { code: 'sold_out' }],
    ['retries of null', () => new Any('Oh', { isRetryable: null }), { isRetryable: true }],
    ['retries of 0', () => new Any('Oh', { isRetryable: 0 }), { isRetryable: false }],
    ['retries of text', () => new Any('Oh', { isRetryable: 'yes' }), { isRetryable: true }],
    ['an inside of 1', () => new Any('Oh', { isInternal: 1 }), { isInternal: true }],
    ['a delay of text', () => new Any('Oh', { retryAfterMs: '5' }), { retryAfterMs: 0 }],
    ['a delay of null', () => new Any('Oh', { retryAfterMs: null }), { retryAfterMs: 0 }],
    ['a cause of null', () => new Any('Oh', { cause: null }), { ...PLAIN, cause: null }],
    ['null, made by name', () => retryable(null, null), { ...PLAIN, message: 'null' }],
    ['contradictions', () => nonRetryable('Oh', { isRetryable: true }), { isRetryable: false }],
    ['text for options', () => nonRetryable('Oh', 'no'), { isRetryable: false, code: 'generic' }],
    ['a task that is nothing', () => new NotFound(), { code: 'not_found', message: '' }],
    ['a task and null', () => new NotFound('Oh', null), { code: 'not_found', isRetryable: false }],
    ['a time-out of null', () => new TimedOut(null, null), { code: 'timed_out', message: 'null' }],
    [
      'a cancel with a code of its own',
      () => new Cancelled('Oh', { code: 'other', isRetryable: true }),
      { code: 'cancelled', isRetryable: false },
    ],
  ])('can be made of %s', (_name, make, fields) => {
    const error = make()
    expect(error).toBeInstanceOf(DurableExecutionError)
    expect(error).toMatchObject(fields)
    const stored = toStoredError(error)
    expect(JSON.parse(JSON.stringify(stored))).toEqual(stored)
    expect(stored).toMatchObject({ code: error.code, isRetryable: error.isRetryable })
  })
})

describe('toStoredError', () => {
  /** An error of ours whose field is something else. */
  const withField = (key: string, value: unknown): DurableExecutionError =>
    Object.defineProperty(new DurableExecutionError('Oh'), key, { value })
  const withGetter = (key: string): DurableExecutionError =>
    Object.defineProperty(new DurableExecutionError('Oh'), key, {
      get: () => {
        throw new Error('no')
      },
    })
  const generic = { errorType: 'generic', code: 'generic', isInternal: false }

  it.each<[name: string, thrown: unknown, stored: object]>([
    ['an own error whose code is an object', withField('code', createCycle()), generic],
    ['an own error whose code throws', withGetter('code'), generic],
    ['an own error whose message is a list', withField('message', [1, 2]), { message: '1,2' }],
    ['an own error whose message throws', withGetter('message'), generic],
    ['an own error with odd retries', withField('isRetryable', 'no'), { isRetryable: true }],
    ['an own error whose retries throw', withGetter('isRetryable'), { isRetryable: false }],
    ['an own error with an odd inside', withField('isInternal', 5n), { isInternal: true }],
    ['a proxy of an own error', new Proxy(new DurableExecutionError('Oh'), {}), { message: 'Oh' }],
    ['nothing', undefined, { ...generic, message: 'undefined', isRetryable: true }],
    ['empty text', '', { ...generic, message: 'an error without a message', isRetryable: true }],
    ['a stored error', toStoredError(new DurableExecutionError('Oh')), generic],
    ['what refuses everything', createHostile(), { ...generic, isRetryable: true }],
  ])('stores %s', (_name, thrown, fields) => {
    const stored = toStoredError(thrown)
    expect(stored).toMatchObject(fields)
    expect(JSON.parse(JSON.stringify(stored))).toEqual(stored)
    expect(stored.message).not.toBe('')
  })
})

describe('fromStoredError', () => {
  const read: (stored: unknown) => DurableExecutionError = untyped(fromStoredError)
  const whole = toStoredError(DurableExecutionError.nonRetryable('Oh', { code: 'too_large' }))

  it.each([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['text', 'Oh', '"Oh"'],
    ['a list', [], '[]'],
    ['an empty object', {}, '{}'],
    ['an object without a message', { errorType: 'generic' }, '{"errorType":"generic"}'],
    ['a message that is no text', { ...whole, message: 5, code: 5 }, expect.any(String)],
    ['what refuses everything', createHostile(), 'a value of type object'],
  ])('makes an error that says so of %s', (_name, stored, shown) => {
    const error = read(stored)
    expect(error).toMatchObject({ code: 'storage', isRetryable: false, isInternal: true })
    const begins =
      'Stored error cannot be read: expected { errorType, code, message, isRetryable, isInternal }, got '
    expect(error.message.startsWith(begins)).toBe(true)
    expect(error.message.slice(begins.length)).toEqual(shown)
  })

  it.each([
    ['a type of a newer version', { ...whole, errorType: 'quota' }, { code: 'too_large' }],
    ['no type', { ...whole, errorType: undefined }, { code: 'too_large', isRetryable: false }],
    ['a code of a newer version', { ...whole, code: 'quota' }, { code: 'quota' }],
    ['no code', { ...whole, code: undefined }, { code: 'generic', isRetryable: false }],
    ['a message only', { message: 'Oh' }, { code: 'generic', isRetryable: true }],
    ['more than it knows', { ...whole, stack: 'x' }, { code: 'too_large' }],
    ['a type of the prototype', { ...whole, errorType: '__proto__' }, { code: 'too_large' }],
  ])('reads what it can of %s', (_name, stored, fields) => {
    const error = read(stored)
    expect(error).toBeInstanceOf(DurableExecutionError)
    expect(error).toMatchObject({ message: 'Oh', ...fields })
  })
})
