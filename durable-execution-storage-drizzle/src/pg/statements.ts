/**
 * The SQL of every verb. Texts hold no values, and lists are arrays: there are few texts, each prepared once.
 *
 * Rows are read by a list of ids through `LATERAL (… OFFSET 0)`, which PostgreSQL cannot turn into a join: as a join, and by
 * `= ANY (…)` too, it scans a table that is small, and keeps that plan prepared while the table grows. What is written is joined by
 * its id to lists of which PostgreSQL expects few rows. Rows that another statement of the same kind found come as arrays: of those it
 * expects few, of a LIMIT it doesn't know a tenth of the table. `plan-sizes.ts` says what becomes of a table that was analyzed while it had
 * a few rows. The lists are sorted, so that all who lock several rows lock them in the same order.
 *
 * An update by the place of a row may miss one that moved after the snapshot: it is right only for rows that are locked.
 */
import { claims } from './sql/claims'
import { CLOCK, GUARD, IMPATIENT_CLOCK, RECORD } from './sql/columns'
import { BY_ID, byIds, clocked, few } from './sql/lookups'
import { listAt } from './sql/parameter-rows'
import { settleTogether } from './sql/settle-together'
import { inserts, writes } from './sql/writes'

/** The texts of the statements on one table. */
export type Statements = ReturnType<typeof createStatements>

/**
 * Writes the texts for a table. Every statement that begins with the clock binds the time of the call, or NULL, first.
 *
 * @param tableName - A checked name.
 */
export function createStatements(tableName: string) {
  const table = `"${tableName}"`
  return {
    tableName,
    clock: `WITH ${CLOCK} SELECT now FROM clock`,
    ...locks(table),
    ...reads(table),
    ...inserts(table),
    ...writes(table),
    ...claims(table),
    ...settleTogether(table),
    ...ofTrees(table),
  }
}

/**
 * The same, with inserts that fail soon where an open transaction holds the id or key of one of the rows.
 *
 * @param statements - Those of the table.
 */
export function impatient(statements: Statements): Statements {
  return { ...statements, ...inserts(`"${statements.tableName}"`, IMPATIENT_CLOCK) }
}

function locks(table: string) {
  return {
    lockRootsShared: byIds(table, 'execution_id', 1, ' FOR KEY SHARE'),
    lockRoots: byIds(table, 'execution_id', 1, ' FOR UPDATE'),
    lockGuards: byIds(table, GUARD, 1, ' FOR NO KEY UPDATE'),
    lockRecords: byIds(table, RECORD, 1, ' FOR NO KEY UPDATE'),
  }
}

function reads(table: string) {
  const ofParent = `SELECT ${RECORD} FROM ${table} WHERE parent_execution_id = $2::text`
  return {
    records: byIds(table, RECORD, 1),
    guards: byIds(table, GUARD, 1),
    roots: byIds(table, 'root_execution_id', 1),
    get: clocked(byIds(table, RECORD, 2)),
    getGuards: clocked(byIds(table, GUARD, 2)),
    sleepers: `SELECT r.* FROM unnest(${listAt(1)}) AS c (key), LATERAL (SELECT ${GUARD} FROM ${table} WHERE sleeping_key = c.key AND finished_at IS NULL OFFSET 0) AS r`,
    activeSleeper: `SELECT ${RECORD} FROM ${table} WHERE sleeping_key = $1::text AND finished_at IS NULL`,
    /** Between the key with `:` and the key with the character after it, byte by byte: what finished with this key. */
    finishedSleeper: `SELECT ${RECORD} FROM ${table} WHERE sleeping_key ~>~ $1::text AND sleeping_key ~<~ $2::text AND finished_at IS NOT NULL ORDER BY finished_at DESC, execution_id DESC LIMIT 1`,
    children: clocked(
      `(${ofParent} AND is_finalize = 0 AND index_in_parent > $3::integer ORDER BY index_in_parent LIMIT $4::bigint) UNION ALL (${ofParent} AND is_finalize = 1)`,
    ),
    heldBy: clocked(
      `SELECT h.* FROM unnest(${listAt(2)}) AS c (name), LATERAL (SELECT ${RECORD} FROM ${table} WHERE queue = c.name AND claim_at >= $3::bigint AND claim_at <= (SELECT now FROM clock) + $4::bigint AND executor_id = $5::text OFFSET 0) AS h`,
    ),
    nextClaimAt: clocked(
      `SELECT c.name, (SELECT claim_at FROM ${table} WHERE queue = c.name AND claim_at IS NOT NULL ORDER BY claim_at LIMIT 1) AS claim_at FROM unnest(${listAt(2)}) AS c (name)`,
    ),
  }
}

function ofTrees(table: string) {
  return {
    /** What is active of a list, and all that is active below. */
    doomed: `WITH RECURSIVE doomed (id) AS (SELECT a.execution_id FROM unnest(${listAt(1)}) AS c (id), LATERAL (SELECT execution_id FROM ${table} WHERE execution_id = c.id AND finished_at IS NULL OFFSET 0) AS a UNION SELECT b.execution_id FROM doomed, LATERAL (SELECT execution_id FROM ${table} WHERE parent_execution_id = doomed.id AND finished_at IS NULL OFFSET 0) AS b) SELECT id FROM doomed`,
    /** `transitions.cancel` in SQL. */
    cancel: `UPDATE ${table} AS t SET status = 'cancelled', output = NULL, error = $2::text, claim_at = NULL, executor_id = NULL, finished_at = $3::bigint, active_children_count = 0, sleeping_key = t.sleeping_key || ':' || t.execution_id, updated_at = $3::bigint FROM ${few(`unnest(${listAt(1)}) AS u (execution_id)`, ['execution_id'])} WHERE ${BY_ID}`,
    /** One pruner at a time: the second does not wait. */
    pruneLock: 'SELECT pg_try_advisory_xact_lock(hashtextextended($1::text, 0))::integer AS locked',
    /** A page along the primary key: whether each row is a root that finished long ago, and whether that has children. */
    page: `SELECT execution_id, CASE WHEN parent_execution_id IS NULL AND finished_at < $1::bigint THEN 1 + (SELECT count(*) FROM (SELECT 1 FROM ${table} AS child WHERE child.parent_execution_id = page.execution_id LIMIT 1) AS one) ELSE 0 END AS kind FROM ${table} AS page WHERE execution_id > $2::text ORDER BY execution_id LIMIT $3::bigint`,
    /** A whole tree, top down. */
    tree: `WITH RECURSIVE tree (id, depth) AS (SELECT $1::text, 0 UNION ALL SELECT b.execution_id, tree.depth + 1 FROM tree, LATERAL (SELECT execution_id FROM ${table} WHERE parent_execution_id = tree.id OFFSET 0) AS b) SELECT id, depth FROM tree ORDER BY depth`,
  }
}
