/** The error for rows that others hold, the same on every database. */
import { StorageHeldUpError } from 'durable-execution'

/** An insert would have to wait. */
export function heldUp(cause: unknown): StorageHeldUpError {
  return new StorageHeldUpError('An open transaction holds the id or key of one of these rows', {
    cause,
  })
}
