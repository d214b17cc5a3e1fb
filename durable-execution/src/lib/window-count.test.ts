import { expect, it } from 'vitest'

import { WindowCount } from './window-count'

function counted(windowMs: number) {
  const clock = { now: 12_345 * windowMs }
  return { clock, count: new WindowCount(() => clock.now, windowMs) }
}

it('answers the last whole window, or this one if more came already', () => {
  const { clock, count } = counted(50)
  expect(count.recent).toBe(0)
  for (let n = 0; n < 3; n += 1) count.add()
  expect(count.recent).toBe(3)
  clock.now += 50
  count.add()
  expect(count.recent).toBe(3)
  for (let n = 0; n < 4; n += 1) count.add()
  expect(count.recent).toBe(5)
})

it('forgets what came before the last window', () => {
  const { clock, count } = counted(50)
  count.add()
  clock.now += 99
  expect(count.recent).toBe(1)
  clock.now += 1
  expect(count.recent).toBe(0)
  count.add()
  clock.now += 1000
  expect(count.recent).toBe(0)
})
