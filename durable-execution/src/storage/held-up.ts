/** What a storage throws where somebody's open transaction holds the id or the key of a row that a call would insert. */
import { DurableExecutionError } from '../errors'

/**
 * Another transaction, still open, holds what an insert would write: nothing was written, and nobody was waited for. The storage is
 * there, so this is no outage; the executor inserts what came with it, and tries the row again.
 */
export class StorageHeldUpError extends DurableExecutionError {
  override readonly name = 'StorageHeldUpError'

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, { ...options, code: 'storage', isRetryable: true })
  }
}
