/** The suite notices what it is made to notice: each storage broken on purpose fails the case that names its fault. */
import { AssertionError } from 'node:assert'

import { describe, expect, it } from 'vitest'

import { conformanceCases, runCase, titleOf } from '../src/index'
import { brokenStorage } from './faults/fault'
import { faults } from './faults/index'

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

  it('have names of their own', () => {
    const titles = conformanceCases.map((conformanceCase) => titleOf(conformanceCase))
    expect(new Set(titles).size).toBe(titles.length)
  })
})
