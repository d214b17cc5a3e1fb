/**
 * The errors of the suite, and the one table that maps them to their stored form and back.
 *
 * Nothing here throws, whatever it is given: an error that fails while it is made, stored or read would hide the one it tells of.
 */
import { propertyOf, show } from './lib/validation'

/**
 * What went wrong, stable over versions: match on this, not on the message.
 *
 * - `generic`: an error thrown by user code
 * - `invalid_options`, `invalid_task`, `invalid_input`: something handed to the library is wrong
 * - `too_large`, `not_serializable`: an input or output can't be stored
 * - `not_found`: no such task or execution
 * - `already_exists`: the execution id or the unique id of a sleeping execution is taken
 * - `timed_out`, `cancelled`: the execution ended so
 * - `too_many_takeovers`: the executors that ran it died, more often than `maxTakeovers`
 * - `result_not_stored`: the storage refused the result for good
 * - `shut_down`: the executor was shut down
 * - `storage`: the storage refused a call for good
 */
export type DurableExecutionErrorCode =
  | 'generic'
  | 'invalid_options'
  | 'invalid_task'
  | 'invalid_input'
  | 'too_large'
  | 'not_serializable'
  | 'not_found'
  | 'already_exists'
  | 'timed_out'
  | 'cancelled'
  | 'too_many_takeovers'
  | 'result_not_stored'
  | 'shut_down'
  | 'storage'

/** Options of {@link DurableExecutionError}. */
export interface DurableExecutionErrorOptions {
  /** Whether trying again may help. @default true */
  isRetryable?: boolean | undefined
  /** Whether the library, not user code, is at fault. @default false */
  isInternal?: boolean | undefined
  /** What caused it. It is never stored. */
  cause?: unknown
  /** The stable code. @default 'generic' */
  code?: DurableExecutionErrorCode | undefined
  /** The next attempt starts no sooner than this, in milliseconds, whatever the retry options say. @default 0 */
  retryAfterMs?: number | undefined
}

/** The base of every error that the suite throws. */
export class DurableExecutionError extends Error {
  override readonly name: string = 'DurableExecutionError'
  readonly code: DurableExecutionErrorCode
  readonly isRetryable: boolean
  readonly isInternal: boolean
  /** The next attempt starts no sooner than this, in milliseconds. */
  readonly retryAfterMs: number

  constructor(message: string, options: DurableExecutionErrorOptions = {}) {
    const cause = propertyOf(options, 'cause')
    super(textOf(message), cause === undefined ? undefined : { cause })
    const retryAfterMs = propertyOf(options, 'retryAfterMs')
    this.code = toCode(propertyOf(options, 'code'))
    this.isRetryable = Boolean(propertyOf(options, 'isRetryable') ?? true)
    this.isInternal = Boolean(propertyOf(options, 'isInternal') ?? false)
    this.retryAfterMs = typeof retryAfterMs === 'number' ? retryAfterMs : 0
  }

  /** An error after which the task is tried again, as long as its retry options allow. */
  static retryable(
    message: string,
    options: Omit<DurableExecutionErrorOptions, 'isRetryable'> = {},
  ): DurableExecutionError {
    return new DurableExecutionError(message, { ...options, isRetryable: true })
  }

  /** An error that ends the execution at once, whatever its retry options say. */
  static nonRetryable(
    message: string,
    options: Omit<DurableExecutionErrorOptions, 'isRetryable'> = {},
  ): DurableExecutionError {
    return new DurableExecutionError(message, { ...options, isRetryable: false })
  }
}

/** Users without types make an error's message of anything, such as another error. */
function textOf(message: unknown): string {
  if (typeof message === 'string') return message
  return message === undefined ? '' : messageOf(message)
}

/** Codes of newer versions, and of users without types, are kept. */
function toCode(code: unknown): DurableExecutionErrorCode {
  return typeof code === 'string' ? (code as DurableExecutionErrorCode) : 'generic'
}

/** There is no such task or execution. Not retryable. */
export class DurableExecutionNotFoundError extends DurableExecutionError {
  override readonly name = 'DurableExecutionNotFoundError'

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, { ...options, code: 'not_found', isRetryable: false })
  }
}

/** A run took longer than its `timeoutMs`. Retryable. */
export class DurableExecutionTimedOutError extends DurableExecutionError {
  override readonly name = 'DurableExecutionTimedOutError'

  constructor(message = 'Task execution timed out', options: { cause?: unknown } = {}) {
    super(message, { ...options, code: 'timed_out', isRetryable: true })
  }
}

/** The execution was cancelled. Not retryable. */
export class DurableExecutionCancelledError extends DurableExecutionError {
  override readonly name = 'DurableExecutionCancelledError'

  constructor(message = 'Task execution cancelled', options: { cause?: unknown } = {}) {
    super(message, { ...options, code: 'cancelled', isRetryable: false })
  }
}

/** The class of an error in its stored form. */
export type StoredErrorType = 'generic' | 'not_found' | 'timed_out' | 'cancelled'

/** An error as a row holds it: no stack and no cause leave the process by it. */
export interface StoredError {
  readonly errorType: StoredErrorType
  readonly code: DurableExecutionErrorCode
  readonly message: string
  readonly isRetryable: boolean
  readonly isInternal: boolean
}

function typeOf(error: DurableExecutionError): StoredErrorType {
  if (error instanceof DurableExecutionNotFoundError) return 'not_found'
  if (error instanceof DurableExecutionTimedOutError) return 'timed_out'
  if (error instanceof DurableExecutionCancelledError) return 'cancelled'
  return 'generic'
}

/** The message of anything that can be thrown: errors, text, `null`, objects with odd getters. */
export function messageOf(thrown: unknown): string {
  try {
    const message = readMessage(thrown)
    const text = typeof message === 'string' ? message : String(message)
    return text === '' ? 'an error without a message' : text
  } catch {
    return 'an error whose message cannot be read'
  }
}

/** Not always text: user code can put anything into `message`, and a `toJSON` may answer nothing. */
function readMessage(thrown: unknown): unknown {
  if (thrown instanceof Error) return thrown.message === '' ? thrown.name : thrown.message
  return typeof thrown === 'object' && thrown !== null ? JSON.stringify(thrown) : thrown
}

/** Anything that can be thrown, as an error: itself, if it is one. */
export function asError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown
  } catch {
    // A proxy may refuse even the question.
  }
  return new Error(messageOf(thrown), { cause: thrown })
}

/** Whether an error is one of the suite's. A proxy may refuse even the question. */
function isOwnError(thrown: unknown): thrown is DurableExecutionError {
  try {
    return thrown instanceof DurableExecutionError
  } catch {
    return false
  }
}

/**
 * Turns anything that was thrown into its stored form. What is not a {@link DurableExecutionError}
 * counts as retryable.
 */
export function toStoredError(thrown: unknown): StoredError {
  if (isOwnError(thrown)) {
    // Subclasses of users may have fields of any type, and getters that throw.
    return {
      errorType: typeOf(thrown),
      code: toCode(propertyOf(thrown, 'code')),
      message: messageOf(thrown),
      isRetryable: Boolean(propertyOf(thrown, 'isRetryable')),
      isInternal: Boolean(propertyOf(thrown, 'isInternal')),
    }
  }
  return {
    errorType: 'generic',
    code: 'generic',
    message: messageOf(thrown),
    isRetryable: true,
    isInternal: false,
  }
}

/** How long the next attempt is to wait at least, as far as what was thrown says so, in milliseconds. */
export function retryAfterMsOf(thrown: unknown): number {
  if (!isOwnError(thrown)) return 0
  const retryAfterMs = propertyOf(thrown, 'retryAfterMs')
  const isDelay = typeof retryAfterMs === 'number' && retryAfterMs > 0 && retryAfterMs < Infinity
  return isDelay ? Math.round(retryAfterMs) : 0
}

/** Turns a stored error back into one that can be thrown. What is no stored error becomes one that says so. */
export function fromStoredError(stored: StoredError): DurableExecutionError {
  if (typeof propertyOf(stored, 'message') !== 'string') {
    return DurableExecutionError.nonRetryable(
      `Stored error cannot be read: expected { errorType, code, message, isRetryable, isInternal }, got ${show(stored)}`,
      { code: 'storage', isInternal: true },
    )
  }
  switch (stored.errorType) {
    case 'not_found':
      return new DurableExecutionNotFoundError(stored.message)
    case 'timed_out':
      return new DurableExecutionTimedOutError(stored.message)
    case 'cancelled':
      return new DurableExecutionCancelledError(stored.message)
    case 'generic':
    default:
      // A newer version may know more types.
      return new DurableExecutionError(stored.message, stored)
  }
}
