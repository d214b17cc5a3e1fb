/** Texts that a database cannot give back as they were. */
import { DurableExecutionError } from 'durable-execution'

/**
 * Refuses a text that would come back changed: some drivers cut a text at a NUL, and UTF-8 has no form for half of a surrogate
 * pair. Silently stored, the one loses data and the other makes two ids equal.
 *
 * @throws A non-retryable `DurableExecutionError` that shows the beginning of the text.
 */
export function assertStorable(text: string): void {
  if (text.includes('\0')) refuse(text, 'a NUL character')
  if (!isWellFormed(text)) refuse(text, 'half of a surrogate pair')
}

/** Whether the database gives this text back as it was. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && isWellFormed(text)
}

function refuse(text: string, what: string): never {
  throw DurableExecutionError.nonRetryable(
    `The text ${JSON.stringify(text.slice(0, 80))} holds ${what}, which the database cannot store: encode the value (as JSON does)`,
    { code: 'storage' },
  )
}

/** `String.prototype.isWellFormed`, which Node has and the library types of ES2022 do not know. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed: () => boolean }).isWellFormed()
}
