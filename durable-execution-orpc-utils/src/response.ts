/**
 * What the response of a failed call said besides its error. oRPC makes an error from the body alone: status and headers are known
 * here only where a link keeps them (`keepFailedResponses`), or where the error tells of a response that oRPC could not read.
 */
import { property, withCauses } from './lib/causes'

/** Headers as oRPC's links have them, names in lower case. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** The parts of a response that decide when a failed call is made again. */
export interface ResponseHead {
  readonly status: number
  /** The header `Retry-After`. */
  readonly retryAfter: string | undefined
  /** The header `Date`. */
  readonly date: string | undefined
}

const heads = new WeakMap<object, ResponseHead>()

/** The head of a response. */
export function headOf(response: {
  readonly status: number
  readonly headers: Headers
}): ResponseHead {
  const { status, headers } = response
  return { status, retryAfter: first(headers['retry-after']), date: first(headers['date']) }
}

/** Remembers, as long as the error lives, the response that it was made from. */
export function rememberResponse(thrown: unknown, head: ResponseHead): void {
  if (typeof thrown === 'object' && thrown !== null) heads.set(thrown, head)
}

/** The response that a thrown value, or a cause of it, was made from, if it is known. */
export function responseOf(thrown: unknown): ResponseHead | undefined {
  for (const error of withCauses(thrown)) {
    const head = typeof error === 'object' ? heads.get(error as object) : undefined
    if (head !== undefined) return head
  }
  return unreadResponseOf(thrown)
}

/** Of an error response that is not its own (a gateway's) oRPC keeps all in the error's data. */
function unreadResponseOf(thrown: unknown): ResponseHead | undefined {
  const data = property(thrown, 'data')
  const status = property(data, 'status')
  const headers = property(data, 'headers')
  if (typeof status !== 'number' || status !== property(thrown, 'status')) return undefined
  return isHeaders(headers) ? headOf({ status, headers }) : undefined
}

function isHeaders(value: unknown): value is Headers {
  return typeof value === 'object' && value !== null
}

/** A header that was sent more than once says what it said first. */
function first(header: unknown): string | undefined {
  const value: unknown = Array.isArray(header) ? header[0] : header
  return typeof value === 'string' ? value : undefined
}
