import { describe, expect, it } from 'vitest'

import { property, withCauses } from './causes'

describe('withCauses', () => {
  it('goes from what was thrown to its causes, one after the other', () => {
    const inner = new Error('inner')
    const middle = new Error('middle', { cause: inner })
    const outer = new Error('outer', { cause: middle })
    expect([...withCauses(outer)]).toEqual([outer, middle, inner])
  })

  it('visits what an AggregateError gathers, and the causes of that', () => {
    const cause = new Error('cause')
    const first = new Error('first', { cause })
    const second = new Error('second')
    const both = new AggregateError([first, second])
    expect([...withCauses(both)]).toEqual([both, first, cause, second])
  })

  it('ends where causes go round in a circle', () => {
    const outer = new Error('outer')
    const inner = new Error('inner', { cause: outer })
    outer.cause = inner
    expect([...withCauses(outer)]).toEqual([outer, inner])
  })

  it('takes anything that can be thrown', () => {
    expect([...withCauses(undefined)]).toEqual([])
    expect([...withCauses(null)]).toEqual([])
    expect([...withCauses('text')]).toEqual(['text'])
  })
})

describe('property', () => {
  it('is undefined for what has no properties', () => {
    expect(property(null, 'name')).toBeUndefined()
    expect(property('text', 'length')).toBeUndefined()
    expect(property({ name: 'n' }, 'name')).toBe('n')
  })
})
