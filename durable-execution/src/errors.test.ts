import { describe, expect, it } from 'vitest'

import { createStoredError } from '../tests/support/records'
import {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  DurableExecutionTimedOutError,
  fromStoredError,
  messageOf,
  retryAfterMsOf,
  toStoredError,
} from './errors'

describe('DurableExecutionError', () => {
  it('is retryable, not internal and generic unless it says otherwise', () => {
    expect(new DurableExecutionError('Oh')).toMatchObject({
      name: 'DurableExecutionError',
      message: 'Oh',
      code: 'generic',
      isRetryable: true,
      isInternal: false,
    })
    expect(new DurableExecutionError('Oh')).not.toHaveProperty('cause')
  })

  it('takes what it is told', () => {
    const cause = new Error('below')
    const error = new DurableExecutionError('Oh', {
      code: 'storage',
      isRetryable: false,
      isInternal: true,
      cause,
    })
    expect(error).toMatchObject({ code: 'storage', isRetryable: false, isInternal: true, cause })
  })

  it('is made retryable or not by name', () => {
    expect(DurableExecutionError.retryable('Oh')).toMatchObject({ isRetryable: true })
    expect(DurableExecutionError.nonRetryable('Oh', { code: 'too_large' })).toMatchObject({
      isRetryable: false,
      code: 'too_large',
    })
  })

  it.each([
    [new DurableExecutionNotFoundError('x'), 'DurableExecutionNotFoundError', 'not_found', false],
    [new DurableExecutionTimedOutError(), 'DurableExecutionTimedOutError', 'timed_out', true],
    [new DurableExecutionCancelledError(), 'DurableExecutionCancelledError', 'cancelled', false],
  ])('has subclasses that can be told apart: %s', (error, name, code, isRetryable) => {
    expect(error).toBeInstanceOf(DurableExecutionError)
    expect(error).toMatchObject({ name, code, isRetryable, isInternal: false })
    expect(error.message).not.toBe('')
  })

  it('has subclasses that carry a message and a cause', () => {
    const cause = new Error('below')
    for (const Subclass of [
      DurableExecutionNotFoundError,
      DurableExecutionTimedOutError,
      DurableExecutionCancelledError,
    ]) {
      expect(new Subclass('Oh', { cause })).toMatchObject({ message: 'Oh', cause })
    }
  })
})

/** Things that user code throws, on purpose or not. */
const ODD: Record<string, unknown> = {
  'an error with a getter that throws': Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('no message for you')
    },
  }),
  'an error whose message is no text': Object.assign(new Error(), { message: 42 }),
  'an error whose message is undefined': Object.assign(new Error(), { message: undefined }),
  'an object with a getter that throws': {
    get a(): string {
      throw new Error('no')
    },
  },
  'an object that refers to itself': (() => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    return circle
  })(),
  'an object whose toJSON answers nothing': { toJSON: () => undefined },
  'an object without a prototype': Object.create(null) as unknown,
  'a proxy that refuses everything': new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
      getPrototypeOf: () => {
        throw new Error('no')
      },
    },
  ),
  'a big integer': 12n,
  'an object with a big integer': { a: 1n },
  'a symbol': Symbol('s'),
  'a function': () => 1,
  null: null,
  undefined,
  'not a number': NaN,
}

describe('messageOf', () => {
  it.each([
    ['an error', new Error('Oh'), 'Oh'],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['text', 'Oh', 'Oh'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a number', 3, '3'],
  ])('tells what was thrown: %s', (_name, thrown, message) => {
    expect(messageOf(thrown)).toBe(message)
  })

  it.each(Object.entries(ODD))('is text whatever was thrown: %s', (_name, thrown) => {
    const message: unknown = messageOf(thrown)
    expect(typeof message).toBe('string')
    expect(message).not.toBe('')
  })
})

describe('toStoredError', () => {
  it.each(Object.entries(ODD))('stores whatever was thrown: %s', (_name, thrown) => {
    const stored = toStoredError(thrown)
    expect(stored).toMatchObject({ errorType: 'generic', code: 'generic', isRetryable: true })
    expect(JSON.parse(JSON.stringify(stored))).toEqual(stored)
  })

  it('keeps code and flags of our own errors', () => {
    const error = new DurableExecutionError('Oh', {
      code: 'too_large',
      isRetryable: false,
      isInternal: true,
    })
    expect(toStoredError(error)).toEqual({
      errorType: 'generic',
      code: 'too_large',
      message: 'Oh',
      isRetryable: false,
      isInternal: true,
    })
  })

  it('lets no stack and no cause out of the process', () => {
    const error = new DurableExecutionError('Oh', { cause: new Error('secret') })
    expect(Object.keys(toStoredError(error)).sort()).toEqual(
      ['code', 'errorType', 'isInternal', 'isRetryable', 'message'].sort(),
    )
  })
})

describe('retryAfterMsOf', () => {
  it.each([
    [250, 250],
    [0.6, 1],
    [0, 0],
    [-5, 0],
    [NaN, 0],
    [Infinity, 0],
    [undefined, 0],
  ])('is what the error asks for, if it is a delay: %s', (retryAfterMs, delayMs) => {
    expect(retryAfterMsOf(DurableExecutionError.retryable('busy', { retryAfterMs }))).toBe(delayMs)
  })

  it.each(Object.entries(ODD))('is none for what is not ours: %s', (_name, thrown) => {
    expect(retryAfterMsOf(thrown)).toBe(0)
  })
})

describe('fromStoredError', () => {
  it.each([
    ['generic', new DurableExecutionError('Oh', { code: 'invalid_input', isRetryable: false })],
    ['not_found', new DurableExecutionNotFoundError('Oh')],
    ['timed_out', new DurableExecutionTimedOutError('Oh')],
    ['cancelled', new DurableExecutionCancelledError('Oh')],
  ])('is what was stored: %s', (errorType, error) => {
    const stored = toStoredError(error)
    expect(stored.errorType).toBe(errorType)
    const back = fromStoredError(stored)
    expect(back.constructor).toBe(error.constructor)
    expect(toStoredError(back)).toEqual(stored)
  })

  it('makes errors that can be thrown and caught by class', () => {
    const stored = createStoredError({ errorType: 'cancelled', code: 'cancelled' })
    expect(() => {
      throw fromStoredError(stored)
    }).toThrow(DurableExecutionCancelledError)
  })
})
