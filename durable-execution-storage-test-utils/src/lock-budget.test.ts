import { expect, it } from 'vitest'

import { watchLocks } from './lock-budget'

it('sums up what a probe tells until the work is done', async () => {
  const told = [[3], [], [1, 2], [100]]
  let finish: () => void = () => undefined
  const work = new Promise<void>((resolve) => {
    finish = resolve
  })
  const probe = async (): Promise<number[]> => {
    if (told.length === 2) finish()
    return told.shift() ?? []
  }
  expect(await watchLocks(probe, work)).toEqual({ count: 4, p50Ms: 3, p99Ms: 100, longestMs: 100 })
})

it('fails as the work fails', async () => {
  const work = Promise.reject(new Error('the work failed'))
  await expect(watchLocks(async () => [], work)).rejects.toThrow('the work failed')
})
