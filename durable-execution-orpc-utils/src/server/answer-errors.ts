/** Errors as callers get them: what they can help, in words without the server's internals; of anything else only that it happened. */
import { ORPCError, ValidationError } from '@orpc/server'
import { DurableExecutionError, type DurableExecutionErrorCode } from 'durable-execution'

import { answerTo } from '../errors'
import { property } from '../lib/causes'
import { LONGEST_NAME } from '../wire'

/** The call that failed. */
export interface FailedCall {
  readonly taskName: string
  /** The id of the task in the executor, which stands in its messages. */
  readonly taskId: string
  /** As the caller gave it: without the prefix, and `undefined` where the server made it. */
  readonly executionId?: string | undefined
  /** As the caller gave it. */
  readonly uniqueId?: string | undefined
  /** Whether the call brought values of the caller's along, which may be at fault. */
  readonly hasValues: boolean
}

/** @returns An error for the caller, or what was thrown: oRPC hides that from the caller and shows it to interceptors. */
export function toAnswer(thrown: unknown, call: FailedCall): unknown {
  if (!(thrown instanceof DurableExecutionError)) return thrown
  const answer = answerTo(thrown.code)
  const data = { code: thrown.code }
  const options = { data, cause: thrown }
  switch (answer) {
    case 'NOT_FOUND':
      return new ORPCError(answer, { ...options, message: missingMessage(call) })
    case 'SERVICE_UNAVAILABLE':
      return new ORPCError(answer, { ...options, message: 'The server is shutting down' })
    case 'BAD_REQUEST':
      // Where nothing came from the caller it is what the storage holds that can't be read.
      if (!call.hasValues) return thrown
      return new ORPCError(answer, { ...options, message: refusalMessage(thrown, call) })
    default:
      return thrown
  }
}

/** The shape of a call is wrong: says of every wrong place what was expected. */
export function shapeAnswer(
  procedure: string,
  call: unknown,
  issues: readonly Issue[],
): ORPCError<string, unknown> {
  const problems = issues.map((issue) => problemOf(issue, call)).join('; ')
  const message = `Invalid call of ${procedure}: ${clip(problems, LONGEST_PROBLEMS)}`
  return new ORPCError('BAD_REQUEST', {
    message,
    data: { code: 'invalid_input' },
    cause: new ValidationError({ message, issues: [...issues], data: call }),
  })
}

/** What is wrong in one place, as zod says it. */
interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** One wrong place of a call: where it is, what was expected, what came. */
function problemOf({ path, message }: Issue, call: unknown): string {
  const place = path.length === 0 ? '' : `${path.map(String).join('.')}: `
  // Of types and of odd keys the validator says what came, of lengths and of choices it does not.
  const isWhole = /^Unrecognized key|, received \w+$/.test(message)
  return `${place}${message}${isWhole ? '' : `, got ${show(path.reduce<unknown>(property, call))}`}`
}

function missingMessage({ taskName, executionId, uniqueId }: FailedCall): string {
  const task = show(taskName)
  return uniqueId === undefined
    ? `Execution ${show(executionId)} of task ${task} not found`
    : `Execution of task ${task} with unique id ${show(uniqueId)} not found`
}

/** What the caller can do, in place of what the executor's message says after its last semicolon to the one who runs it. */
const ADVICE: Partial<Record<DurableExecutionErrorCode, string>> = {
  too_large: 'store it elsewhere and pass a reference',
  not_serializable: 'use plain data',
}

function refusalMessage(error: DurableExecutionError, call: FailedCall): string {
  if (error.code === 'already_exists') return takenMessage(error, call)
  const { code } = error
  const advice = ADVICE[code]
  const message =
    advice === undefined ? error.message : error.message.replace(/; [^;]*$/, `; ${advice}`)
  // The first is the task that was called: values of the caller's, which come after it, stay as they are.
  const named = message.replace(
    new RegExp(String.raw`\b([Tt])ask ${call.taskId}\b`),
    (_, initial: string) => `${initial}ask ${show(call.taskName)}`,
  )
  // The executor got the id with its prefix, of which the caller knows nothing.
  return named.startsWith('Invalid execution id ')
    ? named.replace(/, got .*$/s, () => `, got ${show(call.executionId)}`)
    : named
}

/** Whose it is, and which execution, is not for the caller to know. */
function takenMessage({ message }: DurableExecutionError, call: FailedCall): string {
  // The code is the same for both: only the message says which of the two it was.
  return message.startsWith('Unique id ')
    ? `Unique id ${show(call.uniqueId)} of task ${show(call.taskName)} is taken by an execution that is active: wake or cancel it first, or use another`
    : `Execution id ${show(call.executionId)} is taken by an execution of another task: give each execution an id of its own`
}

/** As much of the problems of a call as is worth reading: odd keys may be as many, and as long, as the caller likes. */
const LONGEST_PROBLEMS = 1000
const LONGEST_SHOWN = 80

function clip(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

/** A value of the caller's: names and ids in full, of longer texts the beginning, of lists and objects only the kind. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    if (value.length <= LONGEST_NAME) return JSON.stringify(value)
    return `${JSON.stringify(clip(value, LONGEST_SHOWN))} (${value.length} characters)`
  }
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : 'an object'
}
