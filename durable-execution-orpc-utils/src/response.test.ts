import { ORPCError } from '@orpc/client'
import { describe, expect, it } from 'vitest'

import { headOf, rememberResponse, responseOf } from './response'

const headers = { 'retry-after': '7', date: 'Sun, 06 Nov 1994 08:49:37 GMT' }
const head = { status: 503, retryAfter: '7', date: headers.date }

describe('responseOf', () => {
  it('knows the response that was remembered for an error', () => {
    const error = new Error('failed')
    rememberResponse(error, headOf({ status: 503, headers }))
    expect(responseOf(error)).toEqual(head)
    expect(responseOf(new Error('failed'))).toBeUndefined()
  })

  it('knows it for an error that wraps the one it was remembered for', () => {
    const cause = new Error('failed')
    rememberResponse(cause, headOf({ status: 503, headers }))
    expect(responseOf(new Error('wrapped', { cause }))).toEqual(head)
  })

  it('knows the response that oRPC put into the error because it is not its own', () => {
    const data = { status: 503, headers, body: new Blob(['<h1>Down</h1>']) }
    const error = new ORPCError('SERVICE_UNAVAILABLE', { status: 503, data })
    expect(responseOf(error)).toEqual(head)
  })

  it.each([
    ['that have no status', { headers }],
    ['that have another status', { status: 502, headers }],
    ['without headers', { status: 503, headers: 'none' }],
    ['that are no object', 'busy'],
  ])('does not take data for a response %s', (_name, data) => {
    expect(responseOf(new ORPCError('SERVICE_UNAVAILABLE', { status: 503, data }))).toBeUndefined()
  })

  it('takes anything that can be thrown', () => {
    rememberResponse('text', headOf({ status: 503, headers }))
    expect(responseOf('text')).toBeUndefined()
    expect(responseOf(null)).toBeUndefined()
    expect(responseOf(undefined)).toBeUndefined()
  })
})

describe('headOf', () => {
  it('takes the first of a header that was sent twice, and does without those that were not', () => {
    expect(headOf({ status: 429, headers: { 'retry-after': ['1', '2'] } })).toEqual({
      status: 429,
      retryAfter: '1',
      date: undefined,
    })
  })
})
