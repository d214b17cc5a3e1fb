import { describe, expect, it } from 'vitest'

import { CallLimit } from './call-limit'

describe('a call limit', () => {
  it('lets so many calls pass at once, and the others in the order they came', async () => {
    const limit = new CallLimit(2)
    const passed: string[] = []
    const enter = async (name: string): Promise<void> => {
      await limit.enter()
      passed.push(name)
    }
    expect(limit.enter()).toBeNull()
    expect(limit.enter()).toBeNull()
    const all = Promise.all([enter('third'), enter('fourth')])
    limit.leave()
    await Promise.resolve()
    await Promise.resolve()
    expect(passed).toEqual(['third'])
    limit.leave()
    await all
    expect(passed).toEqual(['third', 'fourth'])
  })

  it('has its places back when all calls have ended', async () => {
    const limit = new CallLimit(1)
    expect(limit.enter()).toBeNull()
    const second = limit.enter()
    limit.leave()
    await second
    limit.leave()
    expect(limit.enter()).toBeNull()
  })
})
