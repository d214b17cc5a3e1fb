/** P15: from a cancel in one process until the function that runs in another sees its signal. */
import { percentile } from '../measurement'
import { WORKER_TASKS } from '../running/worker'
import { startWorker } from '../running/workers'
import { openExecutor } from '../systems/durable-execution'
import { scaled, STORAGES, type Workload } from '../workload'

const CANCELS = 100

export const cancels: Workload = {
  id: 'P15',
  title: 'From a cancel in one process to the signal of the function in another',
  storages: STORAGES,
  systems: ['durable-execution'],
  async run(context) {
    const { executor, opened, close } = await openExecutor(context)
    const hold = executor.task({ id: WORKER_TASKS.hold, timeoutMs: 3_600_000, run: () => null })
    const waiting = new Map<string, (at: number) => void>()
    const { storage, url } = context
    const worker = await startWorker({ storage, url, options: {} }, (message) => {
      if (message.type !== 'started' && message.type !== 'cancelled') return
      waiting.get(`${message.type} ${message.executionId}`)?.(message.at)
    })
    const told = (type: 'started' | 'cancelled', executionId: string): Promise<number> =>
      new Promise((resolve) => {
        waiting.set(`${type} ${executionId}`, resolve)
      })
    const samples: number[] = []
    for (let count = scaled(context, CANCELS, 5); count > 0; count -= 1) {
      const executionId = `cancel_${count}`
      const started = told('started', executionId)
      const cancelled = told('cancelled', executionId)
      const handle = await executor.enqueueTask(hold, undefined, { executionId })
      await started
      const cancelledAt = Date.now()
      await handle.cancel()
      samples.push((await cancelled) - cancelledAt)
    }
    await worker.stop()
    await close()
    return {
      figures: { cancel_p50: percentile(samples, 0.5), cancel_p99: percentile(samples, 0.99) },
      settings: `defaults; ${opened.settings}; from the call of cancel, which includes its commit`,
    }
  },
}
