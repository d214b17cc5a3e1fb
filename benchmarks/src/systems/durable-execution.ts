/** Ours: an executor with its defaults. */
import { childTask, DurableExecutor, type DurableExecutorOptions } from 'durable-execution'

import { openStorage, type OpenedStorage, type OpenStorageOptions } from '../databases/storages'
import type { BenchContext } from '../workload'
import { BATCH, batchesOf, Counter, outputOf, type Input, type TaskQueue } from './queue'

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
  storageOptions: OpenStorageOptions = {},
): Promise<OpenedExecutor> {
  const opened = await openStorage(context, storageOptions)
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
    run: async (_context, input: Input) => outputOf(input),
  })
  return {
    settings: `defaults; enqueueTasks, ${BATCH} a call; ${opened.settings}`,
    async enqueue(inputs) {
      for (const batch of batchesOf(inputs, BATCH)) {
        await executor.enqueueTasks(batch.map((input) => childTask(task, input)))
      }
    },
    start: () => executor.start(),
    whenDone: (count) => ended.whenAt(count),
    async roundTrip(input) {
      const handle = await executor.enqueueTask(task, input)
      await handle.waitAndGetOutput()
    },
    close,
  }
}
