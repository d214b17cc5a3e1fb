import { describe, expect, it } from 'vitest'

import { SeededRandom } from './random'

function many<T>(make: (random: SeededRandom) => T, count = 2000): T[] {
  const random = new SeededRandom(42)
  return Array.from({ length: count }, () => make(random))
}

describe('SeededRandom', () => {
  it('gives the same numbers for the same seed, on every machine', () => {
    const random = new SeededRandom(1)
    expect([random.bits(), random.bits(), random.bits()]).toMatchInlineSnapshot(`
      [
        2527132011,
        314344336,
        2535364964,
      ]
    `)
    expect(many((other) => other.bits(), 5)).toEqual(many((other) => other.bits(), 5))
    expect(new SeededRandom(2).bits()).not.toBe(new SeededRandom(3).bits())
  })

  it('gives fractions that are spread evenly over [0, 1)', () => {
    const tenths = new Array<number>(10).fill(0)
    for (const fraction of many((random) => random.fraction(), 20_000)) {
      tenths[Math.floor(fraction * 10)] = (tenths[Math.floor(fraction * 10)] ?? 0) + 1
    }
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(200)
  })

  it('gives whole numbers from the first to the last', () => {
    expect(new Set(many((random) => random.integer(3, 6)))).toEqual(new Set([3, 4, 5, 6]))
  })

  it('picks every value, and none of none', () => {
    expect(new Set(many((random) => random.pick(['a', 'b', 'c'])))).toEqual(
      new Set(['a', 'b', 'c']),
    )
    expect(new SeededRandom(1).pick([])).toBeUndefined()
    expect(new Set(many((random) => random.oneOf('a', 'b')))).toEqual(new Set(['a', 'b']))
  })

  it('samples different values, no more than there are', () => {
    const sample = new SeededRandom(5).sample([1, 2, 3, 4, 5], 3)
    expect(new Set(sample).size).toBe(3)
    expect(new SeededRandom(5).sample([1, 2], 9).sort()).toEqual([1, 2])
  })

  it('chooses by weight, and never what weighs nothing', () => {
    const chosen = many((random) => random.weighted({ often: 9, seldom: 1, never: 0 }, 'never'))
    const often = chosen.filter((key) => key === 'often').length
    expect(often / chosen.length).toBeCloseTo(0.9, 1)
    expect(chosen).not.toContain('never')
  })
})
