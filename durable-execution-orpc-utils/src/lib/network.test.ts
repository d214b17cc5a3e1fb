import { describe, expect, it } from 'vitest'

import { networkFailureOf } from './network'

function coded(message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}

function named(name: string, message = 'of this name'): Error {
  return Object.assign(new Error(message), { name })
}

describe('networkFailureOf', () => {
  it.each([
    [
      'a refused connection',
      new TypeError('fetch failed', {
        cause: coded('connect ECONNREFUSED 10.1.2.3:80', 'ECONNREFUSED'),
      }),
      'fetch failed (ECONNREFUSED)',
    ],
    [
      'all addresses of a name refused',
      new TypeError('fetch failed', {
        cause: new AggregateError([
          coded('connect ECONNREFUSED ::1:80', 'ECONNREFUSED'),
          coded('connect ECONNREFUSED 127.0.0.1:80', 'ECONNREFUSED'),
        ]),
      }),
      'fetch failed (ECONNREFUSED)',
    ],
    [
      'an answer that broke off, as oRPC wraps it',
      new Error('Cannot parse response body', {
        cause: new TypeError('terminated', { cause: coded('other side closed', 'UND_ERR_SOCKET') }),
      }),
      'terminated (UND_ERR_SOCKET)',
    ],
    ['a reset connection', coded('read ECONNRESET', 'ECONNRESET'), 'ECONNRESET'],
    [
      'a name that is not found',
      coded('getaddrinfo ENOTFOUND db.internal', 'ENOTFOUND'),
      'ENOTFOUND',
    ],
    [
      'a socket that hung up, of which a wrapper kept only the words',
      new Error('request to http://10.1.2.3/ failed, reason: socket hang up'),
      'the connection was lost',
    ],
    ['an abort from below', named('AbortError'), 'the call was broken off'],
    ['a time limit of the link', named('TimeoutError'), 'the call took too long'],
    ['fetch without a cause', new TypeError('fetch failed'), 'fetch failed'],
  ])('tells of %s, without addresses', (_name, error, words) => {
    expect(networkFailureOf(error)).toBe(words)
  })

  it.each([
    ['a TypeError of code', new TypeError("Cannot read properties of undefined (reading 'json')")],
    ['a wrong URL', Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' })],
    [
      'an answer that is no JSON',
      new Error('Cannot parse', { cause: new SyntaxError('Unexpected') }),
    ],
    ['an error that only quotes fetch', new Error('fetch failed')],
    ['a missing file', coded('no such file', 'ENOENT')],
    ['text', 'ECONNREFUSED'],
    ['nothing', undefined],
  ])('tells of none: %s', (_name, error) => {
    expect(networkFailureOf(error)).toBeNull()
  })
})
