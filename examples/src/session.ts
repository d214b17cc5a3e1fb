/** One session of the demo: starts workers, watches them, kills one, and keeps what the report needs. */
import { setTimeout as sleep } from 'node:timers/promises'

import type { DemoDatabase } from './database'
import { plural, seconds } from './format'
import { findInterruption, findTakeovers, type Interruption } from './interruption'
import { countDoneFiles } from './job'
import { bold, dim, ProgressBar, red, say } from './screen'
import { CONCURRENT_TASKS, LEASE_MS } from './settings'
import { readStarts, type Start } from './start-log'
import type { StateFolder } from './state'
import { WorkerProcess } from './worker-process'

/** How often the demo looks at the database. */
const LOOK_MS = 50

export interface SessionOptions {
  readonly state: StateFolder
  readonly database: DemoDatabase
  readonly fileCount: number
  /** Whether the job has finished. */
  readonly isFinished: () => boolean
  /** Aborted when the user has had enough. */
  readonly signal: AbortSignal
}

export class Session {
  /** The starts of earlier sessions on the same state. */
  readonly startsBefore: readonly Start[]
  /** What was under way when this session began, and when it killed a worker. */
  readonly interruptions: Interruption[] = []
  private readonly options: SessionOptions
  private readonly progress: ProgressBar
  private killedWorker: WorkerProcess | null = null

  constructor(options: SessionOptions) {
    this.options = options
    this.progress = new ProgressBar(options.fileCount)
    this.startsBefore = readStarts(options.state.startLog)
  }

  /** The starts of this session. */
  starts(): Start[] {
    return readStarts(this.options.state.startLog).slice(this.startsBefore.length)
  }

  /** Has workers do the job, to its end. */
  async run(kill: boolean): Promise<void> {
    await this.noteInterruption()
    const first = this.startWorker('worker-1', `${CONCURRENT_TASKS} tasks at once`)
    const isKilled = kill && (await this.killHalfway(first))
    const last = isKilled ? this.startWorker('worker-2', 'on the same database') : first
    try {
      await this.watch(last, () => this.options.isFinished())
    } finally {
      await last.stop()
    }
  }

  private startWorker(name: string, note: string): WorkerProcess {
    const worker = new WorkerProcess(name, this.options.state)
    say(`${bold(name)} started ${dim(`(process ${worker.pid ?? 'unknown'}, ${note})`)}`)
    return worker
  }

  /** Answers whether there was something left to kill the worker for. */
  private async killHalfway(worker: WorkerProcess): Promise<boolean> {
    const { database, fileCount, isFinished } = this.options
    const doneBefore = countDoneFiles(await database.countByStatus())
    const half = doneBefore + (fileCount - doneBefore) / 2
    try {
      await this.watch(worker, (doneFiles) => doneFiles >= half || isFinished())
    } catch (error) {
      await worker.stop()
      throw error
    }
    if (isFinished()) {
      say('All was done before the worker could be killed: give a folder with more files.')
      return false
    }
    await worker.kill()
    this.killedWorker = worker
    const { heldIds, runsInFlight } = await this.noteInterruption()
    say()
    say(`${red(bold('SIGKILL'))}  ${worker.name} is dead. It could neither finish nor hand back its work.`)
    say(
      `${plural(heldIds.size, 'execution')} still claimed in its name (${plural(runsInFlight.size, 'function')} had begun),` +
        ` until the lease of ${seconds(LEASE_MS)} ends.`,
    )
    say()
    return true
  }

  /** To be called while no worker is alive. */
  private async noteInterruption(): Promise<Interruption> {
    const { database, state } = this.options
    const at = Date.now()
    const pending = await database.findPending()
    const interruption = findInterruption(at, pending, readStarts(state.startLog))
    this.interruptions.push(interruption)
    return interruption
  }

  /** Shows the progress until it is enough. */
  private async watch(
    worker: WorkerProcess,
    isEnough: (doneFiles: number) => boolean,
  ): Promise<void> {
    const { database, signal } = this.options
    try {
      for (;;) {
        worker.assertAlive()
        const doneFiles = countDoneFiles(await database.countByStatus())
        this.progress.show(doneFiles, await this.noteOfTheDead())
        if (isEnough(doneFiles)) return
        await sleep(LOOK_MS, undefined, { signal })
      }
    } finally {
      this.progress.rest()
    }
  }

  private async noteOfTheDead(): Promise<string> {
    if (this.killedWorker === null) return ''
    const { name } = this.killedWorker
    const held = await this.options.database.countClaimedBy(name)
    if (held > 0) return dim(`, ${held} still in the name of ${name}`)
    this.killedWorker = null
    this.progress.rest()
    this.sayTakeovers(name)
    return ''
  }

  private sayTakeovers(deadName: string): void {
    const interruption = this.interruptions.at(-1)
    if (!interruption || interruption.heldIds.size === 0) return
    const { count, firstMs, lastMs } = findTakeovers(interruption, this.starts())
    say(
      `Taken over from ${deadName}: ${plural(count, 'execution')}, ${seconds(firstMs)} to ${seconds(lastMs)} after the kill.`,
    )
  }
}
