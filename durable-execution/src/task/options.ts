/** Options that tasks, children and enqueues share, and what is said of wrong ones. */
import { z } from 'zod'

import { DurableExecutionError } from '../errors'
import { MAX_DURATION_MS, NO_RETRIES } from '../execution/retry'
import type { ResolvedRetryOptions, RetryOptions } from '../execution/retry'
import { isStorable, LONGEST_NAME, nameSchema, STORABLE } from '../lib/name'
import { check, readOptions, show, type ReadOptions } from '../lib/validation'
import type { ExecutionOptions } from './children'

/** Options of every task. */
export interface CommonTaskOptions extends ExecutionOptions {
  /** 1 to 255 letters, digits and underscores; unique in its executor. */
  id: string
  /** The longest one run of the function may take, in milliseconds, at least 1. */
  timeoutMs: number
}

/** {@link CommonTaskOptions}, checked and with defaults. */
export interface ResolvedTaskOptions {
  readonly retryOptions: ResolvedRetryOptions
  readonly sleepMsBeforeRun: number
  readonly timeoutMs: number
  readonly queue: string | null
}

const milliseconds = z.number().min(0).max(MAX_DURATION_MS)

const retrySchema = z.object({
  maxAttempts: z.int().min(0).optional(),
  baseDelayMs: milliseconds.optional(),
  delayMultiplier: z.number().min(0).optional(),
  maxDelayMs: milliseconds.optional(),
  jitter: z.number().min(0).max(1).optional(),
})

const timeoutSchema = z.int().min(1).max(MAX_DURATION_MS)
const sleepSchema = z.int().min(0).max(MAX_DURATION_MS)

/** @throws A non-retryable `DurableExecutionError`. */
export function checkTaskId(id: unknown): asserts id is string {
  if (id === '') throw invalid('Task id cannot be empty: give it letters, digits or underscores')
  if (typeof id !== 'string') {
    throw invalid(`Invalid task id: expected text, got ${show(id)}`)
  }
  if (id.length > LONGEST_NAME) {
    throw invalid(
      `Invalid task id ${show(id)}: expected at most ${LONGEST_NAME} characters, got ${id.length}`,
    )
  }
  if (!/^\w+$/.test(id)) {
    throw invalid(`Invalid task id ${show(id)}: expected only letters, digits and underscores`)
  }
}

function invalid(message: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(message, { code: 'invalid_task' })
}

/** One option of a task, checked. */
function checkOption<TSchema extends z.ZodType>(
  schema: TSchema,
  value: unknown,
  name: string,
  taskId: string,
): z.output<TSchema> {
  const checked = check(schema, value)
  if (checked.isValid) return checked.value
  throw invalid(`Invalid ${name} for task ${taskId}: ${checked.problem}`)
}

function resolveRetryOptions(
  value: RetryOptions | undefined,
  base: ResolvedRetryOptions,
  taskId: string,
): ResolvedRetryOptions {
  if (value === undefined) return base
  const read = readOptions(value, retrySchema.keyof().options)
  if (!read.isValid) throw invalid(`Invalid retry options for task ${taskId}: ${read.problem}`)
  const given = checkOption(retrySchema, read.value, 'retry options', taskId)
  return {
    maxAttempts: given.maxAttempts ?? base.maxAttempts,
    baseDelayMs: given.baseDelayMs ?? base.baseDelayMs,
    delayMultiplier: given.delayMultiplier ?? base.delayMultiplier,
    maxDelayMs: given.maxDelayMs ?? base.maxDelayMs,
    jitter: given.jitter ?? base.jitter,
  }
}

/** Fills in the defaults of a task's options. */
export function resolveTaskOptions(options: CommonTaskOptions): ResolvedTaskOptions {
  const { id, timeoutMs, sleepMsBeforeRun = 0, queue } = options
  return {
    retryOptions: resolveRetryOptions(options.retryOptions, NO_RETRIES, id),
    timeoutMs: checkOption(timeoutSchema, timeoutMs, 'timeout value', id),
    sleepMsBeforeRun: checkOption(sleepSchema, sleepMsBeforeRun, 'sleep ms before run', id),
    queue: queue === undefined ? null : checkOption(nameSchema, queue, 'queue', id),
  }
}

/** The keys of {@link ExecutionOptions}. */
export const EXECUTION_OPTIONS = ['retryOptions', 'sleepMsBeforeRun', 'timeoutMs', 'queue'] as const

/**
 * Reads the options of one execution, as users without types give them too: {@link overrideTaskOptions} checks the values.
 *
 * @throws A non-retryable `DurableExecutionError` if it is no object, or has other keys than these.
 */
export function readExecutionOptions<TKey extends string>(
  options: unknown,
  keys: readonly TKey[],
  taskId: string,
): (ExecutionOptions & ReadOptions<TKey>) | undefined {
  if (options === undefined) return undefined
  const read = readOptions(options, keys)
  if (read.isValid) return read.value
  throw invalid(`Invalid options for task ${taskId}: ${read.problem}`)
}

/** Lays the options of one execution over those of its task. */
export function overrideTaskOptions(
  task: ResolvedTaskOptions,
  options: ExecutionOptions | undefined,
  taskId: string,
): ResolvedTaskOptions {
  if (options === undefined) return task
  if (typeof options !== 'object' || options === null) {
    throw invalid(`Invalid options for task ${taskId}: expected an object, got ${show(options)}`)
  }
  if (EXECUTION_OPTIONS.every((name) => options[name] === undefined)) return task
  const { retryOptions, timeoutMs, sleepMsBeforeRun, queue } = options
  return {
    retryOptions: resolveRetryOptions(retryOptions, task.retryOptions, taskId),
    timeoutMs:
      timeoutMs === undefined
        ? task.timeoutMs
        : checkOption(timeoutSchema, timeoutMs, 'timeout value', taskId),
    sleepMsBeforeRun:
      sleepMsBeforeRun === undefined
        ? task.sleepMsBeforeRun
        : checkOption(sleepSchema, sleepMsBeforeRun, 'sleep ms before run', taskId),
    queue: queue === undefined ? task.queue : checkOption(nameSchema, queue, 'queue', taskId),
  }
}

/** Refuses options that a kind of task can't honour. */
export function refuseOptions(
  options: ExecutionOptions | undefined,
  names: readonly (keyof ExecutionOptions)[],
  taskId: string,
  reason: string,
): void {
  for (const name of names) {
    if (options?.[name] === undefined) continue
    throw invalid(`Invalid options for task ${taskId}: ${name} cannot be given, ${reason}`)
  }
}

/** @throws A non-retryable `DurableExecutionError` if it is neither `undefined` nor text of 1 to 255 characters. */
export function checkExecutionId(taskId: string, executionId: unknown): string | undefined {
  if (executionId === undefined || isExecutionId(executionId)) return executionId
  const isOdd = typeof executionId === 'string' && !isStorable(executionId)
  const expected = isOdd ? STORABLE : `text of 1 to ${LONGEST_NAME} characters`
  throw invalid(
    `Invalid execution id for task ${taskId}: expected ${expected}, got ${show(executionId)}`,
  )
}

/** Whether an execution can have this id. */
export function isExecutionId(value: unknown): value is string {
  const isText = typeof value === 'string'
  return isText && value.length > 0 && value.length <= LONGEST_NAME && isStorable(value)
}
