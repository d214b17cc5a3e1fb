import { describe, expect, it } from 'vitest'

import { createExecutionId } from './execution-id'

describe('an execution id', () => {
  it('is a UUID of version 7 with the time in front', () => {
    const id = createExecutionId({ now: () => 0x0123_4567_89ab })
    expect(id).toMatch(/^te_01234567-89ab-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  })

  it('never comes twice, and sorts by time', () => {
    const ids = Array.from({ length: 1000 }, (_, index) => createExecutionId({ now: () => index }))
    expect(new Set(ids).size).toBe(1000)
    expect(ids.toSorted()).toEqual(ids)
  })
})
