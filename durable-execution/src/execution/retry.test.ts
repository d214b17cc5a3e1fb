import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import {
  isDelay,
  MAX_DURATION_MS,
  NO_RETRIES,
  retryDelayMs,
  type ResolvedRetryOptions,
} from './retry'

function retries(parts: Partial<ResolvedRetryOptions>): ResolvedRetryOptions {
  return { ...NO_RETRIES, ...parts }
}

describe('retryDelayMs', () => {
  it('is the base delay before the first retry', () => {
    expect(retryDelayMs(retries({ baseDelayMs: 100, delayMultiplier: 3 }), 1, 0)).toBe(100)
  })

  it('is multiplied with every further retry', () => {
    const options = retries({ baseDelayMs: 100, delayMultiplier: 3 })
    expect([1, 2, 3, 4].map((retry) => retryDelayMs(options, retry, 0))).toEqual([
      100, 300, 900, 2700,
    ])
  })

  it('stays the same with the default multiplier', () => {
    const options = retries({ baseDelayMs: 70 })
    expect([1, 2, 9].map((retry) => retryDelayMs(options, retry, 0))).toEqual([70, 70, 70])
  })

  it('shrinks with a multiplier below one', () => {
    const options = retries({ baseDelayMs: 100, delayMultiplier: 0.5 })
    expect([1, 2, 3].map((retry) => retryDelayMs(options, retry, 0))).toEqual([100, 50, 25])
  })

  it('is never longer than the maximum', () => {
    const options = retries({ baseDelayMs: 100, delayMultiplier: 10, maxDelayMs: 5000 })
    expect([2, 3, 400].map((retry) => retryDelayMs(options, retry, 0))).toEqual([1000, 5000, 5000])
  })

  it('is zero without a base delay, however large the multiplier to the power is', () => {
    expect(retryDelayMs(retries({ delayMultiplier: 1e300 }), 5, 0)).toBe(0)
  })

  it('is taken off by chance as far as jitter allows', () => {
    const full = retries({ baseDelayMs: 1000, jitter: 1 })
    const quarter = retries({ baseDelayMs: 1000, jitter: 0.25 })
    expect([0, 0.5, 0.999].map((random) => retryDelayMs(full, 1, random))).toEqual([1000, 500, 1])
    expect([0, 0.5, 0.999].map((random) => retryDelayMs(quarter, 1, random))).toEqual([
      1000, 875, 750,
    ])
  })

  it('is a whole number within its bounds, whatever the options', () => {
    const options = fc.record({
      maxAttempts: fc.nat(),
      baseDelayMs: fc.double({ min: 0, max: MAX_DURATION_MS, noNaN: true }),
      delayMultiplier: fc.double({ min: 0, max: 1e308, noNaN: true }),
      maxDelayMs: fc.double({ min: 0, max: MAX_DURATION_MS, noNaN: true }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 10_000 }), random, (given, retry, chance) => {
        const delayMs = retryDelayMs(given, retry, chance)
        expect(Number.isInteger(delayMs)).toBe(true)
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(given.maxDelayMs))
      }),
    )
  })
})

describe('NO_RETRIES', () => {
  it('cannot be changed by whoever holds it', () => {
    expect(Object.isFrozen(NO_RETRIES)).toBe(true)
    expect(NO_RETRIES.maxAttempts).toBe(0)
  })
})

describe('isDelay', () => {
  it.each([0, 1, 0.5, MAX_DURATION_MS])('takes %s', (ms) => {
    expect(isDelay(ms)).toBe(true)
  })

  it.each([-1, Number.NaN, Infinity, MAX_DURATION_MS + 1, '1', null, undefined])(
    'does not take %s',
    (ms) => {
      expect(isDelay(ms)).toBe(false)
    },
  )
})
