/**
 * The errors alone, for programs that run no tasks: clients in a browser, for example.
 *
 * @packageDocumentation
 */
export {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  DurableExecutionTimedOutError,
  fromStoredError,
  toStoredError,
} from './errors'
export type {
  DurableExecutionErrorCode,
  DurableExecutionErrorOptions,
  StoredError,
  StoredErrorType,
} from './errors'
