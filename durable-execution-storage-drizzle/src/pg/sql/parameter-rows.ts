/**
 * Rows that come with a statement as its parameters. One comes as values: PostgreSQL opens a list for every column else, which takes
 * longer than the rest of the statement. Several come as lists, one a column, with what they share as a value of its own.
 */
import type { SqlValue } from '../../row'
import type { PgValue } from '../program'
import { typeOf } from './columns'

/** Which form rows take: one; several that differ in little, as those of one task do; any others. */
export type Form = 'one' | 'alike' | 'many'

/** What differs in rows that are alike. The time of a statement grows with its lists: each row of all lists is put together first. */
const DIFFERENT: ReadonlySet<string> = new Set([
  'execution_id',
  'index_in_parent',
  'input',
  'output',
])

/** It repeats the id in a row that is its own root. */
const OWN_ROOT = 'root_execution_id'

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

/**
 * The SQL of rows with these columns.
 *
 * @param first - The place of their first parameter.
 * @param alias - The name of a row.
 */
export function parameterRows(
  columns: readonly string[],
  form: Form,
  first: number,
  alias: string,
): ParameterRows {
  const parameter = (column: string, place: number): string => `$${place}::${typeOf(column)}`
  if (form === 'one') {
    const values = columns.map((column, index) => parameter(column, first + index))
    return { values, from: null, next: first + columns.length }
  }
  const listed = listedOf(columns, form)
  const lists = listed.map((column, index) => listAt(first + index, typeOf(column)))
  const firstShared = first + listed.length
  // Lists that are too short, those of columns that all rows share, are filled up with NULLs.
  const values = columns.map((column, index) => {
    const value = [parameter(column, firstShared + index)]
    if (listed.includes(column)) value.unshift(`${alias}.${column}`)
    // A lone root's own id need not be sent twice.
    if (column === OWN_ROOT) value.push(`${alias}.execution_id`)
    return value.length === 1 ? value.join() : `coalesce(${value.join(', ')})`
  })
  return {
    values,
    from: `unnest(${lists.join(', ')}) AS ${alias} (${listed.join(', ')})`,
    next: firstShared + columns.length,
  }
}

/** Rows as the parameters of a statement, and the form that it has to have. */
export interface Parameters {
  readonly form: Form
  readonly values: readonly PgValue[]
}

/**
 * Rows with these columns as parameters. Of a column in which all are the same the list is empty. The first column has all its
 * values: it says how many rows there are.
 */
export function parametersOf(
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
): Parameters {
  const [first = []] = rows
  if (rows.length === 1) return { form: 'one', values: first }
  const root = columns.indexOf(OWN_ROOT)
  const isOwnRoot = rows.every((row) => row[root] === row[0])
  const isShared = columns.map(
    (_, column) => column > 0 && rows.every((row) => row[column] === first[column]),
  )
  const isListed = columns.map(
    (column, index) => !isShared[index] && !(isOwnRoot && column === OWN_ROOT),
  )
  const isAlike = columns.every((column, index) => !isListed[index] || DIFFERENT.has(column))
  const form = isAlike ? 'alike' : 'many'
  const lists = listedOf(columns, form).map((column) => {
    const index = columns.indexOf(column)
    return isListed[index] ? rows.map((row) => row[index] ?? null) : []
  })
  const shared = columns.map((_, index) => (isShared[index] ? (first[index] ?? null) : null))
  return { form, values: [...lists, ...shared] }
}

/** The columns of which lists come. */
function listedOf(columns: readonly string[], form: Form): readonly string[] {
  return form === 'alike' ? columns.filter((column) => DIFFERENT.has(column)) : columns
}

/** A text for each form. */
export function byForm(text: (form: Form) => string): Readonly<Record<Form, string>> {
  return { one: text('one'), alike: text('alike'), many: text('many') }
}
