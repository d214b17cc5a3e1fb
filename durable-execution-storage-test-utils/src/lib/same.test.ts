import { AssertionError } from 'node:assert'

import { describe, expect, it } from 'vitest'

import { holds, present, refused, same } from './same'

describe('same', () => {
  it('takes objects of any prototype for what they hold', () => {
    const row: unknown = Object.assign(Object.create(null), { a: [1, { b: null }] })
    expect(() => {
      same(row, { a: [1, { b: null }] }, 'row')
    }).not.toThrow()
  })

  it.each([
    [1, '1'],
    [null, undefined],
    [{ a: 1 }, { a: 1, b: undefined }],
    [
      [1, 2],
      [2, 1],
    ],
    [new Set(['a']), new Set(['b'])],
  ])('tells %o from %o', (actual, expected) => {
    expect(() => {
      same(actual, expected, 'it')
    }).toThrow(AssertionError)
  })

  it('names what was compared, and shortens what is long', () => {
    const long = Array.from({ length: 100 }, () => 'x'.repeat(1000))
    let message = ''
    try {
      same(long, [], 'the texts')
    } catch (error) {
      message = String(error)
    }
    expect(message).toContain('the texts: expected []')
    expect(message.length).toBeLessThan(10_000)
  })
})

describe('the other assertions', () => {
  it('throw where what they say is not so', async () => {
    expect(() => {
      holds(false, 'it is so')
    }).toThrow('it is so')
    expect(() => present(null, 'row a')).toThrow('row a')
    await expect(refused(() => Promise.resolve(1), 'the batch')).rejects.toThrow('the batch')
  })

  it('answer what they were given', async () => {
    const error = new Error('no')
    expect(present(0, 'number')).toBe(0)
    expect(await refused(() => Promise.reject(error), 'the batch')).toBe(error)
  })
})
