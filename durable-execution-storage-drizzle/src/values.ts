/** Reading values of columns, which the storage alone writes. */
import {
  ALL_TASK_EXECUTION_STATUSES,
  DurableExecutionError,
  type ResolvedRetryOptions,
  type StoredError,
  type TaskExecutionStatus,
} from 'durable-execution'

const STATUSES: ReadonlyMap<unknown, TaskExecutionStatus> = new Map(
  ALL_TASK_EXECUTION_STATUSES.map((status) => [status, status]),
)

/** A status from a column. */
export function statusOf(value: unknown): TaskExecutionStatus {
  return STATUSES.get(value) ?? refuse(value, 'a status')
}

/** Most executions share their retry options with many others: each text is parsed once. */
/**
 * What a column of retry options leaves out, which is most often all of it: a row is written three times, and these would be a fifth
 * of a small one. Never changed: rows that are there would say something else.
 */
export const IMPLIED_RETRY_OPTIONS: ResolvedRetryOptions = Object.freeze({
  maxAttempts: 0,
  baseDelayMs: 0,
  delayMultiplier: 1,
  maxDelayMs: 3_153_600_000_000,
  jitter: 0,
})

const retryOptionsByText = new Map<string, ResolvedRetryOptions>()
const MAX_REMEMBERED_RETRY_OPTIONS = 1000

/** Retry options from a column. */
export function retryOptionsOf(json: string): ResolvedRetryOptions {
  const known = retryOptionsByText.get(json)
  if (known) return known
  const told = parseJson<Partial<ResolvedRetryOptions>>(json)
  const parsed = Object.freeze({ ...IMPLIED_RETRY_OPTIONS, ...told })
  if (retryOptionsByText.size >= MAX_REMEMBERED_RETRY_OPTIONS) retryOptionsByText.clear()
  retryOptionsByText.set(json, parsed)
  return parsed
}

/** An error from a column that may be empty. */
export function nullableError(value: unknown): StoredError | null {
  return value === null ? null : parseJson<StoredError>(text(value))
}

/** What the storage itself wrote as JSON. */
function parseJson<T>(json: string): T {
  return JSON.parse(json) as T
}

/** A text from a column. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : refuse(value, 'a text')
}

/** A text from a column that may be empty. */
export function nullableText(value: unknown): string | null {
  return value === null ? null : text(value)
}

/** A number from a column: drivers may be set to give integers as `bigint` or text. */
export function number(value: unknown): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint' || typeof value === 'string') return Number(value)
  return refuse(value, 'a number')
}

/** A number from a column that may be empty. */
export function nullableNumber(value: unknown): number | null {
  return value === null ? null : number(value)
}

function refuse(value: unknown, expected: string): never {
  throw DurableExecutionError.nonRetryable(
    `A row of executions holds ${String(value)} where ${expected} was expected: was it written by something else?`,
    { code: 'storage', isInternal: true },
  )
}
