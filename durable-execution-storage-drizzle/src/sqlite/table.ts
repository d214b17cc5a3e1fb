/** The table of executions as an ordinary Drizzle table. */
import { sql, type SQL } from 'drizzle-orm'
import { check, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import {
  ALL_TASK_EXECUTION_STATUSES,
  type ResolvedRetryOptions,
  type StoredError,
} from 'durable-execution'

import { checkTableName } from '../table-name'

/** The table that {@link createSQLiteTaskExecutionsTable} makes. */
export type SQLiteTaskExecutionsTable = ReturnType<typeof createSQLiteTaskExecutionsTable>

/**
 * The table of executions. Put it into your schema, and drizzle-kit makes its migrations; or call `storage.migrate()`.
 *
 * All times are milliseconds since the epoch. `storage.migrate()` creates the very same table.
 *
 * @param tableName - Letters, digits and underscores, at most 40.
 * @throws A non-retryable `DurableExecutionError` if the name cannot be a table's.
 * @example
 * export const taskExecutions = createSQLiteTaskExecutionsTable()
 */
export function createSQLiteTaskExecutionsTable(tableName = 'task_executions') {
  const name = checkTableName(tableName)
  return sqliteTable(name, columns(), (table) => [
    // What drives everything: the rows that time makes due, by queue.
    index(`${name}_claim`).on(table.queue, table.claimAt).where(sql.raw('claim_at IS NOT NULL')),
    uniqueIndex(`${name}_child`)
      .on(table.parentExecutionId, table.isFinalize, table.indexInParent)
      .where(sql.raw('parent_execution_id IS NOT NULL')),
    uniqueIndex(`${name}_sleeping_key`)
      .on(table.sleepingKey)
      .where(sql.raw('sleeping_key IS NOT NULL')),
    ...Object.entries(NEVER_OTHERWISE).map(([rule, text]) => check(`${name}_${rule}`, text)),
  ])
}

function columns() {
  return {
    executionId: text('execution_id').primaryKey().notNull(),
    taskId: text('task_id').notNull(),
    queue: text('queue').notNull(),
    status: text('status', { enum: ALL_TASK_EXECUTION_STATUSES }).notNull(),
    claimAt: integer('claim_at'),
    claimCount: integer('claim_count').notNull(),
    executorId: text('executor_id'),
    attempt: integer('attempt').notNull(),
    takeovers: integer('takeovers').notNull(),
    activeChildrenCount: integer('active_children_count').notNull(),
    rootTaskId: text('root_task_id').notNull(),
    rootExecutionId: text('root_execution_id').notNull(),
    parentTaskId: text('parent_task_id'),
    parentExecutionId: text('parent_execution_id'),
    indexInParent: integer('index_in_parent'),
    isFinalize: integer('is_finalize', { mode: 'boolean' }),
    sleepingKey: text('sleeping_key'),
    sleepMsBeforeRun: integer('sleep_ms_before_run').notNull(),
    timeoutMs: integer('timeout_ms'),
    /** Without what is the default. */
    retryOptions: text('retry_options', { mode: 'json' })
      .$type<Partial<ResolvedRetryOptions>>()
      .notNull(),
    startAt: integer('start_at').notNull(),
    startedAt: integer('started_at'),
    finishedAt: integer('finished_at'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    error: text('error', { mode: 'json' }).$type<StoredError>(),
    input: text('input'),
    runOutput: text('run_output'),
    output: text('output'),
  }
}

/** What a row of each kind of status always has. */
const FINISHED = 'finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL'
const WAITING = 'finished_at IS NULL AND (claim_at IS NOT NULL OR active_children_count > 0)'

/** What holds of every row, whatever wrote it. One CASE: `status IN (…)` builds a list anew for every row that is written. */
const NEVER_OTHERWISE: Readonly<Record<string, SQL>> = {
  state: sql.raw(`CASE status
    WHEN 'ready' THEN finished_at IS NULL AND claim_at IS NOT NULL
    WHEN 'running' THEN finished_at IS NULL AND claim_at IS NOT NULL AND (executor_id IS NOT NULL OR sleeping_key IS NOT NULL)
    WHEN 'waiting_for_children' THEN ${WAITING}
    WHEN 'waiting_for_finalize' THEN ${WAITING}
    WHEN 'completed' THEN ${FINISHED}
    WHEN 'failed' THEN ${FINISHED}
    WHEN 'timed_out' THEN ${FINISHED}
    WHEN 'finalize_failed' THEN ${FINISHED}
    WHEN 'cancelled' THEN ${FINISHED}
    ELSE 0 END`),
  counts: sql.raw(
    'attempt >= 0 AND takeovers >= 0 AND claim_count >= 0 AND active_children_count >= 0',
  ),
  child_is_whole: sql.raw(
    '(parent_execution_id IS NULL) = (parent_task_id IS NULL) AND (parent_execution_id IS NULL) = (index_in_parent IS NULL) AND (parent_execution_id IS NULL) = (is_finalize IS NULL)',
  ),
}
