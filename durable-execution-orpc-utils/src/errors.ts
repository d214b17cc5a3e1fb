/** How a failed call of a remote procedure becomes a durable error: whether the task is tried again, when, and what is stored. */
import {
  DurableExecutionError,
  DurableExecutionNotFoundError,
  type DurableExecutionErrorCode,
} from 'durable-execution/errors'

import { property } from './lib/causes'
import { networkFailureOf } from './lib/network'
import { retryAfterMs } from './lib/retry-after'
import { responseOf } from './response'

/** What becomes of a failed call. */
type Verdict = 'not_found' | 'retryable' | 'final'

/** One kind of answer that is an error. */
interface ErrorAnswer {
  readonly status: number
  /** Errors of the suite that a router of tasks answers so. */
  readonly answers: readonly DurableExecutionErrorCode[]
  /** What the answer means to the one who called. */
  readonly verdict: Verdict
  /** Whether a handle of a client makes such a call again by itself: nobody has said no to it. */
  readonly isRepeated: boolean
}

/** The one table: from errors of the suite to answers of oRPC, and back. Any other answer is final. */
const ANSWERS = {
  BAD_REQUEST: {
    status: 400,
    answers: [
      'invalid_options',
      'invalid_task',
      'invalid_input',
      'too_large',
      'not_serializable',
      'already_exists',
    ],
    verdict: 'final',
    isRepeated: false,
  },
  NOT_FOUND: { status: 404, answers: ['not_found'], verdict: 'not_found', isRepeated: false },
  TIMEOUT: { status: 408, answers: [], verdict: 'retryable', isRepeated: true },
  TOO_MANY_REQUESTS: { status: 429, answers: [], verdict: 'retryable', isRepeated: true },
  INTERNAL_SERVER_ERROR: {
    status: 500,
    answers: [
      'generic',
      'timed_out',
      'cancelled',
      'too_many_takeovers',
      'result_not_stored',
      'storage',
    ],
    verdict: 'retryable',
    isRepeated: false,
  },
  BAD_GATEWAY: { status: 502, answers: [], verdict: 'retryable', isRepeated: true },
  SERVICE_UNAVAILABLE: {
    status: 503,
    answers: ['shut_down'],
    verdict: 'retryable',
    isRepeated: true,
  },
  GATEWAY_TIMEOUT: { status: 504, answers: [], verdict: 'retryable', isRepeated: true },
} as const satisfies Record<string, ErrorAnswer>

/** A code of oRPC that a router of tasks answers with. */
export type AnswerCode = keyof typeof ANSWERS

const CODES = Object.keys(ANSWERS) as AnswerCode[]

/** With which answer a router tells of an error of the suite. Codes of newer versions are no fault of the caller's. */
export function answerTo(code: DurableExecutionErrorCode): AnswerCode {
  const fits = (answer: AnswerCode): boolean =>
    (ANSWERS[answer].answers as readonly string[]).includes(code)
  return CODES.find(fits) ?? 'INTERNAL_SERVER_ERROR'
}

/** Statuses say what a gateway thinks; the code of an answer of oRPC stands above. */
function answerOf(status: number, code = ''): ErrorAnswer | undefined {
  if (Object.hasOwn(ANSWERS, code)) return ANSWERS[code as AnswerCode]
  const found = CODES.find((name) => ANSWERS[name].status === status)
  return found && ANSWERS[found]
}

/** A failed call: its verdict, and what its execution will show. */
interface Failure {
  readonly verdict: Verdict
  readonly message: string
  readonly isRepeated: boolean
  /** What the error is in the suite, where the other side said so. */
  readonly code?: DurableExecutionErrorCode | undefined
}

/** The part of an `ORPCError` that is read. Told by its shape: of two copies of the package each has a class of its own. */
interface AnsweredError {
  readonly code: string
  readonly status: number
  readonly message: string
  readonly data?: unknown
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
  const { verdict, message, code } = failureOf(thrown)
  switch (verdict) {
    case 'not_found':
      return new DurableExecutionNotFoundError(message, { cause: thrown })
    case 'retryable': {
      const response = responseOf(thrown)
      return DurableExecutionError.retryable(message, {
        cause: thrown,
        code,
        retryAfterMs: retryAfterMs(response?.retryAfter, response?.date, now),
      })
    }
    case 'final':
      return DurableExecutionError.nonRetryable(message, { cause: thrown, code })
  }
}

/** Whether nobody has said no to a call that failed: it may be made again, if a second one does no harm. */
export function isRepeatable(thrown: unknown): boolean {
  return failureOf(thrown).isRepeated
}

function failureOf(thrown: unknown): Failure {
  if (isAnsweredError(thrown)) {
    const { status, code, message, data } = thrown
    return { ...judge(status, code), message, code: codeIn(data) }
  }
  const status = responseOf(thrown)?.status
  if (status !== undefined && isFailedStatus(status)) {
    const message = `The remote procedure answered with status ${status} and no error of oRPC`
    return { ...judge(status), message }
  }
  const network = networkFailureOf(thrown)
  if (network !== null) {
    const message = `The connection to the remote procedure failed: ${network}`
    return { verdict: 'retryable', isRepeated: true, message }
  }
  const message = `The call of the remote procedure failed: ${describe(thrown)}`
  return { verdict: 'final', isRepeated: false, message }
}

function judge(status: number, code?: string): Pick<Failure, 'verdict' | 'isRepeated'> {
  const { verdict, isRepeated } = answerOf(status, code) ?? { verdict: 'final', isRepeated: false }
  return { verdict, isRepeated }
}

/** A router of tasks says in the data of its errors what they are in the suite. */
function codeIn(data: unknown): DurableExecutionErrorCode | undefined {
  const code = property(data, 'code')
  return CODES.flatMap(
    (answer): readonly DurableExecutionErrorCode[] => ANSWERS[answer].answers,
  ).find((known) => known === code)
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
