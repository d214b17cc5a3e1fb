/** Which errors say that the network, not the one at its other end, let a call down. */
import { property, withCauses } from './causes'

/** Codes of Node's sockets and name lookups, and of undici, which is behind Node's `fetch`. */
const NETWORK_CODES: ReadonlySet<unknown> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CLOSED',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_DESTROYED',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_SOCKET',
])

/** What `fetch` says, as a TypeError, of a request that got no answer, and of an answer that broke off. */
const FETCH_MESSAGES: ReadonlySet<unknown> = new Set([
  // Node
  'fetch failed',
  'terminated',
  // Chromium
  'Failed to fetch',
  'network error',
  // Firefox
  'NetworkError when attempting to fetch resource.',
  'Error in input stream',
  // Safari
  'Load failed',
  'The network connection was lost.',
])

/** What a call is told that was broken off from below: a connection closed under it, a time limit of the link. */
const ABORTS: ReadonlySet<unknown> = new Set(['AbortError', 'TimeoutError'])

function isOfNetwork(error: unknown): boolean {
  if (NETWORK_CODES.has(property(error, 'code')) || ABORTS.has(property(error, 'name'))) return true
  const message = property(error, 'message')
  if (property(error, 'name') === 'TypeError' && FETCH_MESSAGES.has(message)) return true
  return typeof message === 'string' && message.endsWith('socket hang up')
}

/**
 * The failure of the network that a thrown value tells of, or was caused by, in a few words without addresses:
 * `fetch failed (ECONNREFUSED)`. `null` if it tells of none.
 *
 * An abort counts: ask whether it was one's own signal before asking this.
 */
export function networkFailureOf(thrown: unknown): string | null {
  const failures = [...withCauses(thrown)].filter(isOfNetwork)
  if (failures.length === 0) return null
  const code = failures.map((failure) => property(failure, 'code')).find(isText)
  const words = failures.map(wordsOf).find(isText)
  if (words === undefined) return code ?? 'the connection was lost'
  return code === undefined ? words : `${words} (${code})`
}

/** Messages of sockets carry addresses; those of `fetch` and of aborts are always the same few. */
function wordsOf(failure: unknown): string | undefined {
  const message = property(failure, 'message')
  if (FETCH_MESSAGES.has(message)) return String(message)
  if (property(failure, 'name') === 'TimeoutError') return 'the call took too long'
  if (property(failure, 'name') === 'AbortError') return 'the call was broken off'
  return undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
