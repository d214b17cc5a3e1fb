/** What task functions of a simulation may ask their process for: time, randomness, an end. */
import type { TaskRunContext } from 'durable-execution'

import type { History, RunEnd } from './history'
import type { SimulatedProcess } from './process'

/** The process that a task function runs in. */
export class SimulatedHost {
  private readonly process: SimulatedProcess
  private readonly history: History

  constructor(process: SimulatedProcess, history: History) {
    this.process = process
    this.history = history
  }

  /** Wall clock, in milliseconds since the epoch. It may be off. */
  now(): number {
    return this.process.now()
  }

  /** A number in [0, 1), drawn from the seed. */
  random(): number {
    return this.process.random()
  }

  /** Resolves after a while, in milliseconds, or when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const end = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.process.setTimer(ms, end)
      signal?.addEventListener('abort', end, { once: true })
    })
  }

  /** Kills the process, as running out of memory does: nothing of it happens any more. */
  die(reason: string): Promise<never> {
    this.process.kill(reason)
    return new Promise<never>(() => {
      // A dead process does nothing.
    })
  }

  /** @internal A run of a program's function began. */
  runStarted(context: TaskRunContext, input: string): { ended: (end: RunEnd) => void } {
    return this.history.runStarted(this.process, context, input)
  }

  /** @internal How often this execution was run in all, this time included. */
  countRun(executionId: string): number {
    return this.history.countRuns(executionId)
  }
}
