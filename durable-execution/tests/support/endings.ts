/** Tables of tasks that go wrong when they run, and of the errors they end with. */
import { expect, it } from 'vitest'

import type { AnyTask, DurableExecutorOptions, TaskExecutionStatus } from '../../src/index'
import { expectRefusal, untyped, type Common, type UntypedExecutor } from './refusals'
import { createWorld, eventsOf } from './world'

/** Retries that a task gets in vain. */
export const retryOptions = { maxAttempts: 3 }
/** A time-out that none runs into. */
export const timeoutMs = 1000

/** What a row may use to define its task. */
export interface Kit {
  readonly executor: UntypedExecutor
  readonly child: AnyTask
  readonly nap: AnyTask
}

/** Runs a task, and answers how it ended, and what is stored. */
export async function runTask(define: (kit: Kit) => unknown, options: DurableExecutorOptions = {}) {
  const world = createWorld()
  const { executor, events } = await world.start(options)
  const child = executor.task({ id: 'child', timeoutMs, run: () => 'done' })
  const nap = executor.sleepingTask({ id: 'nap', timeoutMs })
  const task = define({ executor: untyped(executor), child, nap })
  const handle = await executor.enqueueTask(untyped<AnyTask>(task), untyped<never>('in'))
  const execution = await world.until(handle.waitAndGetFinishedExecution())
  expect(eventsOf(events, 'background_error')).toEqual([])
  expect(executor.getStats().slots.taken).toBe(0)
  return { execution, rows: world.storage.dump() }
}

/** Something of a task, made of the kit, and how the message of the error ends. */
export type Row = readonly [name: string, make: (kit: Kit) => unknown, ends: string]

/** Tasks that end so, at their first attempt and for good. */
export function itEnds(
  status: TaskExecutionStatus,
  common: Common,
  rows: readonly Row[],
  options?: DurableExecutorOptions,
): void {
  it.each(rows)('%s', async (_name, define, ends) => {
    const { execution } = await runTask(define, options)
    expect(execution).toMatchObject({ status, attempt: 0 })
    expectRefusal(untyped<{ error: unknown }>(execution).error, common, ends)
  })
}
