/**
 * The witness of the demo, apart from the library and its database: every task function appends one line to this file before it
 * does anything else. What ran twice is here twice.
 */
import { appendFileSync, readFileSync } from 'node:fs'

import type { TaskRunContext } from 'durable-execution'

/** One start of a task function. */
export interface Start {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly worker: string
  readonly taskId: string
  readonly executionId: string
  readonly attempt: number
}

/** Appends at once, so that the line outlives a SIGKILL in the next moment. */
export function logStart(file: string, worker: string, context: TaskRunContext): void {
  const { taskId, executionId, attempt } = context
  const start: Start = { at: Date.now(), worker, taskId, executionId, attempt }
  appendFileSync(file, `${JSON.stringify(start)}\n`)
}

/** All starts so far, in order. */
export function readStarts(file: string): Start[] {
  const lines = readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Start)
}

/** A run is an attempt of an execution: a retry is another run, and meant. */
export function runOf({ executionId, attempt }: Pick<Start, 'executionId' | 'attempt'>): string {
  return `${executionId} #${attempt}`
}
