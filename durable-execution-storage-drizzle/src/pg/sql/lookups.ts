/** How statements find the rows they name. */
import { CLOCK } from './columns'
import { listAt, parameterRows, type Form, type Fragment } from './parameter-rows'

/** The rows of a list of ids, in the order of the list. */
export function byIds(table: string, columns: string, place: number, rest = ''): string {
  return `SELECT r.* FROM unnest(${listAt(place)}) AS c (id), LATERAL (SELECT ${columns} FROM ${table} WHERE execution_id = c.id OFFSET 0${rest}) AS r`
}

/** Rows with the clock after their columns; one row of NULLs with the clock if there are none. */
export function clocked(rows: string): string {
  return `WITH ${CLOCK} SELECT r.*, clock.now FROM clock LEFT JOIN (${rows}) AS r ON true`
}

/**
 * Rows that say what to update, as `c`. The limit is none, but PostgreSQL does not know that when it plans: it expects fewer rows
 * (a tenth), and looks each up rather than read a table that is small at that moment.
 */
export function few(rows: string, columns: readonly string[], values = 'u.*'): string {
  const names = columns.join(', ')
  return `(SELECT ${values} FROM ${rows} LIMIT (SELECT NULL::bigint)) AS c (${names})`
}

/** Rows that come as parameters and say what to update, as `c`. */
export function changesFrom(columns: readonly string[], form: Form, first: number): Fragment {
  const { values, from, next } = parameterRows(columns, form, first, 'u')
  const named = values.map((value, index) => `${value} AS ${columns[index] ?? ''}`).join(', ')
  return { text: from === null ? `(SELECT ${named}) AS c` : few(from, columns, named), next }
}

/** Which row `t` a row `c` says what to do with. After a wait for its lock PostgreSQL looks at it anew, and finds it still. */
export const BY_ID = 't.execution_id = c.execution_id'

/**
 * Whether a row is at one of the places that a CTE lists. All are gone to by one scan; joined to one by one, each would begin a scan of
 * its own. The second condition is true of every row, by the first of a thousand comparisons, but PostgreSQL reckons with half of
 * them: where the table is small when the plan is made it would else read all rows, and go on so when the table has grown.
 */
export function atPlaces(row: string, places: string): string {
  return `${row}.ctid = ANY(ARRAY(SELECT place FROM ${places})) AND ${row}.claim_count >= ANY(array_fill(0, ARRAY[1000]))`
}

/** The assignment of a column from the row that says so. */
export function assigned(column: string): string {
  return `${column} = c.${column}`
}
