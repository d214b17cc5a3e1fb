import { expect, it } from 'vitest'

import { sumUpLocks, watchLocks } from './lock-budget'

it('knows what one statement of a hundred waits longer than', () => {
  const waits = [200, 1, 2, 150, 3]
  expect(sumUpLocks(waits, 5)).toEqual({
    count: 5,
    p99Ms: 200,
    p99OfWaitsMs: 200,
    longestMs: 200,
  })
  expect(sumUpLocks(waits, 150)).toMatchObject({ p99Ms: 150 })
  expect(sumUpLocks(waits, 400)).toMatchObject({ p99Ms: 1 })
  expect(sumUpLocks(waits, 1000)).toMatchObject({ p99Ms: 0 })
  expect(sumUpLocks([], 10)).toMatchObject({ count: 0, p99Ms: 0, longestMs: 0 })
})

it('collects what a probe tells until the work is done', async () => {
  const told = [[3], [], [1, 2], [100]]
  let finish: () => void = () => undefined
  const work = new Promise<void>((resolve) => {
    finish = resolve
  })
  const probe = async (): Promise<number[]> => {
    if (told.length === 2) finish()
    return told.shift() ?? []
  }
  expect(await watchLocks(probe, work)).toEqual([3, 1, 2, 100])
})

it('fails as the work fails', async () => {
  const work = Promise.reject(new Error('the work failed'))
  await expect(watchLocks(async () => [], work)).rejects.toThrow('the work failed')
})
