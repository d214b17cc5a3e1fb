/** Finds the suite's errors within a value, such as those of a parent's children, so that they can cross the wire as plain data. */
import { DurableExecutionError } from 'durable-execution/errors'

import type { ErrorPath } from '../wire'

/** A value with its errors replaced, and where they were. */
export interface WithoutErrors {
  readonly value: unknown
  readonly paths: ErrorPath[]
}

/** Replaces every error of the suite in lists and plain objects. What holds none stays the very same. */
export function takeErrors(
  value: unknown,
  replace: (error: DurableExecutionError) => unknown,
): WithoutErrors {
  if (!holdsError(value)) return { value, paths: [] }
  const paths: ErrorPath[] = []
  const copy = (part: unknown, path: ErrorPath): unknown => {
    if (part instanceof DurableExecutionError) {
      paths.push(path)
      return replace(part)
    }
    if (Array.isArray(part)) return part.map((item, index) => copy(item, [...path, index]))
    if (!isPlainObject(part)) return part
    return Object.fromEntries(
      Object.entries(part).map(([key, item]) => [key, copy(item, [...path, key])]),
    )
  }
  return { value: copy(value, []), paths }
}

/** Asked first: nearly no value does, and this allocates nothing. */
function holdsError(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof DurableExecutionError) return true
  if (Array.isArray(value)) return value.some(holdsError)
  if (!isPlainObject(value)) return false
  for (const key in value) if (holdsError(value[key])) return true
  return false
}

/** Puts errors back where they were. Paths come from the other side: one that leads nowhere is passed over. */
export function putErrors(
  root: unknown,
  paths: readonly ErrorPath[],
  revive: (stored: unknown) => DurableExecutionError,
): void {
  for (const path of paths) {
    const last = path.at(-1)
    if (last === undefined) continue
    const holder = path.slice(0, -1).reduce(ownProperty, root)
    const stored = ownProperty(holder, last)
    if (stored !== undefined) Reflect.set(holder as object, last, revive(stored))
  }
}

function ownProperty(value: unknown, key: string | number): unknown {
  const isObject = typeof value === 'object' && value !== null
  return isObject && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
