import { describe, expect, it } from 'vitest'

import { MAX_RETRY_AFTER_MS, parseHttpDate, retryAfterMs } from './retry-after'

const NOW = Date.parse('2030-05-05T12:00:00Z')
const IN_A_MINUTE = 'Sun, 05 May 2030 12:01:00 GMT'

describe('retryAfterMs', () => {
  it.each([
    ['0', 0],
    ['7', 7000],
    [' 7 ', 7000],
    ['1.5', 1500],
    ['86400', MAX_RETRY_AFTER_MS],
    ['86401', MAX_RETRY_AFTER_MS],
    ['9'.repeat(400), MAX_RETRY_AFTER_MS],
  ])('reads seconds: %s', (header, expected) => {
    expect(retryAfterMs(header, undefined, NOW)).toBe(expected)
  })

  it('reads a date by the clock of the server that wrote it', () => {
    const date = 'Sun, 05 May 2030 11:59:30 GMT'
    expect(retryAfterMs(IN_A_MINUTE, date, NOW)).toBe(90_000)
  })

  it.each([undefined, 'yesterday'])('reads a date by the given time where Date is %s', (date) => {
    expect(retryAfterMs(IN_A_MINUTE, date, NOW)).toBe(60_000)
  })

  it('does not wait for a date that has passed, and at most a day', () => {
    expect(retryAfterMs('Sun, 05 May 2030 11:00:00 GMT', undefined, NOW)).toBe(0)
    expect(retryAfterMs('Sun, 05 May 2041 11:00:00 GMT', undefined, NOW)).toBe(MAX_RETRY_AFTER_MS)
  })

  it.each([undefined, '', 'soon', '-5', '1e3', '0x10', '5 s', '2030-05-05T12:01:00Z', 'Sun, 99'])(
    'takes %s for nothing said',
    (header) => {
      expect(retryAfterMs(header, undefined, NOW)).toBe(0)
    },
  )
})

describe('parseHttpDate', () => {
  // The examples of RFC 9110, section 5.6.7
  it.each([
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
  ])('reads each form of an HTTP date: %s', (text) => {
    expect(parseHttpDate(text)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37))
  })
})
