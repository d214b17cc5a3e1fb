import { expect, it } from 'vitest'

import { Heap } from './heap'
import { SeededRandom } from './random'

it('gives values out in their order', () => {
  const random = new SeededRandom(1)
  const heap = new Heap<number>((a, b) => a < b)
  const expected: number[] = []
  for (let count = 0; count < 500; count += 1) {
    const value = random.integer(0, 100)
    heap.push(value)
    expected.push(value)
    if (!random.chance(0.4)) continue
    expected.sort((a, b) => a - b)
    expect(heap.peek()).toBe(expected[0])
    expect(heap.pop()).toBe(expected.shift())
    expect(heap.size).toBe(expected.length)
  }
  expected.sort((a, b) => a - b)
  expect(expected.map(() => heap.pop())).toEqual(expected)
  expect(heap.pop()).toBeUndefined()
})
