/** Options of a router of tasks, and what is said of wrong ones. */
import { DurableExecutionError } from 'durable-execution'

import type { WireEnqueueOptions, WireOutcome } from '../wire'

/** What a call does: the name of its procedure. */
export type TasksRouterAction =
  | 'enqueueTask'
  | 'getTaskExecution'
  | 'waitForTaskExecution'
  | 'cancelTaskExecution'
  | 'wakeupSleepingTaskExecution'

/** A call, as `authorize` sees it: its shape was checked, nothing else. There need be no such task, and no such execution. */
export interface TaskCall<TContext> {
  readonly context: TContext
  readonly action: TasksRouterAction
  /** As the caller gave it. */
  readonly taskName: string
  /** As the caller gave it, without the prefix of `executionIdPrefix`; `undefined` where an enqueue or a wake-up names none. */
  readonly executionId: string | undefined
  /** The input of an enqueue; for a wake-up its outcome. */
  readonly input: unknown
  /** Of an enqueue. */
  readonly options?: WireEnqueueOptions | undefined
  /** Of a wake-up: what the sleeping execution was enqueued with, without the prefix. */
  readonly uniqueId?: string | undefined
  /** Of a wake-up. */
  readonly outcome?: WireOutcome | undefined
}

/** Options of `createTasksRouter`. */
export interface TasksRouterOptions<TContext> {
  /**
   * Whether a call may be made. Asked before anything is looked up: who is refused gets `FORBIDDEN`, whatever there is. Only `true`
   * allows. An `ORPCError` it throws is the answer; of any other error the caller learns nothing. @default every call may be made
   */
  authorize?: ((call: TaskCall<TContext>) => boolean | Promise<boolean>) | undefined
  /**
   * What the ids of the caller's executions begin with in the storage, such as `acme:`. Callers neither see nor give it; those with
   * another prefix can't reach or collide with these executions, and unique ids of sleeping ones are theirs alone. It ends with a
   * separator that is no letter or digit and stands nowhere else in it: no prefix is then the beginning of another.
   * @default ids are as callers give them
   */
  executionIdPrefix?: ((context: TContext) => string | Promise<string>) | undefined
  /** How often a wait tells its caller that it goes on, in milliseconds, 1 to 60 000. @default 15000 */
  heartbeatMs?: number | undefined
  /**
   * After how long the stream of a wait ends, in milliseconds, so that its caller comes again and is authorized again; at least
   * `heartbeatMs`. @default 600000
   */
  longestStreamMs?: number | undefined
}

/** {@link TasksRouterOptions}, checked and with defaults. */
export interface ResolvedRouterOptions<TContext> {
  readonly authorize: TasksRouterOptions<TContext>['authorize']
  readonly executionIdPrefix: TasksRouterOptions<TContext>['executionIdPrefix']
  readonly heartbeatMs: number
  readonly longestStreamMs: number
}

const DEFAULTS = { heartbeatMs: 15_000, longestStreamMs: 600_000 }
const LONGEST_HEARTBEAT_MS = 60_000
const LONGEST_STREAM_MS = 24 * 3_600_000

const KEYS = ['authorize', 'executionIdPrefix', 'heartbeatMs', 'longestStreamMs']

/** @throws A non-retryable `DurableExecutionError` that says which option is wrong, what was expected, what came. */
export function resolveRouterOptions<TContext>(
  options: TasksRouterOptions<TContext>,
): ResolvedRouterOptions<TContext> {
  const odd = Object.keys(options).find((key) => !KEYS.includes(key))
  if (odd !== undefined) throw invalid(`unknown key "${odd}", expected only ${KEYS.join(', ')}`)
  const { authorize, executionIdPrefix } = options
  const { heartbeatMs = DEFAULTS.heartbeatMs } = options
  const { longestStreamMs = Math.max(DEFAULTS.longestStreamMs, heartbeatMs) } = options
  checkFunction('authorize', authorize)
  checkFunction('executionIdPrefix', executionIdPrefix)
  checkNumber('heartbeatMs', heartbeatMs, 1, LONGEST_HEARTBEAT_MS)
  checkNumber('longestStreamMs', longestStreamMs, heartbeatMs, LONGEST_STREAM_MS)
  return { authorize, executionIdPrefix, heartbeatMs, longestStreamMs }
}

function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw invalid(`${name}: expected a function, got ${value === null ? 'null' : typeof value}`)
}

function checkNumber(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && value >= least && value <= most) return
  throw invalid(`${name}: expected a number from ${least} to ${most}, got ${String(value)}`)
}

function invalid(problem: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`Invalid options of the tasks router: ${problem}`, {
    code: 'invalid_options',
  })
}
