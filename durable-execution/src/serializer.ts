/** How inputs and outputs become text, and the limits they are held to. */
import { SuperJSON, type SuperJSONResult } from 'superjson'

import { DurableExecutionError, fromStoredError, messageOf, toStoredError } from './errors'
import { isPlainJson } from './lib/plain-json'

/** Turns values into text and back. It need not know `undefined`: that is stored as NULL. */
export interface Serializer {
  serialize(value: unknown): string
  deserialize(text: string): unknown
}

/**
 * The default: JSON that keeps dates, maps, sets, big integers, regular expressions and more. The suite's own errors keep their
 * class and code: they come with the children of a parent that has no finalize. What JSON would lose in silence is refused: a
 * promise anywhere (somebody forgot to wait for it), what keeps its content where JSON does not look (a blob, a stream, an
 * `ArrayBuffer`), a function or a symbol as the whole value.
 */
export function createSuperjsonSerializer(): Serializer {
  const superjson = new SuperJSON()
  superjson.registerCustom(
    {
      isApplicable: (value): value is DurableExecutionError =>
        value instanceof DurableExecutionError,
      serialize: (error) => ({ ...toStoredError(error) }),
      deserialize: (stored) => fromStoredError(stored),
    },
    'DurableExecutionError',
  )
  superjson.registerCustom<object, string>(
    {
      isApplicable: (value): value is object => hidesItsContent(value),
      serialize: (value) => {
        throw new Error(
          value instanceof Promise
            ? 'it holds a promise: await it first'
            : `it holds an object of kind ${tagOf(value)}, whose content would be lost`,
        )
      },
      // None is ever stored.
      deserialize: (text) => ({ text }),
    },
    'hidden',
  )
  return {
    serialize: (value) => {
      if (typeof value === 'function' || typeof value === 'symbol') {
        throw new Error(`it is a ${typeof value}`)
      }
      // Most values are plain: superjson would walk them five times to find that out.
      if (isPlainJson(value)) return `{"json":${JSON.stringify(value)}}`
      return superjson.stringify(value)
    },
    deserialize: (text) => {
      const stored = JSON.parse(text) as SuperJSONResult
      const isPlain = typeof stored === 'object' && stored !== null && !('meta' in stored)
      return isPlain ? stored.json : superjson.deserialize(stored)
    },
  }
}

/** The kinds whose content superjson knows, and those that JSON makes their value of. */
const KNOWN_KINDS =
  /^(?:Object|Array|Date|Map|Set|RegExp|Error|URL|(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array|Number|String|Boolean|BigInt)$/

/** Whether JSON sees nothing of an object that is more than it shows: it would be stored as `{}`. */
function hidesItsContent(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Error) return false
  if (value instanceof Promise) return true
  if (KNOWN_KINDS.test(tagOf(value)) || 'toJSON' in value) return false
  return Object.keys(value).length === 0
}

/** What kind of object the engine or its class says it is. */
function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

/** A serializer with the executor's limits and with errors that name what could not be stored. */
export class Codec {
  private readonly serializer: Serializer

  constructor(serializer: Serializer) {
    this.serializer = serializer
  }

  /**
   * @param what - Names the value in errors, such as `Input of task add`.
   * @param limit - The most bytes its text may have, as UTF-8, and the option that says so.
   * @throws A non-retryable `DurableExecutionError`.
   */
  encode(value: unknown, what: string, limit: { bytes: number; option: string }): string | null {
    if (value === undefined) return null
    const text = this.serialize(value, what)
    this.checkSize(text, what, limit)
    return text
  }

  /** @throws A non-retryable `DurableExecutionError` if the text is longer than the limit. */
  checkSize(text: string | null, what: string, limit: { bytes: number; option: string }): void {
    // A character takes at most three bytes per UTF-16 unit: the exact count is needed only near the limit.
    if (text === null || text.length * 3 <= limit.bytes) return
    const size = Buffer.byteLength(text)
    if (size <= limit.bytes) return
    throw DurableExecutionError.nonRetryable(
      `${what} is too large: ${size} bytes, of which ${limit.bytes} are allowed; store it elsewhere and pass a reference, or raise ${limit.option}`,
      { code: 'too_large' },
    )
  }

  /** @throws A non-retryable `DurableExecutionError` if the text can't be read. */
  decode(text: string | null, what: string): unknown {
    if (text === null) return undefined
    try {
      return this.serializer.deserialize(text)
    } catch (error) {
      throw DurableExecutionError.nonRetryable(
        `${what} cannot be read back: ${messageOf(error)}; it was stored by another serializer or changed since`,
        { code: 'not_serializable', cause: error },
      )
    }
  }

  private serialize(value: unknown, what: string): string {
    let text: unknown
    try {
      text = this.serializer.serialize(value)
    } catch (error) {
      throw DurableExecutionError.nonRetryable(
        `${what} cannot be serialized: ${reasonOf(error)}; use plain data, or a serializer that knows it`,
        { code: 'not_serializable', cause: error },
      )
    }
    if (typeof text === 'string') return text
    throw DurableExecutionError.nonRetryable(
      `${what} cannot be serialized: the serializer returned ${typeof text} instead of text; its serialize must return a string`,
      { code: 'not_serializable' },
    )
  }
}

/** The engine speaks of its stack: what the one who gave the value can change is how deep it is. */
function reasonOf(error: unknown): string {
  const isTooDeep = error instanceof RangeError && /call stack/i.test(error.message)
  return isTooDeep ? 'it is nested too deep' : messageOf(error).replace(/\.$/, '')
}
