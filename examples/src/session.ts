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
  readonly isFinished: () => boolean
  /** Aborted when the user has had enough. */
  readonly signal: AbortSignal
}

export interface SessionFacts {
  /** The starts of earlier sessions on the same state. */
  readonly startsBefore: readonly Start[]
  readonly starts: readonly Start[]
  /** What earlier sessions left under way. */
  readonly begin: Interruption
  /** What was under way at the kill; `null` where there was none. */
  readonly kill: Interruption | null
}

export class Session {
  private readonly options: SessionOptions
  private readonly progress: ProgressBar
  /** The worker that was killed and whose work is not taken over yet. */
  private dead: { readonly worker: WorkerProcess; readonly kill: Interruption } | null = null

  constructor(options: SessionOptions) {
    this.options = options
    this.progress = new ProgressBar(options.fileCount)
  }

  /** Has workers do the job to its end, and kills one half-way if that is wanted. */
  async run(isKillWanted: boolean): Promise<SessionFacts> {
    const startsBefore = this.readStarts()
    const begin = await this.findInterruption()
    const first = this.startWorker('worker-1', `runs ${CONCURRENT_TASKS} tasks at once`)
    const kill = isKillWanted ? await this.killHalfway(first) : null
    const last = kill ? this.startWorker('worker-2', 'on the same database') : first
    await this.watch(last, Infinity)
    await last.stop()
    return { startsBefore, starts: this.readStarts().slice(startsBefore.length), begin, kill }
  }

  private startWorker(name: string, note: string): WorkerProcess {
    const worker = new WorkerProcess(name, this.options.state)
    say(`${bold(name)} started ${dim(`(process ${worker.pid ?? 'unknown'}, ${note})`)}`)
    return worker
  }

  /** Answers what was under way; `null` if nothing was left to kill the worker for. */
  private async killHalfway(worker: WorkerProcess): Promise<Interruption | null> {
    const { database, fileCount, isFinished } = this.options
    const doneBefore = countDoneFiles(await database.countByStatus())
    const half = doneBefore + (fileCount - doneBefore) / 2
    await this.watch(worker, half)
    if (isFinished()) {
      say('All was done before the worker could be killed: give it a folder with more files.')
      return null
    }
    await worker.kill()
    const kill = await this.findInterruption()
    this.dead = { worker, kill }
    sayKill(worker.name, kill)
    return kill
  }

  /** To be called while no worker is alive. */
  private async findInterruption(): Promise<Interruption> {
    const at = Date.now()
    return findInterruption(at, await this.options.database.findPending(), this.readStarts())
  }

  private readStarts(): Start[] {
    return readStarts(this.options.state.startLog)
  }

  /** Shows the progress until so many files are done, or the job has finished. Where it cannot go on, it ends the worker. */
  private async watch(worker: WorkerProcess, enough: number): Promise<void> {
    const { database, isFinished, signal } = this.options
    try {
      for (;;) {
        worker.assertAlive()
        // Asked before the look, so that the last look shows the end.
        const isLastLook = isFinished()
        const doneFiles = countDoneFiles(await database.countByStatus())
        this.progress.show(doneFiles, await this.noteOfTheDead())
        if (isLastLook || doneFiles >= enough) break
        await sleep(LOOK_MS, undefined, { signal })
      }
    } catch (error) {
      await worker.stop()
      throw error
    } finally {
      this.progress.rest()
    }
  }

  /** What the progress says of the killed worker, until all of its work was taken over. */
  private async noteOfTheDead(): Promise<string> {
    if (this.dead === null) return ''
    const { worker, kill } = this.dead
    const held = await this.options.database.countClaimedBy(worker.name)
    if (held > 0) return `, ${held} held by dead ${worker.name}`
    this.dead = null
    this.progress.rest()
    sayTakeovers(worker.name, kill, this.readStarts())
    return ''
  }
}

function sayKill(name: string, { heldIds, runsInFlight }: Interruption): void {
  say()
  say(
    `${red(bold('SIGKILL'))} to ${name}, half-way: it could neither finish nor hand back its work.`,
  )
  say(
    `Claimed in its name until the lease of ${seconds(LEASE_MS)} ends: ${plural(heldIds.size, 'execution')}, of which ${runsInFlight.size} had begun.`,
  )
  say()
}

function sayTakeovers(name: string, kill: Interruption, starts: readonly Start[]): void {
  // Not all of them have begun yet: a worker claims a little ahead.
  const { count, firstMs } = findTakeovers(kill, starts)
  if (count === 0) return
  say(
    `${bold('Taken over')} from ${name}: ${plural(kill.heldIds.size, 'execution')}, the first began ${seconds(firstMs)} after the kill`,
  )
}
