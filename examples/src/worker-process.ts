/** The worker process, as the demo sees it. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import type { StateFolder } from './state'

export class WorkerProcess {
  readonly name: string
  private readonly child: ChildProcess
  private readonly ended: Promise<unknown>

  /** Starts a process with the options of this one: they let Node read TypeScript. */
  constructor(name: string, state: StateFolder) {
    this.name = name
    this.child = fork(join(import.meta.dirname, 'worker.ts'), [name, state.path])
    this.ended = once(this.child, 'close')
    // A process that can't be started is seen by `assertAlive`.
    this.ended.catch(() => undefined)
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /** @throws If the worker ended without being told to. */
  assertAlive(): void {
    const { exitCode, signalCode } = this.child
    if (this.child.pid !== undefined && exitCode === null && signalCode === null) return
    throw new Error(
      `${this.name} ended by itself (${signalCode ?? `exit code ${exitCode ?? 'unknown'}`}): what it printed above says why`,
    )
  }

  /** Ends the process at once: nothing in it learns of it. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }

  /** Tells the process to end in good order, and waits for it. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    await this.ended
  }
}
