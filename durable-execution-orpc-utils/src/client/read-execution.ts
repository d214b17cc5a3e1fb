/** From the wire to what users see: an execution as the server's handles show it. */
import type { FinishedTaskExecution, TaskExecution } from 'durable-execution'
import { fromStoredError, type StoredError } from 'durable-execution/errors'

import { putErrors } from '../lib/nested-errors'
import type { WireExecution } from '../wire'

/** The one place where an execution from the wire gets its type. */
export function readExecution<TOutput>(wire: WireExecution): TaskExecution<TOutput> {
  const { errorPaths = [], error, prevError, ...rest } = wire
  putErrors(rest, errorPaths, (stored) => fromStoredError(stored as StoredError))
  return {
    ...rest,
    // Fields that are `undefined` get lost on the way.
    input: rest.input,
    ...(rest.status === 'completed' && { output: rest.output }),
    ...(error && { error: fromStoredError(error) }),
    ...(prevError && { prevError: fromStoredError(prevError) }),
  } as unknown as TaskExecution<TOutput>
}

/** Of an execution that the server says has finished. */
export function readFinished<TOutput>(wire: WireExecution): FinishedTaskExecution<TOutput> {
  return readExecution<TOutput>(wire) as FinishedTaskExecution<TOutput>
}
