/**
 * `settle` in one statement: everything holds, or nothing is written and it says so.
 *
 * It locks as the transaction of several statements does: the roots of the trees, shared; then parents and own rows, by id. The
 * order is held by what each step asks of the one before. A statement sees the table as it was when it began: where a locked row is
 * another by then (`stable` misses it), or a claim is no longer held, nothing is written, and the caller looks again.
 */
import { COLUMNS } from '../../row'
import { CHANGED, NOW, RECORD } from './columns'
import { atPlaces, BY_ID, changesFrom, few } from './lookups'
import { listAt, type Form } from './parameter-rows'
import { newRows, update } from './writes'

/** Which parts a settlement of several rows has. */
export interface SettleShape {
  readonly rows: Form
  readonly insertions: Form | null
  readonly hasParents: boolean
}

/** The parameters before those of the rows: the clock, the roots, the ids to lock with their claims, and how many these are. */
const FIRST_OF_ROWS = 7

const WAITING = "('waiting_for_children', 'waiting_for_finalize')"

/** The texts of `settle` in one statement on a table. */
export function settleTogether(table: string) {
  const texts = new Map<string, string>()
  return {
    /**
     * Answers whether all was written, the clock, and the parents that have nothing to wait for any more. Its parameters: what is
     * locked, the changes, the insertions; then the parents, their deltas, and who takes which queues for how long.
     */
    settleTogether(shape: SettleShape): string {
      const key = `${shape.rows} ${shape.insertions ?? 'none'} ${String(shape.hasParents)}`
      const text = texts.get(key) ?? textOf(table, shape)
      texts.set(key, text)
      return text
    },
  }
}

function textOf(table: string, { rows, insertions, hasParents }: SettleShape): string {
  const holds = '(SELECT holds FROM gate)'
  const changes = changesFrom(CHANGED, rows, FIRST_OF_ROWS)
  const parts = [...locked(table), `own AS (${update(table, changes.text, ` AND ${holds}`)})`]
  let { next } = changes
  if (insertions !== null) {
    const inserted = newRows(insertions, next)
    parts.push(`inserted AS (INSERT INTO ${table} (${RECORD}) ${inserted.text} WHERE ${holds})`)
    ;({ next } = inserted)
  }
  if (!hasParents) {
    return `WITH ${parts.join(', ')} SELECT gate.holds::integer, clock.now FROM clock, gate`
  }
  parts.push(parents(table, holds, next))
  return `WITH ${parts.join(', ')} SELECT gate.holds::integer, clock.now, parents.* FROM clock CROSS JOIN gate LEFT JOIN parents ON parents.active_children_count = 0`
}

/** What must hold: each row that is locked is seen as it is, and each claim is held. */
function locked(table: string): string[] {
  return [
    `roots AS MATERIALIZED (SELECT count(*) AS n FROM unnest(${listAt(2)}) AS c (id), LATERAL (SELECT 1 FROM ${table} WHERE execution_id = c.id OFFSET 0 FOR KEY SHARE) AS r)`,
    `locked AS MATERIALIZED (SELECT r.place FROM unnest(${listAt(3)}, ${listAt(4, 'integer')}, ${listAt(5)}) AS c (id, claim_count, status), LATERAL (SELECT ctid AS place FROM ${table} WHERE execution_id = c.id AND (c.claim_count IS NULL OR claim_count = c.claim_count AND status = c.status AND executor_id IS NOT NULL) AND (SELECT n FROM roots) >= 0 OFFSET 0 FOR NO KEY UPDATE) AS r)`,
    `gate AS MATERIALIZED (SELECT count(*) = $6::bigint AS holds FROM ${table} AS stable WHERE ${atPlaces('stable', 'locked')})`,
    // After the locks: read before, it could be earlier than what others wrote while this call waited.
    `clock AS MATERIALIZED (SELECT ${NOW} FROM gate)`,
  ]
}

/** `transitions.bringDown`, and `transitions.claim` of what has nothing to wait for any more, in SQL. */
function parents(table: string, holds: string, first: number): string {
  const [queues, executorId, leaseMs] = [2, 3, 4].map((offset) => `$${first + offset}`)
  const count = 't.active_children_count - c.delta'
  const isTaken = `(${count} = 0 AND t.queue = ANY(${queues}::text[]))`
  const set = [
    `active_children_count = ${count}`,
    `claim_at = CASE WHEN ${isTaken} THEN clock.now + ${leaseMs}::bigint WHEN ${count} = 0 THEN clock.now END`,
    `executor_id = CASE WHEN ${isTaken} THEN ${executorId}::text ELSE t.executor_id END`,
    `claim_count = t.claim_count + ${isTaken}::integer`,
    `takeovers = t.takeovers + (${isTaken} AND t.executor_id IS NOT NULL)::integer`,
    'updated_at = clock.now',
  ].join(', ')
  const down = few(
    `unnest(${listAt(first)}, ${listAt(first + 1, 'integer')}) AS u (execution_id, delta)`,
    ['execution_id', 'delta'],
  )
  const columns = COLUMNS.map((column) => `t.${column}`).join(', ')
  return `parents AS (UPDATE ${table} AS t SET ${set} FROM clock, ${down} WHERE ${BY_ID} AND t.status IN ${WAITING} AND ${holds} RETURNING ${columns})`
}
