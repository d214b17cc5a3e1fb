/** Statements that insert rows and write changes. */
import { COLUMNS, TIME_COLUMNS } from '../../row'
import { CHANGED, CLOCK, CLOCK_OF_ONE, GUARDED, OF_PARENT, RECORD, typeOf } from './columns'
import { assigned, BY_ID, changesFrom, few } from './lookups'
import { byForm, listAt, parameterRows, type Form, type Fragment } from './parameter-rows'

/** What an insert selects: rows that come as parameters, their times counted from the clock. */
export function newRows(form: Form, first: number, clock = 'clock'): Fragment {
  const { values, from, next } = parameterRows(COLUMNS, form, first, 'c')
  const timed = COLUMNS.map((column, index) => {
    const value = values[index] ?? ''
    return TIME_COLUMNS.has(column) ? `${value} + clock.now` : value
  })
  const text = `SELECT ${timed.join(', ')} FROM ${clock}${from === null ? '' : `, ${from}`}`
  return { text, next }
}

/** What a change writes, from a row `c` of the columns of a change. */
const SET_CHANGED = [
  ...['status', 'attempt', 'takeovers', 'run_output', 'output', 'error'].map(assigned),
  'claim_at = clock.now + c.claim_at',
  'start_at = coalesce(clock.now + c.start_at, t.start_at)',
  'started_at = coalesce(clock.now + c.started_at, t.started_at)',
  'finished_at = clock.now + c.finished_at',
  ...['active_children_count', 'sleeping_key'].map(assigned),
  'updated_at = clock.now',
  'executor_id = NULL',
].join(', ')

/** Writes changes `c` to their rows, as long as the guard holds. */
export function update(table: string, changes: string, guard = '', clock = 'clock'): string {
  return `UPDATE ${table} AS t SET ${SET_CHANGED} FROM ${clock}, ${changes} WHERE ${BY_ID}${guard}`
}

function insertText(table: string, target: string, clock: string) {
  return byForm(
    (form) =>
      `WITH ${clock} INSERT INTO ${table} (${RECORD}) ${newRows(form, 2).text} ON CONFLICT ${target}DO NOTHING RETURNING execution_id, (SELECT now FROM clock) AS now`,
  )
}

/** Answers the clock alone: rows of an answer cost as much again on their way, and all of these are there or it is an error. */
function insertNew(table: string) {
  const into = `INSERT INTO ${table} (${RECORD})`
  return byForm((form) =>
    form === 'one'
      ? `${into} ${newRows(form, 2, CLOCK_OF_ONE).text} RETURNING updated_at`
      : `WITH ${CLOCK}, inserted AS (${into} ${newRows(form, 2).text}) SELECT now FROM clock`,
  )
}

/** All rows or, where one of the ids is there already, none, and no clock. Met by another insert at this very moment it is an error. */
function insertTogether(table: string, clock: string) {
  return byForm((form) => {
    const ids = form === 'one' ? `ARRAY[$2::text]` : listAt(2)
    return `WITH ${clock}, there AS MATERIALIZED (SELECT count(*) AS n FROM unnest(${ids}) AS c (id), LATERAL (SELECT 1 FROM ${table} WHERE execution_id = c.id OFFSET 0) AS r), inserted AS (INSERT INTO ${table} (${RECORD}) ${newRows(form, 2).text} WHERE (SELECT n FROM there) = 0) SELECT now FROM clock WHERE (SELECT n FROM there) = 0`
  })
}

/** The texts of the inserts that may meet others' rows, and wait for these as the clock says. */
export function inserts(table: string, clock = CLOCK) {
  return {
    /** A conflict with another index than the key's is an error: no row is left out in silence. */
    insert: insertText(table, '(execution_id) ', clock),
    /** For rows that may meet others by their id, key or place: which came into being is checked. */
    insertUnlessThere: insertText(table, '', clock),
    insertTogether: insertTogether(table, clock),
  }
}

/** The texts of the other writes on a table. */
export function writes(table: string) {
  const lists = OF_PARENT.map((column, index) => listAt(index + 1, typeOf(column)))
  const parents = few(`unnest(${lists.join(', ')}) AS u (${OF_PARENT.join(', ')})`, OF_PARENT)
  const removed = few(`unnest(${listAt(1)}) AS u (execution_id)`, ['execution_id'])
  return {
    /** For ids that are new: one that is there is an error, which the server logs. Without looking for it first the rest is faster. Never impatient. */
    insertNew: insertNew(table),
    change: byForm((form) => `WITH ${CLOCK} ${update(table, changesFrom(CHANGED, form, 2).text)}`),
    /**
     * The guards are on the row that is written: after a wait for its lock they are looked at again, on what it is then.
     * `IS NOT DISTINCT FROM`: by `=` PostgreSQL would join by that too, and scan the table for it. Of one row it answers the clock if
     * it wrote it. Of several it answers, after the clock, the ids of those that it wrote, but only where that is not all, whose
     * number comes last.
     */
    guardedChange: byForm((form) => {
      const { text, next } = changesFrom(GUARDED, form, 2)
      const guard =
        ' AND t.claim_count IS NOT DISTINCT FROM c.claim_count AND t.status IS NOT DISTINCT FROM c.expected_status AND t.executor_id IS NOT NULL'
      return form === 'one'
        ? `${update(table, text, guard, CLOCK_OF_ONE)} RETURNING clock.now`
        : `WITH ${CLOCK}, changed AS (${update(table, text, guard)} RETURNING t.execution_id) SELECT (SELECT now FROM clock), CASE WHEN count(*) < $${next}::integer THEN coalesce(json_agg(execution_id), '[]')::text END FROM changed`
    }),
    parents: `UPDATE ${table} AS t SET ${OF_PARENT.slice(1).map(assigned).join(', ')} FROM ${parents} WHERE ${BY_ID}`,
    remove: `DELETE FROM ${table} AS t USING ${removed} WHERE ${BY_ID}`,
  }
}
