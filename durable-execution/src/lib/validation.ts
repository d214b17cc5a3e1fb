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
    const text = typeof value === 'number' ? String(value) : JSON.stringify(value)
    if (text === undefined) return 'undefined'
    return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text
  } catch {
    return `a value of type ${typeof value}`
  }
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
    value,
  )
}

/** Checks a value. The problem names each wrong place, what was expected there, and what came. */
export function check<TSchema extends z.ZodType>(
  schema: TSchema,
  value: unknown,
): Checked<z.output<TSchema>> {
  const result = schema.safeParse(value)
  if (result.success) return { isValid: true, value: result.data }
  const problems = result.error.issues.map((issue) => {
    const place = issue.path.length > 0 ? `${issue.path.map(String).join('.')}: ` : ''
    return `${place}${issue.message}, got ${show(at(value, issue.path))}`
  })
  return { isValid: false, problem: problems.join('; ') }
}
