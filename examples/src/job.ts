/** The job of the demo: what it is enqueued as, and how far it is. */
import { ALL_TASK_EXECUTION_STATUSES, FINISHED_TASK_EXECUTION_STATUSES } from 'durable-execution'

import type { StatusCount } from './database'

/** An id of our own makes the enqueue idempotent: to enqueue again is to find the job that is there already. */
export const JOB_ID = 'demo'

/** Statuses that don't change any more. */
export const FINISHED: ReadonlySet<string> = new Set(FINISHED_TASK_EXECUTION_STATUSES)

/** How many files are done, one way or the other. */
export function countDoneFiles(counts: readonly StatusCount[]): number {
  return counts
    .filter(({ taskId, status }) => taskId === 'index_file' && FINISHED.has(status))
    .reduce((sum, { executions }) => sum + executions, 0)
}

/** How many executions have each status, for the statuses that some have. */
export function sumByStatus(
  counts: readonly StatusCount[],
): [status: string, executions: number][] {
  return ALL_TASK_EXECUTION_STATUSES.map((status): [string, number] => [
    status,
    counts
      .filter((row) => row.status === status)
      .reduce((sum, { executions }) => sum + executions, 0),
  ]).filter(([, executions]) => executions > 0)
}
