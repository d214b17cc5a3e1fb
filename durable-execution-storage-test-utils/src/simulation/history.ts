/** The books of a simulation: rows as they were last seen, runs of functions, what disturbed whom, and what is wrong. */
import { isFinished, type ExecutionRecord, type TaskRunContext } from 'durable-execution'

import type { SimulatedProcess } from './process'

/** What the guarantees are called, and that the run goes on. */
export type Guarantee =
  'G1' | 'G2' | 'G3' | 'G4' | 'G5' | 'G6' | 'G7' | 'G8' | 'G9' | 'progress' | 'result'

/** Something that must never be. */
export interface Violation {
  readonly guarantee: Guarantee
  readonly text: string
  /** When it was seen, in milliseconds of virtual time. */
  readonly atMs: number
}

/** How a run of a program's function ended. `gave up`: its signal told it to, or it overran. */
export type RunEnd = 'returned' | 'threw' | 'gave up'

/** One run of a program's function. */
export interface Run {
  readonly executionId: string
  readonly taskId: string
  readonly attempt: number
  readonly input: string
  readonly process: SimulatedProcess
  /** The row when it began. */
  readonly row: ExecutionRecord | undefined
  readonly startedAt: number
  readonly signal: AbortSignal
  endedAt: number | null
  end: RunEnd | null
  /** Whether its signal had fired when it ended. */
  wasAborted: boolean
}

/** A claim that was taken over. */
export interface Takeover {
  readonly executionId: string
  readonly from: string
  readonly to: string
  readonly atMs: number
}

/** What is known of a process. */
export interface ProcessBook {
  readonly process: SimulatedProcess
  readonly startedAt: number
  /** Until when something that is its own was wrong: it was stopped, its calls were lost or slow. In virtual time. */
  disturbedUntil: number
  isShuttingDown: boolean
  executorId: string | null
}

/** Books. */
export class History {
  readonly rows = new Map<string, ExecutionRecord>()
  readonly activeIds = new Set<string>()
  readonly violations: Violation[] = []
  readonly runs: Run[] = []
  readonly takeovers: Takeover[] = []
  readonly books = new Map<SimulatedProcess, ProcessBook>()
  readonly ownersById = new Map<string, ProcessBook>()
  /** Targets of cancels that were done. */
  readonly cancelledIds = new Set<string>()
  /** Writes a line of the trace; `null` where nobody reads it. */
  readonly trace: ((line: string) => void) | null
  readonly now: () => number
  private readonly runCounts = new Map<string, number>()

  constructor(now: () => number, trace: ((line: string) => void) | null) {
    this.now = now
    this.trace = trace
  }

  violated(guarantee: Guarantee, text: string): void {
    this.violations.push({ guarantee, text, atMs: this.now() })
    this.trace?.(`VIOLATION ${guarantee}: ${text}`)
  }

  processStarted(process: SimulatedProcess): ProcessBook {
    const book: ProcessBook = {
      process,
      startedAt: this.now(),
      disturbedUntil: -Infinity,
      isShuttingDown: false,
      executorId: null,
    }
    this.books.set(process, book)
    return book
  }

  disturbed(process: SimulatedProcess, untilMs: number): void {
    const book = this.books.get(process)
    if (book) book.disturbedUntil = Math.max(book.disturbedUntil, untilMs)
  }

  /** The claimant of a call is the process that makes it. */
  identified(process: SimulatedProcess, executorId: string): void {
    const book = this.books.get(process)
    if (!book || book.executorId !== null) return
    book.executorId = executorId
    this.ownersById.set(executorId, book)
  }

  /** Who an executor's id belongs to, for people. */
  nameOf(executorId: string | null): string {
    if (executorId === null) return 'nobody'
    return this.ownersById.get(executorId)?.process.name ?? executorId
  }

  /** A row as it is now. */
  saw(row: ExecutionRecord, by: string): void {
    const before = this.rows.get(row.executionId)
    if (before === row) return
    this.rows.set(row.executionId, row)
    if (isFinished(row.status)) this.activeIds.delete(row.executionId)
    else this.activeIds.add(row.executionId)
    if (before && isFinished(before.status)) {
      this.violated('G2', `${by} changed ${nameRow(before)} though it had finished`)
    }
    if (before && row.claimCount < before.claimCount) {
      this.violated('G2', `${by} brought the claim count of ${nameRow(before)} down`)
    }
  }

  runStarted(
    process: SimulatedProcess,
    context: TaskRunContext,
    input: string,
  ): { ended: (end: RunEnd) => void } {
    const { executionId, taskId, attempt, cancelSignal } = context
    const run: Run = {
      executionId,
      taskId,
      attempt,
      input,
      process,
      row: this.rows.get(executionId),
      startedAt: this.now(),
      signal: cancelSignal,
      endedAt: null,
      end: null,
      wasAborted: false,
    }
    this.runs.push(run)
    this.runCounts.set(executionId, this.countRuns(executionId) + 1)
    this.trace?.(`${process.name} runs ${taskId} ${executionId} (attempt ${attempt})`)
    return {
      ended: (end) => {
        run.endedAt = this.now()
        run.end = end
        run.wasAborted = cancelSignal.aborted
        this.trace?.(`${process.name} ${taskId} ${executionId} ${end}`)
      },
    }
  }

  /** How often this execution was run. */
  countRuns(executionId: string): number {
    return this.runCounts.get(executionId) ?? 0
  }
}

/** A row in a few words. */
export function nameRow({ executionId, taskId, status, claimCount }: ExecutionRecord): string {
  return `${taskId} ${executionId} (${status}, claim ${claimCount})`
}
