import { describe, expect, it } from 'vitest'

import { Backoff } from './backoff'

function pauses(backoff: Backoff, count: number): number[] {
  return Array.from({ length: count }, () => backoff.next())
}

describe('Backoff', () => {
  it('doubles from the base up to the maximum', () => {
    const backoff = new Backoff({ baseMs: 20, maxMs: 100, random: () => 0 })
    expect(pauses(backoff, 5)).toEqual([20, 40, 80, 100, 100])
  })

  it('takes off up to half by chance', () => {
    const backoff = new Backoff({ baseMs: 20, maxMs: 100, random: () => 0.5 })
    expect(pauses(backoff, 4)).toEqual([15, 30, 60, 75])
    const lucky = new Backoff({ baseMs: 20, maxMs: 100, random: () => 1 })
    expect(lucky.next()).toBe(10)
  })

  it('begins anew once the thing worked', () => {
    const backoff = new Backoff({ baseMs: 20, maxMs: 100, random: () => 0 })
    pauses(backoff, 3)
    backoff.reset()
    expect(pauses(backoff, 2)).toEqual([20, 40])
  })

  it('stays at the maximum for ever', () => {
    const backoff = new Backoff({ baseMs: 20, maxMs: 100, random: () => 0 })
    // 20 · 2^2000 is Infinity.
    expect(new Set(pauses(backoff, 2000).slice(3))).toEqual(new Set([100]))
  })
})
