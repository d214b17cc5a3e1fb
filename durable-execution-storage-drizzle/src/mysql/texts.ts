/** Texts that the database would not give back as they were. */
import { assertStorable as assertStorableAnywhere, isStorable as isStorableAnywhere } from '../text'

/** Whether the database gives this text back as it was. A NUL is a character like any other here, unlike elsewhere. */
export function isStorable(text: string): boolean {
  return isStorableAnywhere(withoutNul(text))
}

/** @throws A non-retryable `DurableExecutionError` for a text with half of a surrogate pair, which UTF-8 has no form for. */
export function assertStorable(text: string): void {
  assertStorableAnywhere(withoutNul(text))
}

function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', ' ') : text
}
