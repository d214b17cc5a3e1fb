/** What calls must look like, and what they answer: checked at run time, and described to generators of OpenAPI. */
import { eventIterator, type Schema } from '@orpc/server'
import { ALL_TASK_EXECUTION_STATUSES } from 'durable-execution'
import { z } from 'zod'

import {
  LONGEST_MESSAGE,
  LONGEST_NAME,
  type WireEnqueue,
  type WireExecution,
  type WireTarget,
  type WireWaitEvent,
  type WireWakeup,
} from '../wire'
import { shapeAnswer } from './answer-errors'

const name = z.string().min(1).max(LONGEST_NAME)
const taskName = name.describe('The key of the task in the tasks of the router')
const executionId = name.describe('The id of the execution')

/** The bounds of the numbers are the executor's to check. What isn't named here can't be given: no transaction, no polling. */
const enqueueOptions = z.strictObject({
  executionId: executionId
    .optional()
    .describe('An id of your own: repeating the call with it enqueues nothing twice'),
  retryOptions: z
    .strictObject({
      maxAttempts: z.number().optional(),
      baseDelayMs: z.number().optional(),
      delayMultiplier: z.number().optional(),
      maxDelayMs: z.number().optional(),
      jitter: z.number().optional(),
    })
    .optional(),
  sleepMsBeforeRun: z.number().optional(),
  timeoutMs: z.number().optional(),
  queue: name.optional(),
})

const enqueue = z.strictObject({
  taskName,
  input: z.unknown().optional(),
  options: enqueueOptions.optional(),
}) satisfies z.ZodType<WireEnqueue>

export const enqueuedSchema = described(z.object({ executionId }))

const target = z.strictObject({ taskName, executionId }) satisfies z.ZodType<WireTarget>

const errorType = z.enum(['generic', 'not_found', 'timed_out', 'cancelled'])
const errorCode = z.enum([
  'generic',
  'invalid_options',
  'invalid_task',
  'invalid_input',
  'too_large',
  'not_serializable',
  'not_found',
  'already_exists',
  'timed_out',
  'cancelled',
  'too_many_takeovers',
  'result_not_stored',
  'shut_down',
  'storage',
])

const outcome = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('completed'), output: z.unknown().optional() }),
  z.strictObject({
    status: z.literal('failed'),
    error: z.strictObject({
      message: z.string().max(LONGEST_MESSAGE),
      errorType: errorType.optional(),
      code: errorCode.optional(),
    }),
  }),
])

const wakeup = z.strictObject({
  taskName,
  uniqueId: z.string().min(1).describe('What the sleeping execution was enqueued with'),
  outcome,
}) satisfies z.ZodType<WireWakeup>

/** What each procedure takes. */
export const INPUTS = {
  enqueueTask: checked('enqueueTask', enqueue),
  getTaskExecution: checked('getTaskExecution', target),
  waitForTaskExecution: checked('waitForTaskExecution', target),
  cancelTaskExecution: checked('cancelTaskExecution', target),
  wakeupSleepingTaskExecution: checked('wakeupSleepingTaskExecution', wakeup),
}

const reference = z.object({ taskId: z.string(), executionId: z.string() })

const storedError = z.object({
  errorType,
  code: errorCode,
  message: z.string(),
  isRetryable: z.boolean(),
  isInternal: z.boolean(),
})

const execution = z.object({
  taskId: z.string(),
  executionId: z.string(),
  status: z.enum(ALL_TASK_EXECUTION_STATUSES),
  queue: z.string(),
  root: reference,
  parent: reference
    .extend({ indexInParentChildren: z.number(), isFinalizeOfParent: z.boolean() })
    .optional(),
  retryOptions: z.object({
    maxAttempts: z.number(),
    baseDelayMs: z.number(),
    delayMultiplier: z.number(),
    maxDelayMs: z.number(),
    jitter: z.number(),
  }),
  sleepMsBeforeRun: z.number(),
  timeoutMs: z.number().optional(),
  input: z.unknown().optional(),
  attempt: z.number(),
  takeovers: z.number(),
  createdAt: z.date(),
  updatedAt: z.date(),
  startAt: z.date().optional(),
  startedAt: z.date().optional(),
  finishedAt: z.date().optional(),
  activeChildrenCount: z.number().optional(),
  output: z.unknown().optional(),
  error: storedError.optional(),
  prevError: storedError.optional(),
  errorPaths: z.array(z.array(z.union([z.string(), z.number()]))).optional(),
}) satisfies z.ZodType<WireExecution>

export const executionSchema = described(execution)

const waitEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('waiting'), heartbeatMs: z.number() }),
  z.object({ type: z.literal('finished'), execution }),
]) satisfies z.ZodType<WireWaitEvent>

export const waitEventsSchema = described(eventIterator(waitEvent))

/** The data of errors that a router of tasks makes. */
const errorData = z.object({ code: errorCode }).optional()

/** The errors of every procedure. Middleware on the builder may throw others. */
export const ERRORS = {
  BAD_REQUEST: { message: 'The call is not valid', data: errorData },
  FORBIDDEN: { message: 'Forbidden' },
  NOT_FOUND: { message: 'There is no such task or execution', data: errorData },
  INTERNAL_SERVER_ERROR: { message: 'Internal server error' },
  SERVICE_UNAVAILABLE: { message: 'The server is shutting down', data: errorData },
}

/**
 * The schema of what a procedure takes: says what is wrong with a call in our words, at once. A middleware that puts oRPC's words into
 * ours would be one more layer around every call that is right.
 */
function checked<TInput>(
  procedure: string,
  schema: z.ZodType<TInput, TInput>,
): Schema<TInput, TInput> {
  const validate = (call: unknown): { value: TInput } => {
    const { data, error, success } = schema.safeParse(call)
    if (success) return { value: data }
    throw shapeAnswer(procedure, call, error.issues)
  }
  return withValidate(schema, validate)
}

/**
 * The schema of what a procedure answers, for types and generators: not checked. The answers are made here, typed, and checking one
 * of two costs as much as making it; each event of a stream would go through one more iterator.
 */
function described<TInput, TOutput>(schema: Schema<TInput, TOutput>): Schema<TInput, TOutput> {
  return withValidate(schema, (value) => ({ value: value as TOutput }))
}

/** What generators read of a schema of zod's is its own. */
function withValidate<TInput, TOutput>(
  schema: Schema<TInput, TOutput>,
  validate: (value: unknown) => { value: TOutput },
): Schema<TInput, TOutput> {
  const standard = { ...schema['~standard'], validate }
  return Object.create(schema, { '~standard': { value: standard } }) as Schema<TInput, TOutput>
}
