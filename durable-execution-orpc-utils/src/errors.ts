/** How a failed call of a remote procedure becomes a durable error: whether the task is tried again, when, and what is stored. */
import { DurableExecutionError, DurableExecutionNotFoundError } from 'durable-execution'

import { property } from './lib/causes'
import { networkFailureOf } from './lib/network'
import { retryAfterMs } from './lib/retry-after'
import { responseOf } from './response'

/** What becomes of a failed call. */
type Verdict = 'not_found' | 'retryable' | 'final'

/** The one table of verdicts. Retryable is what may pass by itself, whatever the procedure. */
const VERDICTS = {
  byStatus: new Map<number, Verdict>([
    [404, 'not_found'],
    [408, 'retryable'],
    [429, 'retryable'],
    [500, 'retryable'],
    [502, 'retryable'],
    [503, 'retryable'],
    [504, 'retryable'],
  ]),
  byCode: new Map<string, Verdict>([['NOT_FOUND', 'not_found']]),
  anyOtherAnswer: 'final',
  networkFailure: 'retryable',
  anythingElse: 'final',
} as const satisfies Record<string, Verdict | ReadonlyMap<unknown, Verdict>>

/** A failed call: its verdict, and what its execution will show. */
interface Failure {
  readonly verdict: Verdict
  readonly message: string
}

/** The part of an `ORPCError` that is read. Told by its shape: of two copies of the package each has a class of its own. */
interface AnsweredError {
  readonly code: string
  readonly status: number
  readonly message: string
}

/**
 * Turns what a call threw into the error of its task. An error of oRPC keeps its message and nothing else: code, data and stack of
 * the remote side are not stored. The thrown value is the `cause`, for who looks at it in this process.
 *
 * A `DurableExecutionError` (an interceptor's, say) stays as it is.
 *
 * @param now - Milliseconds since the epoch, for a `Retry-After` with a date that came without a `Date`.
 */
export function toDurableError(thrown: unknown, now: number): DurableExecutionError {
  if (thrown instanceof DurableExecutionError) return thrown
  const { verdict, message } = failureOf(thrown)
  switch (verdict) {
    case 'not_found':
      return new DurableExecutionNotFoundError(message, { cause: thrown })
    case 'retryable': {
      const response = responseOf(thrown)
      return DurableExecutionError.retryable(message, {
        cause: thrown,
        retryAfterMs: retryAfterMs(response?.retryAfter, response?.date, now),
      })
    }
    case 'final':
      return DurableExecutionError.nonRetryable(message, { cause: thrown })
  }
}

function failureOf(thrown: unknown): Failure {
  if (isAnsweredError(thrown)) {
    return { verdict: verdictOf(thrown.status, thrown.code), message: thrown.message }
  }
  const status = responseOf(thrown)?.status
  if (status !== undefined && isFailedStatus(status)) {
    const message = `The remote procedure answered with status ${status} and no error of oRPC`
    return { verdict: verdictOf(status), message }
  }
  const network = networkFailureOf(thrown)
  if (network !== null) {
    const message = `The connection to the remote procedure failed: ${network}`
    return { verdict: VERDICTS.networkFailure, message }
  }
  const message = `The call of the remote procedure failed: ${describe(thrown)}`
  return { verdict: VERDICTS.anythingElse, message }
}

function verdictOf(status: number, code = ''): Verdict {
  return VERDICTS.byCode.get(code) ?? VERDICTS.byStatus.get(status) ?? VERDICTS.anyOtherAnswer
}

/** Redirects are none that a link follows. */
export function isFailedStatus(status: number): boolean {
  return status < 200 || status >= 300
}

function isAnsweredError(thrown: unknown): thrown is AnsweredError {
  return (
    typeof property(thrown, 'defined') === 'boolean' &&
    typeof property(thrown, 'code') === 'string' &&
    typeof property(thrown, 'status') === 'number' &&
    typeof property(thrown, 'message') === 'string'
  )
}

/** Of values that are no errors only the kind is told: there's no saying what they hold. */
function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  const message = property(thrown, 'message')
  if (typeof message === 'string' && message !== '') return message
  return `it threw ${thrown === null ? 'null' : `a value of type ${typeof thrown}`}`
}
