/** A worker process of the workloads with several: an executor with a few tasks, told what to do and telling what it does. */
import { DurableExecutor, type DurableExecutorOptions } from 'durable-execution'

import { openStorage } from '../databases/storages'
import { outputOf, type Input } from '../systems/queue'
import type { StorageName } from '../workload'

/** How a worker is set up. */
export interface WorkerSetup {
  readonly storage: StorageName
  readonly url: string
  readonly options: DurableExecutorOptions
}

/** What a worker tells. Times are of the machine's clock, in milliseconds. */
export type WorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'stopped' }
  | { readonly type: 'settled'; readonly count: number; readonly twice: number }
  | { readonly type: 'started'; readonly executionId: string; readonly at: number }
  | { readonly type: 'taken_over'; readonly executionId: string; readonly at: number }
  | { readonly type: 'cancelled'; readonly executionId: string; readonly at: number }

/** Ids of the tasks that every worker knows. */
export const WORKER_TASKS = { nap: 'nap', hold: 'hold' } as const

const NAP_MS = 20
/** Ends are told together, a few times a second. */
const TELL_MS = 50

/** Told by the parent process to shut down. */
export const STOP = 'stop'

function tell(message: WorkerMessage): void {
  process.send?.(message)
}

async function work({ options, ...place }: WorkerSetup): Promise<void> {
  const { storage, close } = await openStorage(place, { isShared: true })
  const started = new Set<string>()
  let count = 0
  let twice = 0
  const executor = new DurableExecutor(storage, {
    logLevel: 'error',
    ...options,
    onEvent: (event) => {
      if (event.type === 'execution_settled') count += 1
      if (event.type === 'execution_taken_over') {
        tell({ type: 'taken_over', executionId: event.executionId, at: Date.now() })
      }
    },
  })
  executor.task({
    id: WORKER_TASKS.nap,
    timeoutMs: 60_000,
    run: async ({ executionId }, input: Input) => {
      if (started.has(executionId)) twice += 1
      started.add(executionId)
      await new Promise((resolve) => {
        setTimeout(resolve, NAP_MS)
      })
      return outputOf(input)
    },
  })
  executor.task({
    id: WORKER_TASKS.hold,
    timeoutMs: 3_600_000,
    run: ({ executionId, cancelSignal }) =>
      new Promise<void>((resolve) => {
        tell({ type: 'started', executionId, at: Date.now() })
        cancelSignal.addEventListener('abort', () => {
          tell({ type: 'cancelled', executionId, at: Date.now() })
          resolve()
        })
      }),
  })
  const telling = setInterval(() => {
    if (count > 0) tell({ type: 'settled', count, twice })
    count = 0
  }, TELL_MS)
  process.on('message', (message) => {
    if (message !== STOP) return
    clearInterval(telling)
    void executor
      .shutdown({ graceMs: 0 })
      .then(close)
      .then(() => {
        tell({ type: 'stopped' })
        process.disconnect()
      })
  })
  await executor.start()
  tell({ type: 'ready' })
}

const [setup] = process.argv.slice(2)
// It is imported for its types and names, too.
if (process.argv[1]?.endsWith('worker.ts') && setup !== undefined) {
  await work(JSON.parse(setup) as WorkerSetup)
}
