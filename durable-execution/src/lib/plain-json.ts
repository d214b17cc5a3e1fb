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
      return value === null || (isPlainKind(value) && arePlain(value, seen))
    default:
      return false
  }
}

function isPlainKind(value: object): boolean {
  // A method that is not among the keys would be called too.
  if ('toJSON' in value) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === (Array.isArray(value) ? Array.prototype : Object.prototype)
}

/** Whether the values in a plain object or list are plain. `seen`: the objects around and before it, where there are any. */
function arePlain(value: object, seen: Set<object> | undefined): boolean {
  if (seen?.has(value)) return false
  // Most values hold no others: they need not be kept in mind.
  let others = seen
  const isPlainWithin = (element: unknown): boolean => {
    if (typeof element !== 'object' || element === null) return isPlainJson(element)
    others ??= new Set([value])
    return isPlainJson(element, others)
  }
  others?.add(value)
  if (Array.isArray(value)) {
    for (const element of value) if (!isPlainWithin(element)) return false
    return true
  }
  for (const key of Object.keys(value)) {
    if (ODD_KEYS.has(key) || !isPlainWithin((value as Record<string, unknown>)[key])) return false
  }
  return true
}
