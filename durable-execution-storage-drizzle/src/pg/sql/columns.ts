/** The columns that statements read and write, and of which type their parameters are. */
import { CHANGE_COLUMNS } from '../../change'
import { COLUMNS, GUARD_COLUMNS } from '../../row'

/** All columns of a row. */
export const RECORD = COLUMNS.join(', ')
/** Who holds a row and where it belongs. */
export const GUARD = GUARD_COLUMNS.join(', ')

/** The storage's clock is the server's, unless the call brings a time of its own. */
export const NOW =
  'coalesce($1::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS now'
/** In a CTE, so that all rows get the same. */
export const CLOCK = `clock AS MATERIALIZED (SELECT ${NOW})`

/** The clock of a statement that writes one row and looks at it once: without a CTE the server has a tenth less to do. */
export const CLOCK_OF_ONE = `(SELECT ${NOW} OFFSET 0) AS clock`

/** The longest that an impatient statement waits for a lock, in milliseconds. Who only stores something has done so by then. */
const LONGEST_WAIT_MS = 50

/** The clock of a statement that waits for nobody: the setting holds from here to the end of its transaction. */
export const IMPATIENT_CLOCK = `impatient AS MATERIALIZED (SELECT set_config('lock_timeout', '${LONGEST_WAIT_MS}', true)), clock AS MATERIALIZED (SELECT ${NOW} FROM impatient)`

/** The types of the columns that are no texts. */
const TYPES: Readonly<Record<string, string>> = {
  claim_at: 'bigint',
  claim_count: 'integer',
  attempt: 'integer',
  takeovers: 'integer',
  active_children_count: 'integer',
  index_in_parent: 'integer',
  is_finalize: 'smallint',
  sleep_ms_before_run: 'bigint',
  timeout_ms: 'bigint',
  start_at: 'bigint',
  started_at: 'bigint',
  finished_at: 'bigint',
  created_at: 'bigint',
  updated_at: 'bigint',
}

/** The columns of a change, in the order of its values. */
export const CHANGED = ['execution_id', ...CHANGE_COLUMNS] as const

/** The columns of a guarded change. */
export const GUARDED = [...CHANGED, 'claim_count', 'expected_status'] as const

/** The columns that a parent's change writes, in the order of the parameters. */
export const OF_PARENT = [
  'execution_id',
  'takeovers',
  'claim_count',
  'executor_id',
  'claim_at',
  'active_children_count',
  'updated_at',
] as const

/** The type of a column's parameter. */
export function typeOf(column: string): string {
  return TYPES[column] ?? 'text'
}
