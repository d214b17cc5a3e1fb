/** The default serializer has a short way for plain values. Whichever way a value takes, it is what superjson makes of it. */
import { isDeepStrictEqual } from 'node:util'

import * as fc from 'fast-check'
import { SuperJSON } from 'superjson'
import { describe, expect, it } from 'vitest'

import { isPlainJson } from './lib/plain-json'
import { createSuperjsonSerializer } from './serializer'

const ours = createSuperjsonSerializer()
const superjson = new SuperJSON()
const RUNS = { numRuns: 2000 }

/** What came of it: a value, or that it was refused. */
type Outcome = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'refused' }

function outcomeOf(call: () => unknown): Outcome {
  try {
    return { kind: 'value', value: call() }
  } catch {
    return { kind: 'refused' }
  }
}

/** Which objects within a value are one and the same: each as its number, in the order in which they are met. */
function identitiesIn(value: unknown, numbers = new Map<object, number>()): number[] {
  if (typeof value !== 'object' || value === null) return []
  const known = numbers.get(value)
  if (known !== undefined) return [known]
  numbers.set(value, numbers.size)
  const parts: unknown[] = Object.values(value)
  if (value instanceof Map) parts.push(...(value as Map<unknown, unknown>).entries())
  if (value instanceof Set) parts.push(...(value as Set<unknown>))
  return parts.flatMap((part) => identitiesIn(part, numbers))
}

/** Each text read by each of the two. */
function expectSameAsSuperjson(value: unknown): void {
  const expected = outcomeOf(() => superjson.parse(superjson.stringify(value)))
  const text = outcomeOf(() => ours.serialize(value))
  const theirText = outcomeOf(() => superjson.stringify(value))
  expect(text.kind).toBe(theirText.kind)
  if (text.kind === 'refused' || theirText.kind === 'refused') return
  const readings = [
    outcomeOf(() => ours.deserialize(text.value as string)),
    outcomeOf(() => superjson.parse(text.value as string)),
    outcomeOf(() => ours.deserialize(theirText.value as string)),
  ]
  for (const reading of readings) {
    // Strict of -0, holes, prototypes and missing keys; the matcher only shows where they differ.
    if (!isDeepStrictEqual(reading, expected)) expect(reading).toStrictEqual(expected)
    expect(isDeepStrictEqual(reading, expected)).toBe(true)
    expect(identitiesIn(reading)).toEqual(identitiesIn(expected))
  }
}

/** Keys that reach prototypes, that paths of superjson give a meaning, and that look like its own. */
const oddKey = fc.constantFrom(
  ...['__proto__', 'constructor', 'prototype', 'toJSON', 'hasOwnProperty', 'length'],
  ...['json', 'meta', 'values', 'a.b', String.raw`a\.b`, '', '0', '1'],
)
const oddLeaf = fc.constantFrom<unknown[]>(
  ...[undefined, NaN, Infinity, -Infinity, -0, 0, 10n ** 30n, new Date(5), new Date(NaN)],
  ...[/a+/gi, new Error('oh'), new URL('http://a/b'), Object(1), Object('a'), Object(true)],
  ...[
    new (class Point {
      x = 1
    })(),
    Object.create(null),
    Object.create({ inherited: 1 }),
    '\ud800',
    '\0"\\\u2028',
  ],
)

/** Plain values, among which now and then one is odd. */
const mostlyPlain = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: fc.jsonValue({ maxDepth: 1 }) },
    { weight: 1, arbitrary: oddLeaf },
    { weight: 4, arbitrary: fc.array(tie('node'), { maxLength: 4 }) },
    {
      weight: 4,
      arbitrary: fc
        .array(fc.tuple(fc.oneof({ weight: 12, arbitrary: fc.string() }, oddKey), tie('node')), {
          maxLength: 4,
        })
        .map((entries) => Object.fromEntries(entries)),
    },
  ),
})).node

const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
})

function nested(depth: number, isList: boolean): unknown {
  let value: unknown = 'bottom'
  for (let level = 0; level < depth; level += 1) value = isList ? [value] : { a: value }
  return value
}

const shared = { a: 1 }

describe('the default serializer makes of a value what superjson makes of it:', () => {
  it('of anything', () => {
    fc.assert(fc.property(anything, expectSameAsSuperjson), RUNS)
  })

  it('of values that are nearly plain', () => {
    const seen = { plain: 0, odd: 0 }
    const check = (value: unknown): void => {
      seen[isPlainJson(value) ? 'plain' : 'odd'] += 1
      expectSameAsSuperjson(value)
    }
    fc.assert(fc.property(mostlyPlain, check), RUNS)
    // Both ways were gone.
    expect(seen.plain).toBeGreaterThan(RUNS.numRuns / 20)
    expect(seen.odd).toBeGreaterThan(RUNS.numRuns / 20)
  })

  it('of values of which a part is there twice', () => {
    const twice = fc.tuple(mostlyPlain, mostlyPlain).map(([a, b]) => ({ a, b: [b], again: [a] }))
    fc.assert(fc.property(twice, expectSameAsSuperjson), RUNS)
  })

  it.each<[string, unknown]>([
    ['a value that is there twice', [shared, { again: shared }]],
    [
      'an empty list that is there twice',
      {
        a: [],
        ...(() => {
          const list: unknown[] = []
          return { b: list, c: list }
        })(),
      },
    ],
    ['a list with holes', Object.assign([], { 3: 'd' })],
    ['a key that is undefined', { a: undefined }],
    ['an own __proto__', JSON.parse('{"a":{"__proto__":{"b":1}}}')],
    ['an own constructor', { constructor: 1 }],
    ['a toJSON of its own', { a: 1, toJSON: () => 'else' }],
    [
      'a toJSON that is not listed',
      Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'x' }),
    ],
    ['a list with a toJSON', Object.assign([1], { toJSON: () => 'x' })],
    [
      'a list with a toJSON that is not listed',
      Object.defineProperty([1], 'toJSON', { value: () => 'x' }),
    ],
    ['a toJSON that is no function', { toJSON: 1 }],
    ['keys that are symbols', { [Symbol('s')]: 1, a: 2 }],
    ['symbols', { a: Symbol('s'), b: [Symbol.iterator] }],
    ['functions within', { a: () => 1, b: [() => 1] }],
    [
      'a getter',
      {
        get a() {
          return { b: [1] }
        },
      },
    ],
    [
      'a getter of something odd',
      {
        get a() {
          return new Date(7)
        },
      },
    ],
    ['a property that is not listed', Object.defineProperty({ a: 1 }, 'b', { value: new Date(1) })],
    ['a list of a class', new (class List extends Array<number> {})(1, 2, 3)],
    ['an object with a tag', { [Symbol.toStringTag]: 'Map', a: 1 }],
    [
      'arguments',
      (function (..._list: unknown[]) {
        // eslint-disable-next-line prefer-rest-params -- it is the odd value
        return arguments
      })(1, 'b'),
    ],
    ['lists 500 deep', nested(500, true)],
    ['objects 500 deep', nested(500, false)],
    ['a date 500 deep', { a: nested(500, false), b: new Date(1) }],
  ])('of %s', (_name, value) => {
    expectSameAsSuperjson(value)
  })
})

describe('isPlainJson', () => {
  it.each<[string, unknown, boolean]>([
    ['nested plain values', { a: [1, 'b', null, true, { c: [] }] }, true],
    ['0', 0, true],
    ['-0', -0, false],
    ['undefined', undefined, false],
    ['a date', new Date(1), false],
    ['an object without a prototype', Object.create(null), false],
  ])('is asked of %s', (_name, value, isPlain) => {
    expect(isPlainJson(value)).toBe(isPlain)
  })
})
