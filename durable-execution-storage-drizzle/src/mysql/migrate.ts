/** The schema of the table in versions, for users without drizzle-kit. */
import { DurableExecutionError } from 'durable-execution'

import { number } from '../values'
import type { Connection } from './session'

/**
 * How the schema came to be: each step leads from one version to the next. A step that was released is never changed. One that
 * changes a table in use asks for `ALGORITHM = INPLACE, LOCK = NONE` or less: what copies the table keeps writers out, as a new CHECK
 * does on MySQL.
 */
export const STEPS: readonly ((table: string) => readonly string[])[] = [createTable]

/** How long one process waits for another that migrates, in seconds. */
const PATIENCE_SECONDS = 60

/** Locks have names of at most 64 characters, and hold for the whole server. MySQL 9.7 knows SHA1 no more. */
const LOCK_NAME = "CONCAT('durable_execution.', LEFT(SHA2(CONCAT(DATABASE(), '.', ?), 256), 40))"

/**
 * Creates or upgrades the table. Safe to repeat, also at the same moment by several processes: a lock by name lets one in at a
 * time, for these databases commit with every statement that changes a schema. Each step can be repeated, should its process
 * end before the version is written. A schema newer than this code is left alone.
 *
 * @param tableName - A checked name.
 */
export async function migrate(
  connection: Connection,
  tableName: string,
  steps = STEPS,
): Promise<void> {
  const [row] = await connection.read(`SELECT GET_LOCK(${LOCK_NAME}, ${PATIENCE_SECONDS})`, [
    tableName,
  ])
  if (row?.[0] === null || number(row?.[0]) !== 1) throw occupied(tableName)
  try {
    await upgrade(connection, tableName, steps)
  } finally {
    await connection.read(`SELECT RELEASE_LOCK(${LOCK_NAME})`, [tableName])
  }
}

async function upgrade(
  connection: Connection,
  tableName: string,
  steps: typeof STEPS,
): Promise<void> {
  const versions = `\`${tableName}_schema\``
  await connection.define(
    `CREATE TABLE IF NOT EXISTS ${versions} (id int PRIMARY KEY NOT NULL, version int NOT NULL) ENGINE = InnoDB`,
  )
  await connection.write(`INSERT IGNORE INTO ${versions} (id, version) VALUES (1, 0)`, [])
  const [row] = await connection.read(`SELECT version FROM ${versions} WHERE id = 1`, [])
  const version = number(row?.[0] ?? 0)
  for (const [index, step] of steps.entries()) {
    if (index < version) continue
    for (const text of step(tableName)) await connection.define(text)
    await connection.write(`UPDATE ${versions} SET version = ? WHERE id = 1`, [index + 1])
  }
}

function occupied(tableName: string): DurableExecutionError {
  return DurableExecutionError.retryable(
    `Another process has been migrating table "${tableName}" for ${PATIENCE_SECONDS} s: try again when it is done`,
    { code: 'storage' },
  )
}

function createTable(table: string): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS \`${table}\` (
      execution_id varbinary(1020) PRIMARY KEY NOT NULL,
      task_id varbinary(1020) NOT NULL,
      queue varbinary(1020) NOT NULL,
      status varbinary(32) NOT NULL,
      claim_at bigint,
      claim_count int NOT NULL,
      executor_id varbinary(2040),
      attempt int NOT NULL,
      takeovers int NOT NULL,
      active_children_count int NOT NULL,
      root_task_id varbinary(1020) NOT NULL,
      root_execution_id varbinary(1020) NOT NULL,
      parent_task_id varbinary(1020),
      parent_execution_id varbinary(1020),
      index_in_parent int,
      is_finalize boolean,
      sleeping_key varbinary(1200),
      sleep_ms_before_run bigint NOT NULL,
      timeout_ms bigint,
      retry_options longblob NOT NULL,
      start_at bigint NOT NULL,
      started_at bigint,
      finished_at bigint,
      created_at bigint NOT NULL,
      updated_at bigint NOT NULL,
      error longblob,
      input longblob,
      run_output longblob,
      output longblob,
      KEY \`${table}_claim\` (queue, claim_at),
      UNIQUE KEY \`${table}_child\` (parent_execution_id, is_finalize, index_in_parent),
      UNIQUE KEY \`${table}_sleeping_key\` (sleeping_key),
      CONSTRAINT \`${table}_state\` CHECK (CASE status
        WHEN 'ready' THEN finished_at IS NULL AND claim_at IS NOT NULL
        WHEN 'running' THEN finished_at IS NULL AND claim_at IS NOT NULL AND (executor_id IS NOT NULL OR sleeping_key IS NOT NULL)
        WHEN 'waiting_for_children' THEN finished_at IS NULL AND (claim_at IS NOT NULL OR active_children_count > 0)
        WHEN 'waiting_for_finalize' THEN finished_at IS NULL AND (claim_at IS NOT NULL OR active_children_count > 0)
        WHEN 'completed' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
        WHEN 'failed' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
        WHEN 'timed_out' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
        WHEN 'finalize_failed' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
        WHEN 'cancelled' THEN finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL
        ELSE 0 END = 1),
      CONSTRAINT \`${table}_counts\` CHECK (attempt >= 0 AND takeovers >= 0 AND claim_count >= 0 AND active_children_count >= 0),
      CONSTRAINT \`${table}_child_is_whole\` CHECK ((parent_execution_id IS NULL) = (parent_task_id IS NULL) AND (parent_execution_id IS NULL) = (index_in_parent IS NULL) AND (parent_execution_id IS NULL) = (is_finalize IS NULL))
    ) ENGINE = InnoDB`,
  ]
}
