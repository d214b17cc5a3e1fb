import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { check, missingFunctions, propertyOf, readOptions, show } from './validation'

function refuse(): never {
  throw new Error('no')
}

/** Throws whatever is asked of it. */
const hostile = new Proxy({}, { get: refuse, ownKeys: refuse })

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
    ['a date', new Date(0), 'a Date'],
    ['a promise', Promise.resolve(), 'a Promise'],
    ['an error', new Error('no'), 'an Error'],
    ['an object of a class', new (class A {})(), '{}'],
    ['what throws', hostile, 'a value of type object'],
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

describe('check, of what throws,', () => {
  it('says so', () => {
    const checked = check(z.array(z.string()), new Proxy([], { get: refuse }))
    expect(checked).toEqual({
      isValid: false,
      problem: 'expected a value that can be read, got one that throws',
    })
  })
})

describe('propertyOf', () => {
  it.each([
    ['of an object', { a: 1 }, 1],
    ['of a prototype', Object.create({ a: 1 }), 1],
    ['of a function', Object.assign(() => 1, { a: 1 }), 1],
    ['that is not there', {}, undefined],
    ['that cannot be read', hostile, undefined],
    ['of null', null, undefined],
    ['of undefined', undefined, undefined],
    ['of text', 'a', undefined],
  ])('is a property %s', (_name, value, property) => {
    expect(propertyOf(value, 'a')).toBe(property)
  })
})

describe('missingFunctions', () => {
  it('names those that are not there, or are none', () => {
    class Base {
      a(): void {
        // Is of the prototype.
      }
    }
    const value = Object.assign(new Base(), { b: 1, c: () => 1 })
    expect(missingFunctions(value, ['a', 'b', 'c', 'd'])).toEqual(['b', 'd'])
    expect(missingFunctions(null, ['a'])).toEqual(['a'])
  })
})

describe('readOptions', () => {
  const keys = ['a', 'b'] as const

  it.each([
    ['an object', { a: 1 }, { a: 1, b: undefined }],
    ['an object without a prototype', Object.assign(Object.create(null), { b: 2 }), { b: 2 }],
    ['an object of a class, with what it inherits', Object.create({ a: 1 }), { a: 1 }],
    ['an object with undefined', { a: undefined }, { a: undefined }],
  ])('reads %s', (_name, value: unknown, options) => {
    const read = readOptions(value, keys)
    expect(read).toMatchObject({ isValid: true, value: options })
  })

  it.each([
    ['null', null, 'expected an object, got null'],
    ['a list', [1], 'expected an object, got [1]'],
    ['a promise', Promise.resolve({}), 'expected an object, got a Promise'],
    ['another key', { a: 1, c: 1 }, 'unknown key "c", expected only a, b'],
    ['what throws', hostile, 'expected an object that can be read, got one that throws'],
  ])('refuses %s', (_name, value, problem) => {
    expect(readOptions(value, keys)).toEqual({ isValid: false, problem })
  })

  it('names only the keys that have a use', () => {
    const read = readOptions({ c: 1 }, keys, ['a'])
    expect(read).toEqual({ isValid: false, problem: 'unknown key "c", expected only a' })
  })
})
