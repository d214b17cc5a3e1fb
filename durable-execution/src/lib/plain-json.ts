/** Values that JSON holds as they are: nothing of them has to be described beside it. */

/** Names that could reach a prototype: whoever reads JSON with them must look twice. */
const ODD_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Whether a value is made of nothing but texts, finite numbers, booleans, `null`, lists and plain objects, each of them in one
 * place only. `undefined`, holes, -0, odd keys, and what has a class or a `toJSON` are none of these.
 */
export function isPlainJson(value: unknown, seen?: Set<object>): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      return value === null || isPlainObject(value, seen ?? new Set())
    default:
      return false
  }
}

function isPlainObject(value: object, seen: Set<object>): boolean {
  if (seen.has(value)) return false
  seen.add(value)
  // One that is not among the keys would be called too.
  if ('toJSON' in value) return false
  if (Array.isArray(value)) {
    for (const element of value) if (!isPlainJson(element, seen)) return false
    return Object.getPrototypeOf(value) === Array.prototype
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false
  for (const key of Object.keys(value)) {
    if (ODD_KEYS.has(key)) return false
    if (!isPlainJson((value as Record<string, unknown>)[key], seen)) return false
  }
  return true
}
