/** Options that tasks, children and enqueues share, and what is said of wrong ones. */
import { z } from 'zod'

import { DurableExecutionError } from '../errors'
import { MAX_DURATION_MS, NO_RETRIES } from '../execution/retry'
import type { ResolvedRetryOptions, RetryOptions } from '../execution/retry'
import { check, show } from '../lib/validation'
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

const retrySchema = z.strictObject({
  maxAttempts: z.int().min(0).optional(),
  baseDelayMs: milliseconds.optional(),
  delayMultiplier: z.number().min(0).optional(),
  maxDelayMs: milliseconds.optional(),
  jitter: z.number().min(0).max(1).optional(),
})

const timeoutSchema = z.int().min(1).max(MAX_DURATION_MS)
const sleepSchema = z.int().min(0).max(MAX_DURATION_MS)
const queueSchema = z.string().min(1).max(255)

/** The longest id of a task. */
const LONGEST_TASK_ID = 255

/** @throws A non-retryable `DurableExecutionError`. */
export function checkTaskId(id: unknown): asserts id is string {
  if (id === '') throw invalid('Task id cannot be empty: give it letters, digits or underscores')
  if (typeof id !== 'string') {
    throw invalid(`Invalid task id: expected text, got ${show(id)}`)
  }
  if (id.length > LONGEST_TASK_ID) {
    throw invalid(
      `Invalid task id ${show(id)}: expected at most ${LONGEST_TASK_ID} characters, got ${id.length}`,
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
  const given = checkOption(retrySchema, value, 'retry options', taskId)
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
  const { id, timeoutMs } = options
  return {
    retryOptions: resolveRetryOptions(options.retryOptions, NO_RETRIES, id),
    timeoutMs: checkOption(timeoutSchema, timeoutMs, 'timeout value', id),
    sleepMsBeforeRun: checkOption(
      sleepSchema,
      options.sleepMsBeforeRun ?? 0,
      'sleep ms before run',
      id,
    ),
    queue: checkOption(queueSchema.nullable(), options.queue ?? null, 'queue', id),
  }
}

const EXECUTION_OPTIONS = ['retryOptions', 'sleepMsBeforeRun', 'timeoutMs', 'queue'] as const

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
    queue: queue === undefined ? task.queue : checkOption(queueSchema, queue, 'queue', taskId),
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

/** The longest execution id, in characters. */
const LONGEST_EXECUTION_ID = 255

/** @throws A non-retryable `DurableExecutionError` if it is neither `undefined` nor text of 1 to 255 characters. */
export function checkExecutionId(taskId: string, executionId: unknown): string | undefined {
  if (executionId === undefined) return undefined
  const isText = typeof executionId === 'string'
  if (isText && executionId.length > 0 && executionId.length <= LONGEST_EXECUTION_ID) {
    return executionId
  }
  throw invalid(
    `Invalid execution id for task ${taskId}: expected text of 1 to ${LONGEST_EXECUTION_ID} characters, got ${show(executionId)}`,
  )
}
