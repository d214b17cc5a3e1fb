import { describe, expect, it } from 'vitest'

import { VirtualEnvironment } from '../../tests/support/virtual-environment'
import type { Environment } from './environment'
import { createIdGenerator, createIncarnation } from './id'

describe('createIdGenerator', () => {
  it('makes a prefix with a UUID of version 7', () => {
    const createId = createIdGenerator(new VirtualEnvironment())
    expect(createId('te')).toMatch(
      /^te_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    )
  })

  it('makes ids that sort by the time they were made', async () => {
    const environment = new VirtualEnvironment()
    const createId = createIdGenerator(environment)
    const ids: string[] = []
    for (let round = 0; round < 5; round += 1) {
      for (let count = 0; count < 100; count += 1) ids.push(createId('te'))
      await environment.advanceBy(1)
    }
    expect(new Set(ids).size).toBe(500)
    expect([...ids].sort()).toEqual(ids)
  })

  it('still makes ids that differ when the clock is set back', () => {
    const environment = new VirtualEnvironment()
    let offset = 0
    const tampered: Environment = Object.assign(environment.withWallClockOffBy(0), {
      now: () => environment.now() + offset,
    })
    const createId = createIdGenerator(tampered)
    const ids = [createId('te')]
    for (offset of [-5000, -60_000, -3_600_000]) ids.push(createId('te'), createId('te'))
    expect(new Set(ids).size).toBe(7)
  })

  it('takes the time from its environment, also one with fractions', () => {
    const environment: Environment = Object.assign(new VirtualEnvironment().withWallClockOffBy(0), {
      now: () => 0x0123_4567_89ab + 0.75,
    })
    expect(createIdGenerator(environment)('te')).toMatch(/^te_01234567-89ab-7/)
  })

  it('makes the same ids again from the same environment, as a simulation needs', () => {
    const first = createIdGenerator(new VirtualEnvironment())
    const second = createIdGenerator(new VirtualEnvironment())
    expect([first('a'), first('a')]).toEqual([second('a'), second('a')])
  })
})

describe('createIncarnation', () => {
  it('makes the time and 32 random bits 15 characters', () => {
    const made = (now: number, random: number): string =>
      createIncarnation({ now: () => now, random: () => random })
    expect(made(1_795_885_395_213.5, 0)).toBe('mx0nsnil0000000')
    expect(made(1_795_885_395_213, 1 - 2 ** -33)).toBe('mx0nsnil1z141z3')
    expect(made(1_795_885_395_214, 2 ** -32)).toBe('mx0nsnim0000001')
  })

  it('makes another each time, at the same moment too', () => {
    const environment = new VirtualEnvironment()
    const made = Array.from({ length: 1000 }, () => createIncarnation(environment))
    expect(new Set(made).size).toBe(1000)
  })
})
