/** Executors on real time, over a storage in memory. */
import { onTestFinished } from 'vitest'

import { DurableExecutor } from '../../src/executor'
import type { DurableExecutorOptions } from '../../src/options'
import { InMemoryTaskExecutionsStorage } from '../../src/storage/in-memory'
import { silentLogger } from './world'

/** Makes an executor that is shut down with the test. It is not started. */
function createExecutor(
  options: DurableExecutorOptions = {},
  storage = new InMemoryTaskExecutionsStorage(),
): DurableExecutor {
  const executor = new DurableExecutor(storage, { logger: silentLogger, ...options })
  onTestFinished(() => executor.shutdown({ graceMs: 0 }))
  return executor
}

/** Makes an executor and starts it. Tasks may still be defined. */
export async function startExecutor(
  options: DurableExecutorOptions = {},
  storage = new InMemoryTaskExecutionsStorage(),
): Promise<DurableExecutor> {
  const executor = createExecutor(options, storage)
  await executor.start()
  return executor
}
