/** Ours: an executor with its defaults. */
import { DurableExecutor, type DurableExecutorOptions } from 'durable-execution'

import { openStorage, type OpenedStorage } from '../databases/storages'
import type { BenchContext } from '../workload'
import { Counter, INPUT, OUTPUT, type TaskQueue } from './queue'

/** Enqueues under way at once, as a busy service has. */
const AT_ONCE = 4000

/** An executor on a storage of its own. */
export interface OpenedExecutor {
  readonly opened: OpenedStorage
  readonly executor: DurableExecutor<unknown>
  /** Ends that are stored. */
  readonly ended: Counter
  readonly close: () => Promise<void>
}

/** Opens a storage and an executor on it. */
export async function openExecutor(
  context: BenchContext,
  options: DurableExecutorOptions = {},
): Promise<OpenedExecutor> {
  const opened = await openStorage(context)
  const ended = new Counter()
  const executor = new DurableExecutor(opened.storage, {
    logLevel: 'error',
    onEvent: ({ type }) => {
      if (type === 'execution_settled') ended.add()
    },
    ...options,
  })
  return {
    opened,
    executor,
    ended,
    async close() {
      await executor.shutdown()
      await opened.close()
    },
  }
}

/** Opens an executor with one task that does nothing. */
export async function openDurableExecution(context: BenchContext): Promise<TaskQueue> {
  const { executor, ended, opened, close } = await openExecutor(context)
  const task = executor.task({
    id: 'bench',
    timeoutMs: 60_000,
    run: async (_context, _input: typeof INPUT) => OUTPUT,
  })
  return {
    settings: `defaults; ${opened.settings}`,
    async enqueue(count) {
      for (let left = count; left > 0; left -= AT_ONCE) {
        const length = Math.min(AT_ONCE, left)
        await Promise.all(Array.from({ length }, () => executor.enqueueTask(task, INPUT)))
      }
    },
    start: () => executor.start(),
    whenDone: (count) => ended.whenAt(count),
    async roundTrip() {
      const handle = await executor.enqueueTask(task, INPUT)
      await handle.waitAndGetOutput()
    },
    close,
  }
}
