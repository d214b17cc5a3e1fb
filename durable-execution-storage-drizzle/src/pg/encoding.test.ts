import { describe, expect, it } from 'vitest'

import { encodeParams } from './encoding'
import { read, write } from './program'

const asItIs = (text: string): string => text

describe('encodeParams', () => {
  it('writes arrays in the form of PostgreSQL', () => {
    const params = [['a', '"\\', null, ',{}', 'NULL', ''], [1, null, -2], []]
    expect(encodeParams(write('', params), asItIs)).toStrictEqual([
      String.raw`{"a","\"\\",NULL,",{}","NULL",""}`,
      '{1,NULL,-2}',
      '{}',
    ])
  })

  it('rounds numbers up to integers', () => {
    const params = [1_795_657_870_328.3997, 5, [0.5, -0.5, null]]
    expect(encodeParams(read('', params), asItIs)).toStrictEqual([
      '1795657870329',
      '5',
      '{1,0,NULL}',
    ])
  })

  it('looks for a text that no row can hold as NULL, and refuses to store it', () => {
    const params = ['a\0', ['b', 'c\ud800']]
    expect(encodeParams(read('', params), asItIs)).toStrictEqual([null, '{"b",NULL}'])
    expect(() => encodeParams(write('', params), asItIs)).toThrow('which the database cannot store')
  })
})
