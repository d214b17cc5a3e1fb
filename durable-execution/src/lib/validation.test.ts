import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { check, show } from './validation'

describe('show', () => {
  it.each([
    ['text', 'a "b"', String.raw`"a \"b\""`],
    ['a number', 1.5, '1.5'],
    ['not a number', NaN, 'NaN'],
    ['infinity', -Infinity, '-Infinity'],
    ['an object', { a: [1] }, '{"a":[1]}'],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a boolean', false, 'false'],
    ['a function', () => 1, 'a function'],
    ['a class', Map, 'a function'],
    ['a big integer', 5n, '5n'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['an object that JSON makes nothing of', { toJSON: () => undefined }, 'undefined'],
  ])('renders %s', (_name, value, text) => {
    expect(show(value)).toBe(text)
  })

  it('renders what cannot be rendered by its type', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(show(circle)).toBe('a value of type object')
    expect(show({ a: 1n })).toBe('a value of type object')
  })

  it('cuts what is long', () => {
    const text = show('a'.repeat(1000))
    expect(text).toHaveLength(81)
    expect(text.endsWith('a…')).toBe(true)
    expect(show('a'.repeat(78))).toHaveLength(80)
  })
})

describe('check', () => {
  const schema = z.strictObject({
    name: z.string(),
    list: z.array(z.object({ size: z.number().min(1) })).optional(),
  })

  it('answers the value that fits', () => {
    expect(check(schema, { name: 'a' })).toEqual({ isValid: true, value: { name: 'a' } })
  })

  it('names every wrong place, what was expected there, and what came', () => {
    const checked = check(schema, { name: 4, list: [{ size: 1 }, { size: 0 }] })
    expect(checked).toMatchObject({ isValid: false })
    if (checked.isValid) return
    expect(checked.problem).toMatch(
      /^name: .*expected string.*, got 4; list\.1\.size: .*>=1, got 0$/,
    )
  })

  it('has no place for a value that is wrong as a whole', () => {
    const checked = check(schema, 'text')
    expect(checked.isValid ? '' : checked.problem).toMatch(/expected object.*, got "text"$/)
  })

  it('shows undefined where nothing is', () => {
    const checked = check(schema, {})
    expect(checked.isValid ? '' : checked.problem).toMatch(/^name: .*, got undefined$/)
  })

  it('shows undefined where the way to the place is no object', () => {
    const nested = z.unknown().superRefine((_value, context) => {
      context.addIssue({ code: 'custom', message: 'Invalid input', path: ['a', 'b'] })
    })
    const checked = check(nested, { a: null })
    expect(checked.isValid ? '' : checked.problem).toBe('a.b: Invalid input, got undefined')
  })
})
