import { describe, expect, it } from 'vitest'

import { assertStorable } from './text'

describe('assertStorable', () => {
  it.each(['', 'plain', '"quotes\' and \\ `all`', '💥 \u2028 \uffff \u{10ffff}', '\x01\x7f'])(
    'takes %j',
    (text) => {
      expect(() => {
        assertStorable(text)
      }).not.toThrow()
    },
  )

  it.each([
    ['a\0b', 'a NUL character'],
    ['a\ud800b', 'half of a surrogate pair'],
    ['\udc00', 'half of a surrogate pair'],
  ])('refuses %j', (text, what) => {
    expect(() => {
      assertStorable(text)
    }).toThrow(`holds ${what}`)
  })

  it('shows only the beginning of a long text', () => {
    expect(() => {
      assertStorable(`${'x'.repeat(1_000_000)}\0`)
    }).toThrow(/^The text "x{80}" holds a NUL character.{0,200}$/)
  })
})
