/** The schema of the table in versions, for users without drizzle-kit. */
import { number } from '../values'
import { read, write, type Program } from './program'

/** How the schema came to be: each step leads from one version to the next. A step that was released is never changed. */
export const STEPS: readonly ((table: string) => readonly string[])[] = [createTable]

/** What `migrate` needs to know. */
export interface Migration {
  /** Makes the table of versions and takes the write lock. */
  readonly lock: string
  readonly program: () => Program<void>
}

/**
 * Creates or upgrades the table. Safe to repeat, also at the same moment by several processes: the row of the version is written
 * before it is read, so all of it happens under the write lock. A schema newer than this code is left alone.
 *
 * @param tableName - A checked name.
 */
export function migrationOf(tableName: string, steps = STEPS): Migration {
  const versions = `"${tableName}_schema"`
  const prepare = [
    `CREATE TABLE IF NOT EXISTS ${versions} (id integer PRIMARY KEY NOT NULL CHECK (id = 1), version integer NOT NULL)`,
    `INSERT INTO ${versions} (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING`,
  ]
  return {
    lock: prepare.join('; '),
    *program() {
      for (const text of prepare) yield write(text)
      const [row] = yield read(`SELECT version FROM ${versions}`, [])
      const version = number(row?.[0] ?? 0)
      for (const step of steps.slice(version)) {
        for (const text of step(tableName)) yield write(text)
      }
      if (version < steps.length) yield write(`UPDATE ${versions} SET version = ?`, [steps.length])
    },
  }
}

function createTable(table: string): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS "${table}" (
      execution_id text PRIMARY KEY NOT NULL,
      task_id text NOT NULL,
      queue text NOT NULL,
      status text NOT NULL,
      claim_at integer,
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
      is_finalize integer,
      sleeping_key text,
      sleep_ms_before_run integer NOT NULL,
      timeout_ms integer,
      retry_options text NOT NULL,
      start_at integer NOT NULL,
      started_at integer,
      finished_at integer,
      created_at integer NOT NULL,
      updated_at integer NOT NULL,
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
        ELSE 0 END),
      CONSTRAINT "${table}_counts" CHECK (attempt >= 0 AND takeovers >= 0 AND claim_count >= 0 AND active_children_count >= 0),
      CONSTRAINT "${table}_child_is_whole" CHECK ((parent_execution_id IS NULL) = (parent_task_id IS NULL) AND (parent_execution_id IS NULL) = (index_in_parent IS NULL) AND (parent_execution_id IS NULL) = (is_finalize IS NULL))
    )`,
    `CREATE INDEX IF NOT EXISTS "${table}_claim" ON "${table}" (queue, claim_at) WHERE claim_at IS NOT NULL`,
    `CREATE UNIQUE INDEX IF NOT EXISTS "${table}_child" ON "${table}" (parent_execution_id, is_finalize, index_in_parent) WHERE parent_execution_id IS NOT NULL`,
    `CREATE UNIQUE INDEX IF NOT EXISTS "${table}_sleeping_key" ON "${table}" (sleeping_key) WHERE sleeping_key IS NOT NULL`,
  ]
}
