/** The header `Retry-After` of HTTP (RFC 9110, section 10.2.3): seconds, or a date. Pure. */

/** The longest wait that an answer can ask for: a day, in milliseconds. Whoever says more is asked again after a day. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000

/** RFC 9110 wants whole seconds; some servers send fractions. */
const SECONDS = /^\d+(?:\.\d+)?$/

/** The three forms of an HTTP date begin with the day of the week. The oldest (asctime) names no zone and means GMT. */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /

/** An HTTP date in milliseconds since the epoch; `undefined` for anything else. */
export function parseHttpDate(text: string): number | undefined {
  if (!HTTP_DATE.test(text)) return undefined
  const time = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`)
  return Number.isNaN(time) ? undefined : time
}

/**
 * How long an answer asks to wait, in milliseconds, at most {@link MAX_RETRY_AFTER_MS}. 0 if it doesn't say, says it wrongly, or
 * names a moment that has passed.
 *
 * @param retryAfter - The header `Retry-After`.
 * @param date - The header `Date`: dates are then compared by the clock of the server that wrote both.
 * @param now - Milliseconds since the epoch, for an answer without `Date`.
 */
export function retryAfterMs(
  retryAfter: string | undefined,
  date: string | undefined,
  now: number,
): number {
  const text = retryAfter?.trim()
  if (text === undefined) return 0
  if (SECONDS.test(text)) return bounded(Number(text) * 1000)
  const until = parseHttpDate(text)
  if (until === undefined) return 0
  const from = date === undefined ? undefined : parseHttpDate(date.trim())
  return bounded(until - (from ?? now))
}

function bounded(ms: number): number {
  return Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}
