/** The table of executions as an ordinary Drizzle table. */
import { sql, type SQL } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  int,
  mysqlTable,
  uniqueIndex,
  varbinary,
} from 'drizzle-orm/mysql-core'
import type { ResolvedRetryOptions, StoredError, TaskExecutionStatus } from 'durable-execution'

import { checkTableName } from '../table-name'

/** The table that {@link createMySqlTaskExecutionsTable} makes. */
export type MySqlTaskExecutionsTable = ReturnType<typeof createMySqlTaskExecutionsTable>

/** The longest id in bytes: 255 characters of UTF-8. */
const ID_BYTES = 1020
/** A sleeping key of a finished execution: a key, a colon and an id. */
const SLEEPING_KEY_BYTES = 1200
/** An executor's id is what the user configured and a random part. */
const EXECUTOR_ID_BYTES = 2040

/**
 * The table of executions. Put it into your schema, and drizzle-kit makes its migrations; or call `storage.migrate()`.
 *
 * All times are milliseconds since the epoch. Ids and texts are kept as their bytes in UTF-8, so that nothing depends on a
 * character set or a collation: each of those that MySQL and MariaDB both have takes ids for the same that differ by case or by
 * spaces at the end. `storage.migrate()` creates the very same table.
 *
 * @param tableName - Letters, digits and underscores, at most 40.
 * @throws A non-retryable `DurableExecutionError` if the name cannot be a table's.
 * @example
 * export const taskExecutions = createMySqlTaskExecutionsTable()
 */
export function createMySqlTaskExecutionsTable(tableName = 'task_executions') {
  const name = checkTableName(tableName)
  return mysqlTable(name, columns(), (table) => [
    // What drives everything: the rows that time makes due, by queue.
    index(`${name}_claim`).on(table.queue, table.claimAt),
    uniqueIndex(`${name}_child`).on(table.parentExecutionId, table.isFinalize, table.indexInParent),
    uniqueIndex(`${name}_sleeping_key`).on(table.sleepingKey),
    ...Object.entries(NEVER_OTHERWISE).map(([rule, text]) => check(`${name}_${rule}`, text)),
  ])
}

/** A text of any length. */
const longText = customType<{ data: string; driverData: Buffer }>({
  dataType: () => 'longblob',
  toDriver: (value) => Buffer.from(value),
  fromDriver: (value) => value.toString(),
})

/** A value as JSON. */
function json<T>(name: string) {
  return customType<{ data: T; driverData: Buffer }>({
    dataType: () => 'longblob',
    toDriver: (value) => Buffer.from(JSON.stringify(value)),
    fromDriver: (value) => JSON.parse(value.toString()) as T,
  })(name)
}

function columns() {
  const id = (name: string) => varbinary(name, { length: ID_BYTES })
  const time = (name: string) => bigint(name, { mode: 'number' })
  return {
    executionId: id('execution_id').primaryKey().notNull(),
    taskId: id('task_id').notNull(),
    queue: id('queue').notNull(),
    status: varbinary('status', { length: 32 }).$type<TaskExecutionStatus>().notNull(),
    claimAt: time('claim_at'),
    claimCount: int('claim_count').notNull(),
    executorId: varbinary('executor_id', { length: EXECUTOR_ID_BYTES }),
    attempt: int('attempt').notNull(),
    takeovers: int('takeovers').notNull(),
    activeChildrenCount: int('active_children_count').notNull(),
    rootTaskId: id('root_task_id').notNull(),
    rootExecutionId: id('root_execution_id').notNull(),
    parentTaskId: id('parent_task_id'),
    parentExecutionId: id('parent_execution_id'),
    indexInParent: int('index_in_parent'),
    isFinalize: boolean('is_finalize'),
    sleepingKey: varbinary('sleeping_key', { length: SLEEPING_KEY_BYTES }),
    sleepMsBeforeRun: time('sleep_ms_before_run').notNull(),
    timeoutMs: time('timeout_ms'),
    /** Without what is the default. */
    retryOptions: json<Partial<ResolvedRetryOptions>>('retry_options').notNull(),
    startAt: time('start_at').notNull(),
    startedAt: time('started_at'),
    finishedAt: time('finished_at'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    error: json<StoredError>('error'),
    input: longText('input'),
    runOutput: longText('run_output'),
    output: longText('output'),
  }
}

/** What a row of each kind of status always has. */
const FINISHED = 'finished_at IS NOT NULL AND claim_at IS NULL AND executor_id IS NULL'
const WAITING = 'finished_at IS NULL AND (claim_at IS NOT NULL OR active_children_count > 0)'

/** What holds of every row, whatever wrote it. `= 1`: MySQL takes no CASE for a condition. */
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
    ELSE 0 END = 1`),
  counts: sql.raw(
    'attempt >= 0 AND takeovers >= 0 AND claim_count >= 0 AND active_children_count >= 0',
  ),
  child_is_whole: sql.raw(
    '(parent_execution_id IS NULL) = (parent_task_id IS NULL) AND (parent_execution_id IS NULL) = (index_in_parent IS NULL) AND (parent_execution_id IS NULL) = (is_finalize IS NULL)',
  ),
}
