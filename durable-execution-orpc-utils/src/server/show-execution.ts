/** An execution as it goes over the wire. */
import {
  toStoredError,
  type DurableExecutionError,
  type StoredError,
  type TaskExecution,
} from 'durable-execution'

import { takeErrors } from '../lib/nested-errors'
import type { WireExecution } from '../wire'

/** Errors of these codes tell of the server's storage, in its words. */
const PRIVATE_CODES: ReadonlySet<string> = new Set(['storage', 'result_not_stored'])

/** An error as a client may see it: what a task threw as it is, of the server's own faults only that there was one. */
function showError(error: DurableExecutionError): StoredError {
  const stored = toStoredError(error)
  const isPrivate = stored.isInternal || PRIVATE_CODES.has(stored.code)
  return isPrivate ? { ...stored, message: 'Internal error' } : stored
}

/**
 * Which executor runs it stays behind, and the prefix of the caller's ids.
 *
 * @param isSleeping - Whether its input is a unique id, which has the prefix too.
 */
export function showExecution(
  execution: TaskExecution,
  prefix: string,
  isSleeping: boolean,
): WireExecution {
  const bare = (id: string): string => (id.startsWith(prefix) ? id.slice(prefix.length) : id)
  const withBareId = <T extends { executionId: string }>(reference: T): T => ({
    ...reference,
    executionId: bare(reference.executionId),
  })
  const { executorId: _, error, prevError, ...rest } = withOptional(withBareId(execution))
  const { input } = rest
  const values = takeErrors(
    {
      input: isSleeping && typeof input === 'string' ? bare(input) : input,
      output: rest.output,
    },
    showError,
  )
  return {
    ...rest,
    ...(values.value as { input: unknown; output: unknown }),
    root: withBareId(rest.root),
    ...(rest.parent && { parent: withBareId(rest.parent) }),
    ...(error && { error: showError(error) }),
    ...(prevError && { prevError: showError(prevError) }),
    ...(values.paths.length > 0 && { errorPaths: values.paths }),
  }
}

/** An execution with all that any status has, as optional fields. */
type LooseExecution = Omit<
  WireExecution,
  'error' | 'prevError' | 'errorPaths' | 'root' | 'parent'
> &
  Pick<TaskExecution, 'root' | 'parent'> & {
    error?: DurableExecutionError
    prevError?: DurableExecutionError
    executorId?: string
  }

function withOptional(execution: TaskExecution): LooseExecution {
  return execution
}
