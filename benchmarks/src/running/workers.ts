/** Starts worker processes, and ends them. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { STOP, type WorkerMessage, type WorkerSetup } from './worker'

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url))

/** A worker process that takes work. */
export interface Worker {
  /** Ends it as a power cut would. */
  kill(): void
  /** Shuts it down, and answers how long it took from there until the process was gone, in milliseconds. */
  stop(): Promise<number>
}

/** Starts a worker; resolves when it takes work. */
export async function startWorker(
  setup: WorkerSetup,
  onMessage: (message: WorkerMessage) => void = () => undefined,
): Promise<Worker> {
  const child = fork(WORKER, [JSON.stringify(setup)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let stoppedAt = NaN
  await new Promise<void>((resolve, reject) => {
    child.on('message', (data) => {
      const message = data as WorkerMessage
      if (message.type === 'ready') resolve()
      if (message.type === 'stopped') stoppedAt = performance.now()
      onMessage(message)
    })
    child.on('exit', () => {
      reject(new Error('A worker ended before it was ready'))
    })
  })
  return {
    kill: () => {
      child.kill('SIGKILL')
    },
    stop: () => stop(child, () => stoppedAt),
  }
}

async function stop(child: ChildProcess, stoppedAt: () => number): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return 0
  child.send(STOP)
  await once(child, 'exit')
  return performance.now() - stoppedAt()
}
