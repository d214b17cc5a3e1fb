/**
 * Ends an executor without losing or burning anything: claims nothing more, gives running functions time, then tells them to end
 * and hands what is left back.
 */
import { DurableExecutionError } from '../errors'
import { createSharedController } from '../lib/abort'
import { delay } from '../lib/environment'
import { readOptions, show } from '../lib/validation'
import type { Runtime } from './runtime'
import type { Stages } from './stages'

const DEFAULT_GRACE_MS = 30_000

/** What tells of the beginning of a shutdown: every running function may listen to it. */
export function createShutdownController(): AbortController {
  return createSharedController()
}

/**
 * Reads the options of a shutdown, as users without types give them too.
 *
 * @throws A non-retryable `DurableExecutionError` that says what was expected and what came.
 */
export function readGraceMs(options: unknown): number {
  const read = readOptions(options, ['graceMs'])
  if (!read.isValid) throw invalid(read.problem)
  const { graceMs = DEFAULT_GRACE_MS } = read.value
  // `Infinity` is a grace: functions are waited for, however long they take.
  if (typeof graceMs === 'number' && graceMs >= 0) return graceMs
  throw invalid(`graceMs: expected a number of at least 0, got ${show(graceMs)}`)
}

function invalid(problem: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`Invalid options: ${problem}`, {
    code: 'invalid_options',
  })
}

/** Ends an executor. `controller`: that of its shutdown signal. */
export async function shutDown<TTransaction>(
  runtime: Runtime<TTransaction>,
  stages: Stages<TTransaction>,
  controller: AbortController,
  graceMs: number,
): Promise<void> {
  const { events, held, gate, storage, options, claimant } = runtime
  const wasStarted = runtime.lifecycle === 'started'
  runtime.lifecycle = 'stopping'
  if (wasStarted) events.emit({ type: 'executor_stopping', runningCount: held.size })
  // Not awaited yet: while the storage is away a round of theirs may last.
  const takingStopped = stages.stopTaking()
  controller.abort(new Error('Executor is shutting down'))
  await within(runtime, graceMs, held.whenEmpty())
  if (held.size > 0) {
    const error = DurableExecutionError.retryable('Executor is shutting down', {
      code: 'shut_down',
    })
    for (const claim of held.all()) claim.end('shutdown', error)
    // Functions have their grace, the storage the time of a call: what is not stored by then lapses.
    await within(runtime, options.abortGraceMs + claimant.leaseMs / 3, held.whenEmpty())
  }
  // What a claim or an insert under way brings in is given back at once.
  const brought = gate.alone(() => Promise.resolve()).then(() => held.whenEmpty())
  await within(runtime, claimant.leaseMs / 3, brought)
  runtime.lifecycle = 'stopped'
  storage.close()
  const hearingEnded = within(runtime, claimant.leaseMs / 3, runtime.push.end())
  await Promise.all([takingStopped, stages.stopHolding(), hearingEnded])
  if (wasStarted) events.emit({ type: 'executor_stopped', executorId: claimant.executorId })
}

/** Waits, but not for longer than this. */
async function within<TTransaction>(
  runtime: Runtime<TTransaction>,
  ms: number,
  end: Promise<void>,
): Promise<void> {
  const controller = new AbortController()
  await Promise.race([end, delay(runtime.environment, ms, controller.signal)])
  controller.abort()
}
