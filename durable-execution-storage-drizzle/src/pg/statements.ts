/**
 * The SQL of every verb. Texts hold no values, and lists are arrays: there are few texts, each prepared once.
 *
 * Rows are looked up by a list of ids through `LATERAL (… OFFSET 0)`, which PostgreSQL cannot turn into a join: as a join, and by
 * `= ANY (…)` too, it scans a table that is small, and keeps that plan prepared while the table grows. Rows that another statement
 * of the same kind found come as arrays: of those PostgreSQL expects few, of a LIMIT it doesn't know a tenth of the table.
 * The lists are sorted, so that all who lock several rows lock them in the same order.
 *
 * An update by the place of a row may miss one that moved after the snapshot: it is right only for rows that are locked, or where
 * the caller looks again at what was missed.
 */
import { transitions, type TakeOver } from 'durable-execution'

import { COLUMNS, GUARD_COLUMNS } from '../row'

const RECORD = COLUMNS.join(', ')
const GUARD = GUARD_COLUMNS.join(', ')

/** The storage's clock is the server's, unless the call brings a time of its own. In a CTE, so that all rows get the same. */
const CLOCK =
  'clock AS MATERIALIZED (SELECT coalesce($1::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) AS now)'

/** The types of the columns that are no texts. */
const TYPES: Readonly<Partial<Record<(typeof COLUMNS)[number], string>>> = {
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

const TIMES: ReadonlySet<string> = new Set([
  'claim_at',
  'start_at',
  'started_at',
  'finished_at',
  'created_at',
  'updated_at',
])

/** The columns of a change, in the order of the parameters after the clock. */
const CHANGED = [
  'execution_id',
  'status',
  'attempt',
  'takeovers',
  'run_output',
  'output',
  'error',
  'claim_at',
  'start_at',
  'started_at',
  'finished_at',
  'active_children_count',
  'sleeping_key',
] as const

/** The columns of a guarded change. */
const GUARDED = [...CHANGED, 'claim_count', 'expected_status'] as const

/** The columns that a parent's change writes, in the order of the parameters. */
const OF_PARENT = [
  'execution_id',
  'takeovers',
  'claim_count',
  'executor_id',
  'claim_at',
  'active_children_count',
  'updated_at',
] as const

/** Which due rows a claim looks at. */
export interface DueFilter {
  readonly suspects: 'exclude' | 'only'
  readonly takeOver: TakeOver
}

const TAKE_OVER: Record<TakeOver, string> = {
  never: ' AND executor_id IS NULL',
  also: '',
  only: ' AND executor_id IS NOT NULL',
}

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
    ...writes(table),
    ...claims(table),
    ...ofTrees(table),
  }
}

/** The rows of a list of ids, in the order of the list. */
function byIds(table: string, columns: string, place: number, rest = ''): string {
  return `SELECT r.* FROM unnest($${place}::text[]) AS c (id), LATERAL (SELECT ${columns} FROM ${table} WHERE execution_id = c.id OFFSET 0${rest}) AS r`
}

/** Rows with the clock after their columns; one row of NULLs with the clock if there are none. */
function clocked(rows: string): string {
  return `WITH ${CLOCK} SELECT r.*, clock.now FROM clock LEFT JOIN (${rows}) AS r ON true`
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
    sleepers: `SELECT r.* FROM unnest($1::text[]) AS c (key), LATERAL (SELECT ${GUARD} FROM ${table} WHERE sleeping_key = c.key AND finished_at IS NULL OFFSET 0) AS r`,
    activeSleeper: `SELECT ${RECORD} FROM ${table} WHERE sleeping_key = $1::text AND finished_at IS NULL`,
    /** Between the key with `:` and the key with the character after it, byte by byte: what finished with this key. */
    finishedSleeper: `SELECT ${RECORD} FROM ${table} WHERE sleeping_key ~>~ $1::text AND sleeping_key ~<~ $2::text AND finished_at IS NOT NULL ORDER BY finished_at DESC, execution_id DESC LIMIT 1`,
    children: clocked(
      `(${ofParent} AND is_finalize = 0 AND index_in_parent > $3::integer ORDER BY index_in_parent LIMIT $4::bigint) UNION ALL (${ofParent} AND is_finalize = 1)`,
    ),
    heldBy: clocked(
      `SELECT h.* FROM unnest($2::text[]) AS c (name), LATERAL (SELECT ${RECORD} FROM ${table} WHERE queue = c.name AND claim_at >= $3::bigint AND claim_at <= (SELECT now FROM clock) + $4::bigint AND executor_id = $5::text OFFSET 0) AS h`,
    ),
    nextClaimAt: clocked(
      `SELECT c.name, (SELECT claim_at FROM ${table} WHERE queue = c.name AND claim_at IS NOT NULL ORDER BY claim_at LIMIT 1) AS claim_at FROM unnest($2::text[]) AS c (name)`,
    ),
  }
}

type ParameterColumn = keyof typeof TYPES | 'expected_status' | ''

function typeOf(column: ParameterColumn): string {
  return column === 'expected_status' || column === '' ? 'text' : (TYPES[column] ?? 'text')
}

/** Lists as rows, from the place of the first parameter on. */
function unnested(columns: readonly ParameterColumn[], first: number): string {
  const lists = columns.map((column, index) => `$${first + index}::${typeOf(column)}[]`)
  return `unnest(${lists.join(', ')})`
}

/**
 * The value of a column in such a row. Where all rows have the same, the list is empty and the value comes as a parameter of its
 * own, after the lists: PostgreSQL fills lists that are too short up with NULLs.
 */
function valueOf(
  columns: readonly ParameterColumn[],
  index: number,
  row: string,
  first: number,
): string {
  const column = columns[index] ?? ''
  // A lone root's own id need not be sent twice.
  const otherwise = column === 'root_execution_id' ? `, ${row}.execution_id` : ''
  return `coalesce(${row}.${column}, $${first + columns.length + index}::${typeOf(column)}${otherwise})`
}

function insertText(table: string, target: string): string {
  const values = COLUMNS.map((column, index) => {
    const value = valueOf(COLUMNS, index, 'c', 2)
    return TIMES.has(column) ? `${value} + clock.now` : value
  })
  return `WITH ${CLOCK} INSERT INTO ${table} (${RECORD}) SELECT ${values.join(', ')} FROM clock, ${unnested(COLUMNS, 2)} AS c (${RECORD}) ON CONFLICT ${target}DO NOTHING RETURNING execution_id, (SELECT now FROM clock) AS now`
}

/**
 * Rows that say what to update, as `c`. The limit is none, but PostgreSQL does not know that when it plans: it expects fewer rows
 * (a tenth), and looks each up rather than read a table that is small at that moment.
 */
function few(rows: string, columns: readonly string[], values = 'u.*'): string {
  const names = columns.join(', ')
  return `(SELECT ${values} FROM ${rows} AS u (${names}) LIMIT (SELECT NULL::bigint)) AS c (${names})`
}

/** Where a row is, looked up by its id before it is updated. */
function found(table: string): string {
  return `LATERAL (SELECT ctid AS place FROM ${table} AS f WHERE f.execution_id = c.execution_id OFFSET 0) AS found WHERE t.ctid = found.place`
}

function writes(table: string) {
  const set = [
    ...['status', 'attempt', 'takeovers', 'run_output', 'output', 'error'].map(assigned),
    'claim_at = clock.now + c.claim_at',
    'start_at = coalesce(clock.now + c.start_at, t.start_at)',
    'started_at = coalesce(clock.now + c.started_at, t.started_at)',
    'finished_at = clock.now + c.finished_at',
    ...['active_children_count', 'sleeping_key'].map(assigned),
    'updated_at = clock.now',
    'executor_id = NULL',
  ].join(', ')
  const change = (columns: readonly ParameterColumn[], guard: string): string => {
    const values = columns.map((column, index) => `${valueOf(columns, index, 'u', 2)} AS ${column}`)
    const from = few(unnested(columns, 2), columns, values.join(', '))
    return `WITH ${CLOCK} UPDATE ${table} AS t SET ${set} FROM clock, ${from}, ${found(table)}${guard} RETURNING t.execution_id, clock.now`
  }
  return {
    /** A conflict with another index than the key's is an error: no row is left out in silence. */
    insert: insertText(table, '(execution_id) '),
    /** For rows that may meet others by their id, key or place: which came into being is checked. */
    insertUnlessThere: insertText(table, ''),
    change: change(CHANGED, ''),
    /**
     * The guards are on the row that is written: after a wait for its lock they are looked at again, on what it is then; where it
     * was found is not. `IS NOT DISTINCT FROM`: by `=` PostgreSQL would join, and scan the table for it.
     */
    guardedChange: change(
      GUARDED,
      ' AND t.claim_count IS NOT DISTINCT FROM c.claim_count AND t.status IS NOT DISTINCT FROM c.expected_status AND t.executor_id IS NOT NULL',
    ),
    parents: `UPDATE ${table} AS t SET ${OF_PARENT.slice(1).map(assigned).join(', ')} FROM ${few(unnested(OF_PARENT, 1), OF_PARENT)}, ${found(table)}`,
    remove: `DELETE FROM ${table} AS t USING ${few('unnest($1::text[])', ['execution_id'])}, ${found(table)}`,
  }
}

function assigned(column: string): string {
  return `${column} = c.${column}`
}

function claims(table: string) {
  const texts = new Map<string, string>()
  return {
    /** `transitions.claim` in SQL: the right-hand sides see the row as it was. The time at which a row was due comes after its columns. */
    claim(filter: DueFilter): string {
      const key = `${filter.suspects} ${filter.takeOver}`
      const text = texts.get(key) ?? claimText(table, filter)
      texts.set(key, text)
      return text
    },
    renew: `WITH ${CLOCK}, held AS MATERIALIZED (SELECT r.execution_id FROM unnest($2::text[], $3::integer[]) AS c (id, claim_count), LATERAL (SELECT execution_id FROM ${table} WHERE execution_id = c.id AND claim_count = c.claim_count AND executor_id IS NOT NULL OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) AS r), renewed AS (UPDATE ${table} AS t SET claim_at = greatest(coalesce(t.claim_at, 0), clock.now + $4::bigint), updated_at = clock.now FROM clock, ${few('unnest(ARRAY(SELECT execution_id FROM held))', ['execution_id'])}, ${found(table)} RETURNING t.execution_id) SELECT renewed.execution_id, clock.now FROM clock LEFT JOIN renewed ON true`,
  }
}

/**
 * A moment as the upper bound of the claim index, dear to look at: `+ 0` changes nothing, and is computed once for a scan of the
 * index, but for every row of any other way to the rows. PostgreSQL would else, where it knows nothing of the rows yet or expects
 * few, read and sort all that is due in order to take the first (100,000 rows for 100, right after a bulk insert).
 */
function inOrderOfTheIndex(moment: string): string {
  return `${moment}${' + 0'.repeat(100)}`
}

function claimText(table: string, { suspects, takeOver }: DueFilter): string {
  const comparison = suspects === 'only' ? '>=' : '<'
  const due = `SELECT execution_id, claim_at FROM ${table} WHERE queue = $2::text AND claim_at >= $3::bigint AND claim_at <= ${inOrderOfTheIndex('(SELECT now FROM clock)')} AND task_id <> ALL($4::text[]) AND takeovers + (executor_id IS NOT NULL)::integer ${comparison} ${transitions.SUSPECT_TAKEOVERS}${TAKE_OVER[takeOver]} ORDER BY claim_at LIMIT $5::bigint FOR NO KEY UPDATE SKIP LOCKED`
  const taken = 'unnest(ARRAY(SELECT execution_id FROM due), ARRAY(SELECT claim_at FROM due))'
  const take = `UPDATE ${table} AS t SET status = CASE t.status WHEN 'ready' THEN 'running' ELSE t.status END, takeovers = t.takeovers + (t.executor_id IS NOT NULL)::integer, executor_id = $6::text, claim_count = t.claim_count + 1, claim_at = clock.now + $7::bigint, started_at = CASE WHEN t.sleeping_key IS NULL AND t.status IN ('ready', 'running') THEN clock.now ELSE t.started_at END, updated_at = clock.now FROM clock, ${few(taken, ['execution_id', 'due_at'])}, ${found(table)} RETURNING ${COLUMNS.map((column) => `t.${column}`).join(', ')}, c.due_at`
  return `WITH ${CLOCK}, due AS MATERIALIZED (${due}), taken AS (${take}) SELECT taken.*, clock.now FROM clock LEFT JOIN taken ON true ORDER BY taken.due_at`
}

function ofTrees(table: string) {
  return {
    /** What is active of a list, and all that is active below. */
    doomed: `WITH RECURSIVE doomed (id) AS (SELECT a.execution_id FROM unnest($1::text[]) AS c (id), LATERAL (SELECT execution_id FROM ${table} WHERE execution_id = c.id AND finished_at IS NULL OFFSET 0) AS a UNION SELECT b.execution_id FROM doomed, LATERAL (SELECT execution_id FROM ${table} WHERE parent_execution_id = doomed.id AND finished_at IS NULL OFFSET 0) AS b) SELECT id FROM doomed`,
    /** `transitions.cancel` in SQL. */
    cancel: `UPDATE ${table} AS t SET status = 'cancelled', output = NULL, error = $2::text, claim_at = NULL, executor_id = NULL, finished_at = $3::bigint, active_children_count = 0, sleeping_key = t.sleeping_key || ':' || t.execution_id, updated_at = $3::bigint FROM ${few('unnest($1::text[])', ['execution_id'])}, ${found(table)}`,
    /** One pruner at a time: the second does not wait. */
    pruneLock: 'SELECT pg_try_advisory_xact_lock(hashtextextended($1::text, 0))::integer AS locked',
    /** A page along the primary key: whether each row is a root that finished long ago, and whether that has children. */
    page: `SELECT execution_id, CASE WHEN parent_execution_id IS NULL AND finished_at < $1::bigint THEN 1 + (SELECT count(*) FROM (SELECT 1 FROM ${table} AS child WHERE child.parent_execution_id = page.execution_id LIMIT 1) AS one) ELSE 0 END AS kind FROM ${table} AS page WHERE execution_id > $2::text ORDER BY execution_id LIMIT $3::bigint`,
    /** A whole tree, top down. */
    tree: `WITH RECURSIVE tree (id, depth) AS (SELECT $1::text, 0 UNION ALL SELECT b.execution_id, tree.depth + 1 FROM tree, LATERAL (SELECT execution_id FROM ${table} WHERE parent_execution_id = tree.id OFFSET 0) AS b) SELECT id, depth FROM tree ORDER BY depth`,
  }
}
