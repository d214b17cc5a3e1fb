import { expect, it } from 'vitest'

import { repeatTurns } from './turns'

it('takes a turn when all that can run without waiting has run', async () => {
  const log: string[] = []
  let turns = 0
  await repeatTurns(() => {
    turns += 1
    log.push(`turn ${turns}`)
    void Promise.resolve()
      .then(() => Promise.resolve())
      .then(() => {
        queueMicrotask(() => log.push(`after turn ${turns}`))
      })
    return turns < 3
  })
  expect(log.slice(0, 5)).toEqual(['turn 1', 'after turn 1', 'turn 2', 'after turn 2', 'turn 3'])
})

it('lets the event loop through now and then', async () => {
  let isPassed = false
  setImmediate(() => {
    isPassed = true
  })
  await repeatTurns(() => !isPassed)
})

it('throws what a turn throws', async () => {
  await expect(
    repeatTurns(() => {
      throw new Error('No turn')
    }),
  ).rejects.toThrow('No turn')
})
