/** Lists of values that differ in few places: a statement takes what each has of its own, then what all share, once. */
import type { SqlValue } from '../row'

/** Whether these places hold the same in both. */
export function areAlike(
  first: readonly SqlValue[],
  other: readonly SqlValue[],
  sharedAt: readonly number[],
): boolean {
  for (const at of sharedAt) if (first[at] !== other[at]) return false
  return true
}

/** What lists that are alike have of their own, one after the other, then what they share. */
export function paramsOfAlike(
  lists: readonly (readonly SqlValue[])[],
  ownAt: readonly number[],
  sharedAt: readonly number[],
): SqlValue[] {
  return [...valuesAt(lists, ownAt), ...valuesAt(lists.slice(0, 1), sharedAt)]
}

/** These values of several lists, one list after the other. A loop: `flatMap` took as long as the database. */
export function valuesAt(
  lists: readonly (readonly SqlValue[])[],
  places: readonly number[],
): SqlValue[] {
  const values: SqlValue[] = []
  for (const list of lists) for (const at of places) values.push(list[at] ?? null)
  return values
}
