/** Checks values against zod schemas and says of every wrong one what was expected and what came. */
import type { z } from 'zod'

/** The outcome of a check. */
export type Checked<T> =
  | { readonly isValid: true; readonly value: T }
  | { readonly isValid: false; readonly problem: string }

const LONGEST_SHOWN = 80

/** A short, safe rendering of any value, for messages. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'symbol') return 'a symbol'
  try {
    const kind = builtInKind(value)
    if (kind !== null) return `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`
    const text = typeof value === 'number' ? String(value) : JSON.stringify(value)
    if (text === undefined) return 'undefined'
    return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text
  } catch {
    return `a value of type ${typeof value}`
  }
}

/** What JSON would hide of an object: that it is a `Promise`, a `Date`, an `Error`, … `null` for plain objects and lists. */
function builtInKind(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  // The last: what `import * as options` makes.
  return ['Object', 'Array', 'Module'].includes(tag) ? null : tag
}

/** A property of anything; `undefined` where there is none, or where it can't be read. */
export function propertyOf(value: unknown, key: PropertyKey): unknown {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return undefined
  try {
    return Reflect.get(value, key)
  } catch {
    return undefined
  }
}

/** Which of these functions an object does not have. */
export function missingFunctions(value: unknown, names: readonly string[]): readonly string[] {
  return names.filter((name) => typeof propertyOf(value, name) !== 'function')
}

/** An object of options as it was read: nothing of it is checked but its keys. */
export type ReadOptions<TKey extends string> = Readonly<Partial<Record<TKey, unknown>>>

/**
 * Reads an object that may have only these keys: a typo is no default. Each is read once.
 *
 * @param shown - The keys that are named where there is another one: those that have a use.
 */
export function readOptions<TKey extends string>(
  value: unknown,
  keys: readonly TKey[],
  shown: readonly TKey[] = keys,
): Checked<ReadOptions<TKey>> {
  try {
    if (!isPlain(value)) {
      return { isValid: false, problem: `expected an object, got ${show(value)}` }
    }
    const odd = Object.keys(value).find((key) => !(keys as readonly string[]).includes(key))
    if (odd !== undefined) {
      const problem = `unknown key ${show(odd)}, expected only ${shown.join(', ')}`
      return { isValid: false, problem }
    }
    const read: Partial<Record<TKey, unknown>> = {}
    for (const key of keys) read[key] = Reflect.get(value, key)
    return { isValid: true, value: read }
  } catch {
    return { isValid: false, problem: 'expected an object that can be read, got one that throws' }
  }
}

/** Whether this is an object that may hold options: no list, no promise, no date, … */
export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  try {
    return builtInKind(value) === null
  } catch {
    // It throws whatever it is asked: that shows when it is read.
    return true
  }
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce(propertyOf, value)
}

/** Checks a value. The problem names each wrong place, what was expected there, and what came. */
export function check<TSchema extends z.ZodType>(
  schema: TSchema,
  value: unknown,
): Checked<z.output<TSchema>> {
  let result: ReturnType<typeof schema.safeParse>
  try {
    result = schema.safeParse(value)
  } catch {
    return { isValid: false, problem: 'expected a value that can be read, got one that throws' }
  }
  if (result.success) return { isValid: true, value: result.data }
  const problems = result.error.issues.map((issue) => {
    const place = issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ` : ''
    // zod names the type that came; the value itself says more.
    const message = issue.message.replace(/, received [^,]+$/, '')
    return `${place}${message}, got ${show(at(value, issue.path))}`
  })
  return { isValid: false, problem: problems.join('; ') }
}
