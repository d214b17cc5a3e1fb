/** Assertions that any test runner understands, with messages that name what was compared. */
import { AssertionError } from 'node:assert'
import { inspect, isDeepStrictEqual } from 'node:util'

/** The longest text of a value in a message: values of a megabyte are compared too. */
const MAX_SHOWN_LENGTH = 4000

/** Throws unless the two values are deeply the same. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [plainActual, plainExpected] = [plain(actual), plain(expected)]
  if (isDeepStrictEqual(plainActual, plainExpected)) return
  throw new AssertionError({
    message: `${what}: expected ${show(plainExpected)}, got ${show(plainActual)}`,
    actual: plainActual,
    expected: plainExpected,
    operator: 'same',
  })
}

/** Throws unless the condition holds. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new AssertionError({ message: what, actual: false, expected: true })
}

/** Throws unless the call is refused by an error; answers that error. */
export async function refused(call: () => Promise<unknown>, what: string): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  throw new AssertionError({ message: `${what}: expected a refusal, but the call succeeded` })
}

/** The value, which must be there. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) {
    throw new AssertionError({ message: `${what}: expected a value, got ${String(value)}` })
  }
  return value
}

/** Rebuilds a value of plain objects and arrays: rows of some drivers have no or another prototype. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date || value instanceof Set || value instanceof Map) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  const text = inspect(value, { depth: 8, breakLength: 120, maxStringLength: 200 })
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)} …` : text
}
