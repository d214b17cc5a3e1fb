import { ORPCError } from '@orpc/client'
import {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  toStoredError,
  type DurableExecutionErrorCode,
} from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { answerTo, isRepeatable, toDurableError } from './errors'
import { rememberResponse } from './response'

const NOW = Date.parse('2030-05-05T12:00:00Z')

/** What becomes of every status that an error of oRPC can have. */
const RETRYABLE = [408, 429, 500, 502, 503, 504]
const NOT_FOUND = [404]
const STATUSES = [100, 199, ...Array.from({ length: 200 }, (_, index) => 400 + index), 999]

function answered(status: number): ORPCError<string, unknown> {
  return new ORPCError('SOME_CODE', { status, message: `Said with ${status}` })
}

describe('an error that the remote side answered with', () => {
  it.each(RETRYABLE)('is retryable with status %i', (status) => {
    const error = toDurableError(answered(status), NOW)
    expect(error).toMatchObject({ code: 'generic', isRetryable: true, retryAfterMs: 0 })
    expect(error.message).toBe(`Said with ${status}`)
  })

  it.each(NOT_FOUND)('is a not-found error with status %i', (status) => {
    const error = toDurableError(answered(status), NOW)
    expect(error).toBeInstanceOf(DurableExecutionNotFoundError)
    expect(error).toMatchObject({ isRetryable: false, message: `Said with ${status}` })
  })

  it('is not retryable with any other status', () => {
    const others = STATUSES.filter((status) => ![...RETRYABLE, ...NOT_FOUND].includes(status))
    expect(others).toHaveLength(STATUSES.length - 7)
    for (const status of others) {
      const error = toDurableError(answered(status), NOW)
      expect(error).toMatchObject({
        name: 'DurableExecutionError',
        code: 'generic',
        isRetryable: false,
        message: `Said with ${status}`,
      })
    }
  })

  it('is a not-found error by its code, whatever the status', () => {
    const error = new ORPCError('NOT_FOUND', { status: 410, message: 'Gone' })
    expect(toDurableError(error, NOW)).toBeInstanceOf(DurableExecutionNotFoundError)
  })

  it('is known by its shape: two copies of oRPC have two classes, and links may throw plain JSON', () => {
    const error = toDurableError(answered(503).toJSON(), NOW)
    expect(error).toMatchObject({ isRetryable: true, message: 'Said with 503' })
  })

  it('leaves nothing but its message for the storage', () => {
    const thrown = new ORPCError('SOLD_OUT', {
      defined: true,
      status: 409,
      message: 'Nothing left',
      data: { secret: 'of data' },
      cause: new Error('secret of cause'),
    })
    const error = toDurableError(thrown, NOW)
    expect(toStoredError(error)).toEqual({
      errorType: 'generic',
      code: 'generic',
      message: 'Nothing left',
      isRetryable: false,
      isInternal: false,
    })
  })
})

describe('what was thrown', () => {
  it.each([404, 503, 400])('is the cause of the error, with status %i', (status) => {
    const thrown = answered(status)
    expect(toDurableError(thrown, NOW).cause).toBe(thrown)
  })
})

describe('a Retry-After', () => {
  const response = { status: 503, retryAfter: '7', date: undefined }

  it.each(RETRYABLE)('is kept of an error with status %i', (status) => {
    const thrown = answered(status)
    rememberResponse(thrown, { ...response, status })
    expect(toDurableError(thrown, NOW)).toMatchObject({ retryAfterMs: 7000 })
  })

  it('with a date is read by the given time', () => {
    const thrown = answered(429)
    rememberResponse(thrown, { ...response, retryAfter: 'Sun, 05 May 2030 12:01:00 GMT' })
    expect(toDurableError(thrown, NOW)).toMatchObject({ retryAfterMs: 60_000 })
  })

  it('means nothing where there is no retry', () => {
    for (const status of [400, 404]) {
      const thrown = answered(status)
      rememberResponse(thrown, { ...response, status })
      expect(toDurableError(thrown, NOW)).toMatchObject({ isRetryable: false, retryAfterMs: 0 })
    }
  })
})

describe('a response that oRPC could not read', () => {
  it.each([
    [503, true],
    [404, false],
    [400, false],
    [302, false],
  ])('counts by its status %i', (status, isRetryable) => {
    const thrown = new Error('Cannot parse response body', { cause: new SyntaxError('<h1>') })
    rememberResponse(thrown, { status, retryAfter: undefined, date: undefined })
    const error = toDurableError(thrown, NOW)
    expect(error).toMatchObject({ isRetryable, code: status === 404 ? 'not_found' : 'generic' })
    expect(error.message).toBe(
      `The remote procedure answered with status ${status} and no error of oRPC`,
    )
  })

  it('is not retryable if its status was good: the next will read no better', () => {
    const thrown = new Error('Cannot parse response body', { cause: new SyntaxError('<h1>') })
    rememberResponse(thrown, { status: 200, retryAfter: undefined, date: undefined })
    expect(toDurableError(thrown, NOW)).toMatchObject({
      isRetryable: false,
      message: 'The call of the remote procedure failed: Cannot parse response body',
    })
  })

  it('is retryable if its status was good and the connection broke', () => {
    const cause = new TypeError('terminated')
    const thrown = new Error('Cannot parse response body', { cause })
    rememberResponse(thrown, { status: 200, retryAfter: undefined, date: undefined })
    expect(toDurableError(thrown, NOW)).toMatchObject({
      isRetryable: true,
      message: 'The connection to the remote procedure failed: terminated',
    })
  })
})

describe('any other thrown value', () => {
  it('is retryable if the network failed', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:80'), {
      code: 'ECONNREFUSED',
    })
    const error = toDurableError(new TypeError('fetch failed', { cause }), NOW)
    expect(error).toMatchObject({
      isRetryable: true,
      message: 'The connection to the remote procedure failed: fetch failed (ECONNREFUSED)',
    })
  })

  it.each([
    [new Error('No token'), 'No token'],
    ['No token', 'No token'],
    [new Error(''), 'it threw a value of type object'],
    [{ secret: 1 }, 'it threw a value of type object'],
    [null, 'it threw null'],
    [undefined, 'it threw a value of type undefined'],
  ])('is not retryable: %o', (thrown, words) => {
    expect(toDurableError(thrown, NOW)).toMatchObject({
      name: 'DurableExecutionError',
      isRetryable: false,
      message: `The call of the remote procedure failed: ${words}`,
    })
  })

  it.each([
    DurableExecutionError.retryable('Ask again', { retryAfterMs: 5 }),
    new DurableExecutionCancelledError(),
  ])('stays what it is if it is a durable error: $name', (error) => {
    expect(toDurableError(error, NOW)).toBe(error)
  })
})

describe('the table of answers', () => {
  it.each([
    ['not_found', 'NOT_FOUND'],
    ['too_large', 'BAD_REQUEST'],
    ['already_exists', 'BAD_REQUEST'],
    ['shut_down', 'SERVICE_UNAVAILABLE'],
    ['storage', 'INTERNAL_SERVER_ERROR'],
    ['of_a_newer_version', 'INTERNAL_SERVER_ERROR'],
  ])('answers %s with %s', (code, answer) => {
    expect(answerTo(code as DurableExecutionErrorCode)).toBe(answer)
  })

  it('leads back to the code that was answered', () => {
    const thrown = new ORPCError('BAD_REQUEST', { data: { code: 'too_large' } })
    expect(toDurableError(thrown, 0)).toMatchObject({ code: 'too_large', isRetryable: false })
    const odd = new ORPCError('BAD_REQUEST', { data: { code: 'odd' } })
    expect(toDurableError(odd, 0)).toMatchObject({ code: 'generic' })
  })

  it.each<[unknown, boolean]>([
    [new ORPCError('SERVICE_UNAVAILABLE'), true],
    [new ORPCError('BAD_GATEWAY'), true],
    [new ORPCError('GATEWAY_TIMEOUT'), true],
    [new ORPCError('TOO_MANY_REQUESTS'), true],
    [new ORPCError('TIMEOUT'), true],
    [new TypeError('Failed to fetch'), true],
    [new TypeError('Load failed'), true],
    [new TypeError('x is not a function'), false],
    [new ORPCError('INTERNAL_SERVER_ERROR'), false],
    [new ORPCError('NOT_FOUND'), false],
    [new ORPCError('FORBIDDEN'), false],
    [new ORPCError('constructor', { status: 403 }), false],
  ])('says whether %s is repeated: %s', (thrown, expected) => {
    expect(isRepeatable(thrown)).toBe(expected)
  })
})
