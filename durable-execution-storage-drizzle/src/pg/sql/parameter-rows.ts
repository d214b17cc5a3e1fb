/**
 * Rows that come with a statement as its parameters. One comes as values: PostgreSQL opens a list for every column else, which takes
 * longer than the rest of the statement. Several come as lists, one a column, with what they share as a value of its own.
 */
import type { SqlValue } from '../../row'
import type { PgValue } from '../program'
import { typeOf } from './columns'

/** How many rows come. */
export type Size = 'one' | 'many'

/** A part of a statement that takes parameters. */
export interface Fragment {
  readonly text: string
  /** The place of the parameter after its own. */
  readonly next: number
}

/** Rows as SQL: the columns of each, and where they come from; nothing where there is one. */
export interface ParameterRows {
  readonly values: readonly string[]
  readonly from: string | null
  /** The place of the parameter after these. */
  readonly next: number
}

/**
 * A list that comes as a parameter. In a query of its own: PostgreSQL would look how long it is, find that a plan for just this list
 * is cheaper than one for any, and plan every short call anew, which takes longer than the call.
 */
export function listAt(place: number, type = 'text'): string {
  return `(SELECT $${place}::${type}[])`
}

/** Which form a number of rows takes. */
export function sizeOf(rows: readonly unknown[]): Size {
  return rows.length === 1 ? 'one' : 'many'
}

/**
 * The SQL of rows with these columns.
 *
 * @param first - The place of their first parameter.
 * @param alias - The name of a row.
 */
export function parameterRows(
  columns: readonly string[],
  size: Size,
  first: number,
  alias: string,
): ParameterRows {
  const parameter = (column: string, index: number): string =>
    `$${first + index}::${typeOf(column)}`
  if (size === 'one') {
    return { values: columns.map(parameter), from: null, next: first + columns.length }
  }
  const lists = columns.map((column, index) => listAt(first + index, typeOf(column)))
  // Lists that are too short, those of columns that all rows share, are filled up with NULLs.
  const values = columns.map((column, index) => {
    // A lone root's own id need not be sent twice.
    const otherwise = column === 'root_execution_id' ? `, ${alias}.execution_id` : ''
    return `coalesce(${alias}.${column}, ${parameter(column, index + columns.length)}${otherwise})`
  })
  return {
    values,
    from: `unnest(${lists.join(', ')}) AS ${alias} (${columns.join(', ')})`,
    next: first + 2 * columns.length,
  }
}

/**
 * The parameters of such rows. Of a column in which all are the same the list is empty. The first column has all its values: it says
 * how many rows there are.
 *
 * @param selfId - The place of a column that is left out where it repeats the first.
 */
export function valuesOfRows(rows: readonly (readonly SqlValue[])[], selfId = -1): PgValue[] {
  const [first = []] = rows
  if (sizeOf(rows) === 'one') return [...first]
  const lists: SqlValue[][] = []
  const shared: SqlValue[] = []
  for (let column = 0; column < first.length; column += 1) {
    const value = first[column] ?? null
    const isSelf = column === selfId && rows.every((row) => row[column] === row[0])
    const isShared = column > 0 && rows.every((row) => row[column] === value)
    lists.push(isSelf || isShared ? [] : rows.map((row) => row[column] ?? null))
    shared.push(isShared && !isSelf ? value : null)
  }
  return [...lists, ...shared]
}

/** A text for each size. */
export function bySize(text: (size: Size) => string): Readonly<Record<Size, string>> {
  return { one: text('one'), many: text('many') }
}
