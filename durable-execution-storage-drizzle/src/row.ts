/** Rows and records: the columns of the table, shared by all dialects, and what an execution is in them. */
import type {
  ExecutionRecord,
  ExistingExecution,
  ParentReference,
  ResolvedRetryOptions,
  StoredError,
} from 'durable-execution'

import {
  IMPLIED_RETRY_OPTIONS,
  nullableError,
  nullableNumber,
  nullableText,
  number,
  retryOptionsOf,
  statusOf,
  text,
} from './values'

/** What a column holds. */
export type SqlValue = string | number | null

/** A row as drivers give it: values by position. */
export type SqlRow = ArrayLike<unknown>

/** The columns in the order in which rows are read and written. Those that may be large come last: the others are found fast. */
export const COLUMNS = [
  'execution_id',
  'task_id',
  'queue',
  'status',
  'claim_at',
  'claim_count',
  'executor_id',
  'attempt',
  'takeovers',
  'active_children_count',
  'root_task_id',
  'root_execution_id',
  'parent_task_id',
  'parent_execution_id',
  'index_in_parent',
  'is_finalize',
  'sleeping_key',
  'sleep_ms_before_run',
  'timeout_ms',
  'retry_options',
  'start_at',
  'started_at',
  'finished_at',
  'created_at',
  'updated_at',
  'error',
  'input',
  'run_output',
  'output',
] as const

/** One of the {@link COLUMNS}. */
export type Column = (typeof COLUMNS)[number]

const TIMES: readonly Column[] = [
  'claim_at',
  'start_at',
  'started_at',
  'finished_at',
  'created_at',
  'updated_at',
]

/** The columns that hold times: where a statement finds out the time itself, their values are milliseconds from then. */
export const TIME_COLUMNS: ReadonlySet<string> = new Set(TIMES)

/** The columns whose values are numbers. */
export const NUMBER_COLUMNS: ReadonlySet<string> = new Set<Column>([
  ...TIMES,
  'claim_count',
  'attempt',
  'takeovers',
  'active_children_count',
  'index_in_parent',
  'is_finalize',
  'sleep_ms_before_run',
  'timeout_ms',
])

/** The position of each column in {@link COLUMNS}. */
const AT = positionsOf(COLUMNS)

/** The columns that say who holds a row and where it belongs. */
export const GUARD_COLUMNS = [
  'execution_id',
  'task_id',
  'status',
  'claim_count',
  'executor_id',
  'sleeping_key',
  'parent_execution_id',
] as const satisfies readonly Column[]

const GUARD_AT = positionsOf(GUARD_COLUMNS)

/** A row in its {@link GUARD_COLUMNS}. */
export interface Guard extends ExistingExecution {
  readonly sleepingKey: string | null
  readonly parentExecutionId: string | null
}

function positionsOf<T extends string>(columns: readonly T[]): Readonly<Record<T, number>> {
  const entries = columns.map((column, index): [T, number] => [column, index])
  // `Object.fromEntries` forgets which keys there are.
  return Object.fromEntries(entries) as Record<T, number>
}

/** A record as values in the order of {@link COLUMNS}. */
export function toRow(record: ExecutionRecord): SqlValue[] {
  const { root, parent } = record
  return [
    record.executionId,
    record.taskId,
    record.queue,
    record.status,
    record.claimAt,
    record.claimCount,
    record.executorId,
    record.attempt,
    record.takeovers,
    record.activeChildrenCount,
    root.taskId,
    root.executionId,
    parent?.taskId ?? null,
    parent?.executionId ?? null,
    parent?.indexInParent ?? null,
    parent === null ? null : Number(parent.isFinalize),
    record.sleepingKey,
    record.sleepMsBeforeRun,
    record.timeoutMs,
    retryOptionsText(record.retryOptions),
    record.startAt,
    record.startedAt,
    record.finishedAt,
    record.createdAt,
    record.updatedAt,
    errorText(record.error),
    record.input,
    record.runOutput,
    record.output,
  ]
}

/** Reads a row whose values are in the order of {@link COLUMNS}. */
export function fromRow(row: SqlRow): ExecutionRecord {
  return {
    executionId: text(row[AT.execution_id]),
    taskId: text(row[AT.task_id]),
    queue: text(row[AT.queue]),
    root: { taskId: text(row[AT.root_task_id]), executionId: text(row[AT.root_execution_id]) },
    parent: parentOf(row),
    retryOptions: retryOptionsOf(text(row[AT.retry_options])),
    sleepMsBeforeRun: number(row[AT.sleep_ms_before_run]),
    timeoutMs: nullableNumber(row[AT.timeout_ms]),
    input: nullableText(row[AT.input]),
    sleepingKey: nullableText(row[AT.sleeping_key]),
    status: statusOf(row[AT.status]),
    runOutput: nullableText(row[AT.run_output]),
    output: nullableText(row[AT.output]),
    error: nullableError(row[AT.error]),
    attempt: number(row[AT.attempt]),
    takeovers: number(row[AT.takeovers]),
    claimCount: number(row[AT.claim_count]),
    executorId: nullableText(row[AT.executor_id]),
    claimAt: nullableNumber(row[AT.claim_at]),
    startAt: number(row[AT.start_at]),
    startedAt: nullableNumber(row[AT.started_at]),
    finishedAt: nullableNumber(row[AT.finished_at]),
    activeChildrenCount: number(row[AT.active_children_count]),
    createdAt: number(row[AT.created_at]),
    updatedAt: number(row[AT.updated_at]),
  }
}

function parentOf(row: SqlRow): ParentReference | null {
  const executionId = nullableText(row[AT.parent_execution_id])
  if (executionId === null) return null
  return {
    taskId: text(row[AT.parent_task_id]),
    executionId,
    indexInParent: number(row[AT.index_in_parent]),
    isFinalize: number(row[AT.is_finalize]) === 1,
  }
}

/** Reads a row whose values are in the order of {@link GUARD_COLUMNS}. */
export function toGuard(row: SqlRow): Guard {
  return {
    executionId: text(row[GUARD_AT.execution_id]),
    taskId: text(row[GUARD_AT.task_id]),
    status: statusOf(row[GUARD_AT.status]),
    claimCount: number(row[GUARD_AT.claim_count]),
    executorId: nullableText(row[GUARD_AT.executor_id]),
    sleepingKey: nullableText(row[GUARD_AT.sleeping_key]),
    parentExecutionId: nullableText(row[GUARD_AT.parent_execution_id]),
  }
}

/** Executions of a task share their options: each is written as JSON once. */
const retryOptionsTexts = new WeakMap<ResolvedRetryOptions, string>()

function retryOptionsText(options: ResolvedRetryOptions): string {
  const known = retryOptionsTexts.get(options)
  if (known !== undefined) return known
  const told = Object.entries(options).filter(
    ([name, value]) => value !== Reflect.get(IMPLIED_RETRY_OPTIONS, name),
  )
  const json = JSON.stringify(Object.fromEntries(told))
  retryOptionsTexts.set(options, json)
  return json
}

/** An error as a column holds it. */
export function errorText(error: StoredError | null): string | null {
  return error === null ? null : JSON.stringify(error)
}
