/** The suite notices what it is made to notice: each storage broken on purpose fails the case that names its fault. */
import { AssertionError } from 'node:assert'

import { InMemoryTaskExecutionsStorage } from 'durable-execution'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { conformanceCases, runCase, titleOf } from '../src/index'
import { brokenStorage } from './faults/fault'
import { faults } from './faults/index'

// Where a fault keeps something from ever coming, a case waits for it up to a generous limit: that time is not spent.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  vi.setTimerTickMode('nextTimerAsync')
})
afterEach(() => {
  vi.useRealTimers()
})

describe('the conformance cases', () => {
  it.each(faults.map((fault) => [fault.fault, fault] as const))(
    'notice that %s',
    async (_, fault) => {
      const named = conformanceCases.find((candidate) => titleOf(candidate) === fault.fails)
      if (!named) throw new Error(`There is no case "${fault.fails}"`)
      await expect(runCase(named, () => brokenStorage(fault))).rejects.toBeInstanceOf(
        AssertionError,
      )
    },
  )

  it('find nothing where there is no fault, on this very clock', async () => {
    for (const { fails } of faults) {
      const named = conformanceCases.find((candidate) => titleOf(candidate) === fails)
      if (!named) throw new Error(`There is no case "${fails}"`)
      const storage = new InMemoryTaskExecutionsStorage()
      await runCase(named, () => ({ storage, dump: () => storage.dump() }))
    }
  })

  it('have names of their own', () => {
    const titles = conformanceCases.map((conformanceCase) => titleOf(conformanceCase))
    expect(new Set(titles).size).toBe(titles.length)
  })
})
