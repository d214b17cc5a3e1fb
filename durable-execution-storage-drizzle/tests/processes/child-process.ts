/** Starts processes from TypeScript files without a build, and ends those that a test left behind. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { isFinished, type ExecutorEvent, type ExecutorEventType } from 'durable-execution'

import type { WorkerSettings } from './worker'

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const NODE_ARGUMENTS = [
  '--conditions=@durable-execution/source',
  '--import',
  import.meta.resolve('tsx'),
]

const running = new Set<TestProcess>()

/** A process that runs one of the files beside this one. */
export class TestProcess {
  readonly exited: Promise<Exit>
  private readonly child: ChildProcess
  private outputText = ''
  private errorText = ''

  constructor(fileName: string, args: readonly string[]) {
    const file = fileURLToPath(new URL(fileName, import.meta.url))
    this.child = spawn(process.execPath, [...NODE_ARGUMENTS, file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(this)
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.outputText += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errorText += text
    })
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      // After the last of its output.
      this.child.once('close', (code, signal) => {
        running.delete(this)
        resolve({ code, signal })
      })
    })
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** What it wrote to standard output. */
  get output(): string {
    return this.outputText
  }

  /** What it wrote to standard error: warnings of Node among it. */
  get errors(): string {
    return this.errorText
  }

  /** Sends a signal to this very process. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
}

/** A process that runs an executor. */
export class Worker extends TestProcess {
  readonly name: string

  constructor(settings: WorkerSettings) {
    super('./worker.ts', [JSON.stringify(settings)])
    this.name = settings.name
  }

  /** How many events of a type it has told. */
  count(type: ExecutorEventType): number {
    return this.events().filter((event) => event.type === type).length
  }

  /** The executions whose end it said it had stored. */
  endedExecutionIds(): string[] {
    return this.events().flatMap((event) => {
      const isEnd = event.type === 'execution_settled' && isFinished(event.status)
      return isEnd ? event.executionId : []
    })
  }

  private events(): ExecutorEvent[] {
    const lines = this.output.split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as ExecutorEvent)
  }
}

/** Ends the processes that are still there, also those that were stopped. */
export async function killAll(): Promise<void> {
  const left = [...running]
  for (const process of left) process.signal('SIGKILL')
  await Promise.all(left.map(({ exited }) => exited))
}
