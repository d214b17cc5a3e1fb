/** P12: thousands of functions run at once: what that does to the event loop. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

import { childTask } from 'durable-execution'

import { pause, rate, timed } from '../stopwatch'
import { openExecutor } from '../systems/durable-execution'
import { BATCH, batchesOf, inputsFrom, outputOf, type Input } from '../systems/queue'
import { scaled, type Workload } from '../workload'
import { warmUp } from './warm-up'

const TASKS = 100_000
const SLOTS = 5000
const TASK_MS = 200
/** How often the lag is looked at, in milliseconds; what is measured is that and the lag. */
const RESOLUTION_MS = 10

export const eventLoop: Workload = {
  id: 'P12',
  title: '100,000 tasks of 200 ms with 5,000 slots: the lag of the event loop',
  storages: ['pg'],
  systems: ['durable-execution'],
  async run(context) {
    await warmUp(context)
    const { executor, ended, opened, close } = await openExecutor(context, {
      maxConcurrentTaskExecutions: SLOTS,
    })
    const task = executor.task({
      id: 'bench',
      timeoutMs: 60_000,
      run: async (_context, input: Input) => {
        await pause(TASK_MS)
        return outputOf(input)
      },
    })
    await executor.start()
    const count = scaled(context, TASKS, 1000)
    const batches = batchesOf(inputsFrom(0, count), BATCH)
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    delay.enable()
    const ms = await timed(async () => {
      for (const batch of batches) {
        await executor.enqueueTasks(batch.map((input) => childTask(task, input)))
      }
      await ended.whenAt(count)
    })
    delay.disable()
    await close()
    const lag = delay.percentile(99) / 1e6 - RESOLUTION_MS
    return {
      figures: { throughput: rate(count, ms), lag_p99: Math.max(0, lag) },
      settings: `maxConcurrentTaskExecutions ${SLOTS}, else defaults; ${opened.settings}`,
    }
  },
}
