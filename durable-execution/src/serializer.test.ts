import { describe, expect, it } from 'vitest'

import { thrownBy } from '../tests/support/thrown'
import {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  DurableExecutionTimedOutError,
  toStoredError,
} from './errors'
import { Codec, createSuperjsonSerializer, type Serializer } from './serializer'

const superjson = createSuperjsonSerializer()
const json: Serializer = {
  serialize: (value) => JSON.stringify(value),
  deserialize: (text) => JSON.parse(text) as unknown,
}
const ROOMY = { bytes: 1000, option: 'maxSerializedInputDataSize' }

describe('createSuperjsonSerializer', () => {
  it.each([
    ['a date', new Date(5)],
    ['a big integer', 2n ** 80n],
    ['a map', new Map([[{ a: 1 }, new Set([1])]])],
    ['a set', new Set(['a'])],
    ['a regular expression', /a+/gi],
    ['undefined within', { a: undefined, b: [undefined] }],
    ['numbers that JSON has not', [NaN, Infinity, -0]],
    ['text of every kind', 'ä😀\u0000"\\\u2028'],
    ['null', null],
  ])('brings back %s', (_name, value) => {
    expect(superjson.deserialize(superjson.serialize(value))).toEqual(value)
  })
})

describe('createSuperjsonSerializer, of what JSON would lose in silence,', () => {
  it.each([
    ['a promise', Promise.resolve(1), /await it first/],
    ['a promise within', { list: [Promise.resolve(1)] }, /await it first/],
    ['a blob', { file: new Blob(['content']) }, /of kind Blob, whose content would be lost/],
    ['an array buffer', [new ArrayBuffer(8)], /of kind ArrayBuffer, whose content/],
    ['a weak map', new WeakMap(), /of kind WeakMap, whose content/],
    ['search parameters', new URLSearchParams('a=1'), /of kind URLSearchParams, whose content/],
    ['an iterator', [][Symbol.iterator](), /of kind Array Iterator, whose content/],
    ['a function', () => 1, /it is a function/],
    ['a symbol', Symbol('s'), /it is a symbol/],
  ])('refuses %s', (_name, value, message) => {
    expect(() => superjson.serialize(value)).toThrow(message)
  })
})

describe('createSuperjsonSerializer, of the errors of the suite,', () => {
  it.each([
    new DurableExecutionError('Oh', { code: 'too_large', isRetryable: false, isInternal: true }),
    new DurableExecutionCancelledError('Oh'),
    new DurableExecutionTimedOutError('Oh'),
    new DurableExecutionNotFoundError('Oh'),
  ])('brings back class, code and flags: %s', (error) => {
    const back = superjson.deserialize(superjson.serialize({ error })) as { error: unknown }
    expect(back.error).toBeInstanceOf(error.constructor)
    expect(toStoredError(back.error)).toEqual(toStoredError(error))
  })

  it('lets no stack and no cause out of the process', () => {
    const error = new DurableExecutionError('Oh', { cause: new Error('secret') })
    const text = superjson.serialize(error)
    expect(text).not.toContain('secret')
    expect(text).not.toContain('serializer.test')
  })
})

describe('Codec.encode', () => {
  it.each([
    ['superjson', superjson],
    ['JSON', json],
  ])('carries undefined with %s', (_name, serializer) => {
    const codec = new Codec(serializer)
    expect(codec.encode(undefined, 'It', ROOMY)).toBeNull()
    expect(codec.decode(null, 'It')).toBeUndefined()
  })

  it.each([
    ['superjson', superjson],
    ['JSON', json],
  ])('tells null from undefined with %s', (_name, serializer) => {
    const codec = new Codec(serializer)
    expect(codec.decode(codec.encode(null, 'It', ROOMY), 'It')).toBeNull()
  })

  it('names what cannot be serialized, why, and what to do', () => {
    const cause = new Error('no luck')
    const codec = new Codec({
      ...json,
      serialize: () => {
        throw cause
      },
    })
    const error = thrownBy(() => codec.encode(1, 'Output of task add', ROOMY))
    expect(error).toBeInstanceOf(DurableExecutionError)
    expect(error).toMatchObject({ code: 'not_serializable', isRetryable: false, cause })
    expect(error).toHaveProperty(
      'message',
      'Output of task add cannot be serialized: no luck; use plain data, or a serializer that knows it',
    )
  })

  it('says of a value that is nested too deep that it is, not what became of the stack', () => {
    let value: unknown[] = []
    for (let depth = 0; depth < 100_000; depth += 1) value = [value]
    const error = thrownBy(() => new Codec(superjson).encode(value, 'Input of task add', ROOMY))
    expect(error).toHaveProperty(
      'message',
      'Input of task add cannot be serialized: it is nested too deep; use plain data, or a serializer that knows it',
    )
  })

  it('refuses what the serializer did not make text of', () => {
    const error = thrownBy(() => new Codec(json).encode(() => 1, 'Output of task add', ROOMY))
    expect(error).toMatchObject({ code: 'not_serializable', isRetryable: false })
    expect(error).toHaveProperty('message', expect.stringContaining('undefined instead of text'))
  })

  it('calls the serializer as a method', () => {
    class Prefixed implements Serializer {
      private readonly prefix = '>'
      serialize(value: unknown): string {
        return this.prefix + JSON.stringify(value)
      }
      deserialize(text: string): unknown {
        return JSON.parse(text.slice(this.prefix.length)) as unknown
      }
    }
    const codec = new Codec(new Prefixed())
    expect(codec.decode(codec.encode([1], 'It', ROOMY), 'It')).toEqual([1])
  })
})

describe('Codec.checkSize', () => {
  const codec = new Codec(json)
  const limit = { bytes: 10, option: 'maxSerializedOutputDataSize' }

  it.each([
    ['nothing', null],
    ['ASCII of the limit', 'a'.repeat(10)],
    ['three-byte characters of the limit', '€€€a'],
    ['four-byte characters under the limit', '😀😀'],
  ])('lets pass %s', (_name, text) => {
    expect(() => {
      codec.checkSize(text, 'It', limit)
    }).not.toThrow()
  })

  it.each([
    ['ASCII', 'a'.repeat(11), 11],
    ['three-byte characters', '€€€€', 12],
    ['four-byte characters', '😀😀😀', 12],
  ])('counts bytes, not characters: %s', (_name, text, bytes) => {
    const error = thrownBy(() => {
      codec.checkSize(text, 'Output of task add', limit)
    })
    expect(error).toMatchObject({ code: 'too_large', isRetryable: false })
    expect(error).toHaveProperty(
      'message',
      `Output of task add is too large: ${bytes} bytes, of which 10 are allowed; store it elsewhere and pass a reference, or raise maxSerializedOutputDataSize`,
    )
  })

  it('is applied when encoding', () => {
    expect(codec.encode('a'.repeat(8), 'It', limit)).toBe('"aaaaaaaa"')
    expect(thrownBy(() => codec.encode('a'.repeat(9), 'It', limit))).toMatchObject({
      code: 'too_large',
    })
  })
})

describe('Codec.decode', () => {
  it('names what cannot be read back', () => {
    const error = thrownBy(() => new Codec(json).decode('{', 'Input of execution te_1'))
    expect(error).toMatchObject({ code: 'not_serializable', isRetryable: false })
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/^Input of execution te_1 cannot be read back: /),
    )
  })
})
