import { DurableExecutionError, DurableExecutionNotFoundError } from 'durable-execution/errors'
import { describe, expect, it } from 'vitest'

import { putErrors, takeErrors } from './nested-errors'

const show = (error: DurableExecutionError): unknown => ({ shown: error.message })
const revive = (): DurableExecutionError => new DurableExecutionError('revived')

describe('errors within values', () => {
  it('are taken out of lists and objects, and put back', () => {
    const error = new DurableExecutionError('a')
    const value = { list: [1, { error }], other: new DurableExecutionNotFoundError('b'), at: 1 }
    const taken = takeErrors(value, show)
    expect(taken).toEqual({
      value: { list: [1, { error: { shown: 'a' } }], other: { shown: 'b' }, at: 1 },
      paths: [['list', 1, 'error'], ['other']],
    })
    expect(value.list[1]).toEqual({ error })
    putErrors(taken.value, taken.paths, revive)
    expect(taken.value).toEqual({ list: [1, { error: revive() }], other: revive(), at: 1 })
  })

  it.each([undefined, null, 1, 'a', [], {}, { a: [{ b: new Date(0) }] }, new Map([['a', 1]])])(
    'are none in a value without any, which stays the very same: %o',
    (value) => {
      expect(takeErrors(value, show)).toEqual({ value, paths: [] })
      expect(takeErrors(value, show).value).toBe(value)
    },
  )

  it('are put only where there is something of the value itself', () => {
    const value = { list: [1] }
    const paths = [
      [],
      ['none'],
      ['list', 7],
      ['__proto__', 'polluted'],
      ['constructor', 'name'],
      ['list', 0, 'x'],
    ]
    putErrors(value, paths, revive)
    expect(value).toEqual({ list: [1] })
    expect(Reflect.get(Object.prototype, 'polluted')).toBeUndefined()
    expect(Object.name).toBe('Object')
  })
})
