/** Errors come wrapped in errors: what was thrown, and what caused it. */

/** Property of a value that may be anything; `undefined` where there is none. */
export function property(value: unknown, name: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** What was thrown, then its cause, the cause of that, …; of an `AggregateError` also what it gathers. Cycles end. */
export function* withCauses(thrown: unknown, seen = new Set<unknown>()): Generator<unknown> {
  if (thrown === undefined || thrown === null || seen.has(thrown)) return
  seen.add(thrown)
  yield thrown
  yield* withCauses(property(thrown, 'cause'), seen)
  const gathered = property(thrown, 'errors')
  if (!Array.isArray(gathered)) return
  for (const inner of gathered) yield* withCauses(inner, seen)
}
