/** The schema of the table in versions, for users without drizzle-kit. */
import { number } from '../values'
import { read, type Program } from './program'

/**
 * How the schema came to be: each step leads from one version to the next, in a transaction of its own, so that none holds a lock
 * of the step before. A step that was released is never changed. What is written to by a version before must still be allowed:
 * while processes are replaced one by one, executors of both versions work on the table.
 */
const STEPS: readonly ((table: string) => Program<void>)[] = [
  createTable,
  replaceRules,
  validateRule,
  leaveRoom,
]

/** How long a step may wait for a lock that keeps others out, who would all wait behind it. Then it steps back and tries again. */
const LOCK_TIMEOUT_MS = 100

/**
 * Takes the next step to the newest schema, and answers whether there is another. Safe to repeat, also at the same moment by
 * several processes: all of it happens under an advisory lock. A schema newer than this code is left alone.
 *
 * @param tableName - A checked name.
 */
export function* migrateNext(tableName: string, steps = STEPS): Program<boolean> {
  const versions = `${tableName}_schema`
  yield read('SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))', [
    `durable-execution migrate ${tableName}`,
  ])
  yield* createUnlessThere(
    versions,
    `CREATE TABLE "${versions}" (id integer PRIMARY KEY NOT NULL CHECK (id = 1), version integer NOT NULL)`,
  )
  yield read(`INSERT INTO "${versions}" (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING`)
  const [row] = yield read(`SELECT version FROM "${versions}"`)
  const version = number(row?.[0] ?? 0)
  const step = steps[version]
  if (!step) return false
  yield* step(tableName)
  yield read(`UPDATE "${versions}" SET version = $1::integer`, [version + 1])
  return version + 1 < steps.length
}

/** Looks first: `IF NOT EXISTS` makes notices, which some drivers print. */
function* createUnlessThere(name: string, text: string): Program<void> {
  const [row] = yield read('SELECT (to_regclass($1::text) IS NOT NULL)::integer', [`"${name}"`])
  if (number(row?.[0]) === 0) yield read(text)
}

/**
 * A hot table. Each execution is written three times: dead rows come fast, and claims walk over the dead entries at the head of
 * their index until they are vacuumed away, so vacuum comes after thousands of rows, not after a fifth of the table, and does not
 * pause. Statistics are young, so that no plan is made for a table that was small. Pages keep room for the next versions of
 * their rows; more of it since {@link leaveRoom}.
 */
const SETTINGS = {
  fillfactor: 80,
  autovacuum_vacuum_scale_factor: 0.01,
  autovacuum_vacuum_threshold: 2000,
  autovacuum_vacuum_cost_delay: 0,
  autovacuum_analyze_scale_factor: 0.05,
  autovacuum_analyze_threshold: 1000,
} as const

function* createTable(table: string): Program<void> {
  yield* createUnlessThere(table, tableText(table))
  yield* createUnlessThere(
    `${table}_claim`,
    `CREATE INDEX "${table}_claim" ON "${table}" (queue, claim_at) WHERE claim_at IS NOT NULL`,
  )
  yield* createUnlessThere(
    `${table}_child`,
    `CREATE UNIQUE INDEX "${table}_child" ON "${table}" (parent_execution_id, is_finalize, index_in_parent) WHERE parent_execution_id IS NOT NULL`,
  )
  yield* createUnlessThere(
    `${table}_sleeping_key`,
    `CREATE UNIQUE INDEX "${table}_sleeping_key" ON "${table}" (sleeping_key text_pattern_ops) WHERE sleeping_key IS NOT NULL`,
  )
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name} = ${value}`)
  yield read(`ALTER TABLE "${table}" SET (${settings.join(', ')})`)
}

/**
 * One rule instead of three, which PostgreSQL reads faster. Rows that are there are not looked at yet: that would keep all others out
 * for as long as it takes to read the table.
 */
function* replaceRules(table: string): Program<void> {
  const [row] = yield read(
    'SELECT count(*)::integer FROM pg_constraint WHERE conrelid = to_regclass($1::text) AND conname = $2::text',
    [`"${table}"`, `${table}_possible`],
  )
  if (number(row?.[0]) > 0) return
  yield read(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`)
  yield read(
    `ALTER TABLE "${table}" ADD CONSTRAINT "${table}_possible" CHECK (least(attempt, takeovers, claim_count, active_children_count) >= 0
      AND (finished_at IS NULL) = (status = ANY ('{ready,running,waiting_for_children,waiting_for_finalize}'::text[]))
      AND CASE WHEN finished_at IS NULL
        THEN (claim_at IS NOT NULL OR active_children_count > 0) AND (status <> 'running' OR executor_id IS NOT NULL OR sleeping_key IS NOT NULL)
        ELSE claim_at IS NULL AND executor_id IS NULL END) NOT VALID,
      DROP CONSTRAINT "${table}_state", DROP CONSTRAINT "${table}_counts", DROP CONSTRAINT "${table}_child_is_whole"`,
  )
}

/** Looks at the rows that were there before; meanwhile others read and write as ever. */
function* validateRule(table: string): Program<void> {
  yield read(`ALTER TABLE "${table}" VALIDATE CONSTRAINT "${table}_possible"`)
}

/**
 * Half of a page is left for the next versions of its rows: a row that finds room in its own page is not locked first, and logged by
 * what changed only. The versions before are removed meanwhile, so that a table of finished rows is smaller than without (41 MB
 * for 49), and a drain a tenth to a fifth faster. Keeps out no reader or writer.
 */
function* leaveRoom(table: string): Program<void> {
  yield read(`ALTER TABLE "${table}" SET (fillfactor = 50)`)
}

function tableText(table: string): string {
  return `CREATE TABLE "${table}" (
    execution_id text PRIMARY KEY NOT NULL,
    task_id text NOT NULL,
    queue text NOT NULL,
    status text NOT NULL,
    claim_at bigint,
    claim_count integer NOT NULL,
    executor_id text,
    attempt integer NOT NULL,
    takeovers integer NOT NULL,
    active_children_count integer NOT NULL,
    root_task_id text NOT NULL,
    root_execution_id text NOT NULL,
    parent_task_id text,
    parent_execution_id text,
    index_in_parent integer,
    is_finalize smallint,
    sleeping_key text,
    sleep_ms_before_run bigint NOT NULL,
    timeout_ms bigint,
    retry_options text NOT NULL,
    start_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    error text,
    input text,
    run_output text,
    output text,
    CONSTRAINT "${table}_state" CHECK (CASE status
      WHEN 'ready' THEN finished_at IS NULL AND claim_at IS NOT NULL
      WHEN 'running' THEN finished_at IS NULL AND claim_at IS NOT NULL AND (executor_id IS NOT NULL OR sleeping_key IS NOT NULL)
      WHEN 'waiting_for_children' THEN finished_at IS NULL AND (claim_at IS NOT NULL OR active_children_count > 0)
      WHEN 'waiting_for_finalize' THEN finished_at IS NULL AND (claim_at IS NOT NULL OR active_children_count > 0)
      WHEN 'completed' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
      WHEN 'failed' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
      WHEN 'timed_out' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
      WHEN 'finalize_failed' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
      WHEN 'cancelled' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
      ELSE false END),
    CONSTRAINT "${table}_counts" CHECK (attempt >= 0 AND takeovers >= 0 AND claim_count >= 0 AND active_children_count >= 0),
    CONSTRAINT "${table}_child_is_whole" CHECK ((parent_execution_id IS NULL) = (parent_task_id IS NULL) AND (parent_execution_id IS NULL) = (index_in_parent IS NULL) AND (parent_execution_id IS NULL) = (is_finalize IS NULL))
  )`
}
