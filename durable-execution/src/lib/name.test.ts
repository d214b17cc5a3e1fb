import { describe, expect, it } from 'vitest'

import { isStorable, nameSchema } from './name'

describe('isStorable', () => {
  it.each(['', 'a', 'größe 1/2: "é"', '😀', '\ud83d\ude00', '__proto__', '\n\t'])(
    'lets pass %j',
    (text) => {
      expect(isStorable(text)).toBe(true)
    },
  )

  it.each(['\0', 'a\0b', '\ud83d', 'a\ude00', '\ude00\ud83d'])('does not let pass %j', (text) => {
    expect(isStorable(text)).toBe(false)
  })
})

describe('nameSchema', () => {
  it.each([
    ['a', true],
    ['a'.repeat(255), true],
    ['', false],
    ['a'.repeat(256), false],
    ['a\0', false],
    [5, false],
  ])('tells what is a name: %j', (value, isName) => {
    expect(nameSchema.safeParse(value).success).toBe(isName)
  })
})
