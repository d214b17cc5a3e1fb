/** Options of the handles, and what is said of wrong ones. */
import { DurableExecutionError } from 'durable-execution/errors'

/** Options of `createTaskClientHandles`. */
export interface TaskClientOptions {
  /** The client context of each call, for links that need one, or a function that makes it: of a fresh token, for example. */
  context?: object | (() => object | Promise<object>) | undefined
  /** How often a call is made again that nobody has said no to: the network failed, or the server was away. @default 8 */
  maxRetries?: number | undefined
  /** Pause before the first repetition, in milliseconds; it doubles each time. Up to half of it is taken off at random. @default 100 */
  baseDelayMs?: number | undefined
  /** The longest pause, in milliseconds. @default 5000 */
  maxDelayMs?: number | undefined
  /** After how long without an answer a call counts as failed, in milliseconds. @default 30000 */
  callTimeoutMs?: number | undefined
  /**
   * How long a wait goes on while the server can't be reached, in milliseconds; `null`: until its signal is aborted.
   * @default 600000
   */
  longestOutageMs?: number | null | undefined
}

/** {@link TaskClientOptions}, checked and with defaults. */
export interface ResolvedClientOptions {
  readonly context: TaskClientOptions['context']
  readonly maxRetries: number
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  readonly callTimeoutMs: number
  readonly longestOutageMs: number
}

const DEFAULTS = {
  maxRetries: 8,
  baseDelayMs: 100,
  maxDelayMs: 5000,
  callTimeoutMs: 30_000,
  longestOutageMs: 600_000,
}

/** The longest timer of every browser. */
const LONGEST_MS = 2 ** 31 - 1

const KEYS = ['context', ...Object.keys(DEFAULTS)]

/** @throws A non-retryable `DurableExecutionError` that says which option is wrong, what was expected, what came. */
export function resolveClientOptions(options: TaskClientOptions): ResolvedClientOptions {
  const odd = Object.keys(options).find((key) => !KEYS.includes(key))
  if (odd !== undefined) throw invalid(`unknown key "${odd}", expected only ${KEYS.join(', ')}`)
  const { context, longestOutageMs } = options
  return {
    context,
    maxRetries: read('maxRetries', options.maxRetries, 0),
    baseDelayMs: read('baseDelayMs', options.baseDelayMs, 0),
    maxDelayMs: read('maxDelayMs', options.maxDelayMs, 0),
    callTimeoutMs: read('callTimeoutMs', options.callTimeoutMs, 1),
    longestOutageMs:
      longestOutageMs === null ? Infinity : read('longestOutageMs', longestOutageMs, 0),
  }
}

function read(name: keyof typeof DEFAULTS, value: unknown, least: number): number {
  if (value === undefined) return DEFAULTS[name]
  if (typeof value === 'number' && value >= least && value <= LONGEST_MS) return value
  throw invalid(
    `${name}: expected a number from ${least} to ${LONGEST_MS}, got ${JSON.stringify(value)}`,
  )
}

function invalid(problem: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`Invalid options of task handles: ${problem}`, {
    code: 'invalid_options',
  })
}
