/** Every option of the executor, its default and its bounds. */
import { z } from 'zod'

import { DurableExecutionError } from './errors'
import { MAX_DURATION_MS } from './execution/retry'
import type { Environment } from './lib/environment'
import { nameSchema } from './lib/name'
import { check, missingFunctions, readOptions, show } from './lib/validation'
import { LOG_LEVELS, type Logger, type LogLevel } from './logger'
import type { ExecutorEvent } from './runtime/events'
import { createSuperjsonSerializer, type Serializer } from './serializer'

/** Options of `DurableExecutor`. Each may be left out or `undefined`. */
export interface DurableExecutorOptions {
  /** Names the executor in rows and logs; each start adds an incarnation to it. @default generated, `de_…` */
  executorId?: string | undefined
  /** How inputs and outputs become text. @default superjson */
  serializer?: Serializer | undefined
  /** Where messages go. @default console */
  logger?: Logger | undefined
  /** The least important message that is logged. @default 'info' */
  logLevel?: LogLevel | undefined
  /** The queues it takes work from, 1 to 64 names. @default ['default'] */
  queues?: readonly string[] | undefined
  /** The most task functions that run at once. @default 1000 */
  maxConcurrentTaskExecutions?: number | undefined
  /** The most children one parent may have, up to 100,000. @default 1000 */
  maxChildrenPerTaskExecution?: number | undefined
  /** The largest serialized input, in bytes, up to 64 MiB. @default 1 MiB */
  maxSerializedInputDataSize?: number | undefined
  /** The largest serialized output, in bytes, up to 64 MiB. @default 1 MiB */
  maxSerializedOutputDataSize?: number | undefined
  /** How long a claim lasts without renewal, in milliseconds, at least 1000. @default 15000 */
  leaseMs?: number | undefined
  /** How often an execution may lose its executor before it fails, at least 2. @default 3 */
  maxTakeovers?: number | undefined
  /** How long a function that ignores its signal keeps its slot and its claim, in milliseconds. @default 5000 */
  abortGraceMs?: number | undefined
  /** Called with each event. An error in it is logged and changes nothing. */
  onEvent?: ((event: ExecutorEvent) => void) | undefined
  /** The most bytes handed to one finalize, at least 1 MiB. @default 256 MiB */
  maxFinalizeInputBytes?: number | undefined
  /** How long finished trees are kept, in milliseconds, at least a minute; `null` keeps them for ever. @default 30 days */
  retentionMs?: number | null | undefined
  /**
   * The longest an executor goes without asking when nothing can wake it, in milliseconds, at least 10. While the storage pushes hints
   * it asks every 1.6 s if this is less; and at least four times a lease, whatever this is.
   *
   * @default 200
   */
  pollIntervalMs?: number | undefined
}

const MIB = 2 ** 20
const DAY_MS = 24 * 60 * 60 * 1000

/** The default of every option that has a fixed one. */
export const DEFAULTS = {
  logLevel: 'info',
  queues: ['default'],
  maxConcurrentTaskExecutions: 1000,
  maxChildrenPerTaskExecution: 1000,
  maxSerializedInputDataSize: MIB,
  maxSerializedOutputDataSize: MIB,
  leaseMs: 15_000,
  maxTakeovers: 3,
  abortGraceMs: 5000,
  maxFinalizeInputBytes: 256 * MIB,
  retentionMs: 30 * DAY_MS,
  pollIntervalMs: 200,
} as const satisfies DurableExecutorOptions

const wholeNumber = z.int()
const duration = wholeNumber.max(MAX_DURATION_MS)

function hasMethods(names: readonly string[]): z.ZodType<object> {
  return z.custom<object>(
    (value) => typeof value === 'object' && missingFunctions(value, names).length === 0,
    `Invalid input: expected an object with the functions ${names.join(', ')}`,
  )
}

const schema = z.object({
  executorId: nameSchema.optional(),
  serializer: hasMethods(['serialize', 'deserialize']).optional(),
  logger: hasMethods(['debug', 'info', 'warn', 'error']).optional(),
  logLevel: z.enum(LOG_LEVELS).optional(),
  queues: z
    .array(nameSchema)
    .min(1)
    .max(64)
    .refine((names) => new Set(names).size === names.length, 'expected each name once')
    .optional(),
  maxConcurrentTaskExecutions: wholeNumber.min(1).optional(),
  maxChildrenPerTaskExecution: wholeNumber.min(1).max(100_000).optional(),
  maxSerializedInputDataSize: wholeNumber
    .min(1)
    .max(64 * MIB)
    .optional(),
  maxSerializedOutputDataSize: wholeNumber
    .min(1)
    .max(64 * MIB)
    .optional(),
  leaseMs: duration.min(1000).optional(),
  maxTakeovers: wholeNumber.min(2).optional(),
  abortGraceMs: duration.min(0).optional(),
  onEvent: z
    .custom((value) => typeof value === 'function', 'Invalid input: expected function')
    .optional(),
  maxFinalizeInputBytes: wholeNumber.min(MIB).optional(),
  retentionMs: duration.min(60_000).nullable().optional(),
  pollIntervalMs: duration.min(10).optional(),
})

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly executorId: string
  readonly serializer: Serializer
  readonly logger: Logger
  readonly logLevel: LogLevel
  readonly queues: readonly string[]
  readonly maxConcurrentTaskExecutions: number
  readonly maxChildrenPerTaskExecution: number
  readonly maxSerializedInputDataSize: number
  readonly maxSerializedOutputDataSize: number
  readonly leaseMs: number
  readonly maxTakeovers: number
  readonly abortGraceMs: number
  readonly onEvent: ((event: ExecutorEvent) => void) | null
  readonly maxFinalizeInputBytes: number
  readonly retentionMs: number | null
  readonly pollIntervalMs: number
}

/**
 * Checks options and fills in defaults.
 *
 * @throws A non-retryable `DurableExecutionError` that says of every wrong option what was expected and what came.
 */
export function resolveOptions(
  options: DurableExecutorOptions,
  createId: (prefix: string) => string,
): ResolvedOptions {
  const read = readOptions(options, schema.keyof().options)
  const checked = read.isValid ? check(schema, read.value) : read
  if (!checked.isValid) {
    throw DurableExecutionError.nonRetryable(`Invalid options: ${checked.problem}`, {
      code: 'invalid_options',
    })
  }
  const given = Object.fromEntries(
    Object.entries(checked.value).filter(([, value]) => value !== undefined),
  ) as Partial<ResolvedOptions>
  return {
    executorId: createId('de'),
    serializer: createSuperjsonSerializer(),
    logger: console,
    onEvent: null,
    ...DEFAULTS,
    ...given,
  }
}

const ENVIRONMENT = [
  'now',
  'monotonic',
  'random',
  'setTimer',
  'afterMicrotasks',
  'afterTurn',
] as const

/** @throws A non-retryable `DurableExecutionError` if it is no {@link Environment}. */
export function checkEnvironment(environment: Environment): void {
  const missing = missingFunctions(environment, ENVIRONMENT)
  if (missing.length === 0) return
  throw DurableExecutionError.nonRetryable(
    `Invalid environment: expected the functions ${ENVIRONMENT.join(', ')}, got ${show(environment)} without ${missing.join(', ')}; leave it out to use the machine's own`,
    { code: 'invalid_options' },
  )
}
