/** Errors as callers get them: what they can help, in words without the server's internals; of anything else only that it happened. */
import { ORPCError, ValidationError } from '@orpc/server'
import { DurableExecutionError } from 'durable-execution'

import { answerTo } from '../errors'

/** The call that failed. */
export interface FailedCall {
  readonly taskName: string
  /** The id of the task in the executor, which stands in its messages. */
  readonly taskId: string
  /** As the caller gave it. */
  readonly executionId?: string | undefined
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

/** The shape of the call is wrong: says of every wrong place what was expected. Anything else stays what it is. */
export function toShapeAnswer(thrown: unknown, path: readonly string[]): unknown {
  if (!(thrown instanceof ORPCError) || !(thrown.cause instanceof ValidationError)) return thrown
  if (thrown.code !== 'BAD_REQUEST') return thrown
  const problems = thrown.cause.issues.map(({ path: place = [], message }) => {
    const keys = place.map((part) => String(typeof part === 'object' ? part.key : part))
    return keys.length === 0 ? message : `${keys.join('.')}: ${message}`
  })
  return new ORPCError('BAD_REQUEST', {
    message: `Invalid call of ${path.at(-1) ?? 'a procedure'}: ${problems.join('; ')}`,
    data: { code: 'invalid_input' },
    cause: thrown.cause,
  })
}

function missingMessage({ taskName, executionId, uniqueId }: FailedCall): string {
  const task = JSON.stringify(taskName)
  return uniqueId === undefined
    ? `Execution ${JSON.stringify(executionId)} of task ${task} not found`
    : `Execution of task ${task} with unique id ${JSON.stringify(uniqueId)} not found`
}

function refusalMessage(
  { code, message }: DurableExecutionError,
  { taskName, taskId, executionId }: FailedCall,
): string {
  if (code === 'already_exists') {
    // Whose it is, and which execution, is not for the caller to know.
    return executionId === undefined
      ? `An execution of task ${JSON.stringify(taskName)} with this unique id is active`
      : `Execution id ${JSON.stringify(executionId)} or the unique id of the execution is taken`
  }
  // What follows a semicolon is advice to the one who runs the executor.
  const [problem = ''] = message.split('; ', 1)
  const shown = JSON.stringify(taskName)
  return problem
    .replaceAll(`task ${taskId}`, `task ${shown}`)
    .replace(`Task ${taskId}`, `Task ${shown}`)
}
