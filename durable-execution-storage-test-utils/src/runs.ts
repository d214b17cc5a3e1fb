/** What must hold of the runs of task functions and the rows they left: each function ran, none twice at once, each result once. */
import { isWaiting, type ExecutionRecord } from 'durable-execution'

/** One run of a task function, as the function itself has noted it. */
export interface NotedRun {
  readonly executionId: string
  /** On one clock for all runs, in milliseconds. */
  readonly startedAt: number
  /** `null`: it has not ended, or its process was killed. */
  readonly endedAt: number | null
  /** Whether the function returned, rather than threw. */
  readonly hasReturned: boolean
}

/** What is known of a workload that is over. */
export interface Workload {
  /** Every row of the table. */
  readonly records: readonly ExecutionRecord[]
  /** The executions whose enqueue answered. */
  readonly enqueuedIds: Iterable<string>
  readonly runs: readonly NotedRun[]
}

/**
 * Answers a sentence for each thing that must never be after a workload in which no executor was killed: an empty list if all is
 * well. What rows must be by themselves says `findViolations`.
 *
 * @example
 * const violations = [...findViolations(records), ...findRunViolations({ records, enqueuedIds, runs })]
 */
export function findRunViolations({ records, enqueuedIds, runs }: Workload): string[] {
  const rows = new Map(records.map((record) => [record.executionId, record]))
  const lost = [...new Set(enqueuedIds)].filter((executionId) => !rows.has(executionId))
  return [
    ...lost.map((executionId) => `${executionId} was enqueued, and is not there`),
    ...[...runsById(runs)].flatMap(([executionId, own]) => [
      ...overlaps(executionId, own),
      ...resultViolations(rows.get(executionId), executionId, own),
    ]),
  ]
}

function runsById(runs: readonly NotedRun[]): Map<string, NotedRun[]> {
  const byId = new Map<string, NotedRun[]>()
  for (const run of runs) {
    const own = byId.get(run.executionId)
    if (own) own.push(run)
    else byId.set(run.executionId, [run])
  }
  return byId
}

function overlaps(executionId: string, runs: readonly NotedRun[]): string[] {
  const sorted = [...runs].sort((a, b) => a.startedAt - b.startedAt)
  return sorted.flatMap((run, place) => {
    const before = sorted[place - 1]
    const isOverlap = before && (before.endedAt === null || before.endedAt > run.startedAt)
    return isOverlap ? [`${executionId} ran twice at once`] : []
  })
}

function resultViolations(
  row: ExecutionRecord | undefined,
  executionId: string,
  runs: readonly NotedRun[],
): string[] {
  if (!row) return [`${executionId} ran, and is not there`]
  const returned = runs.filter(({ hasReturned }) => hasReturned).length
  const hasResult = row.status === 'completed' || isWaiting(row.status)
  return [
    ...(returned > 1 ? [`${executionId} returned ${returned} times`] : []),
    ...(hasResult && returned === 0 ? [`${executionId} is ${row.status}, and never returned`] : []),
    ...(runs.length > row.claimCount
      ? [`${executionId} ran ${runs.length} times, and was claimed ${row.claimCount} times`]
      : []),
  ]
}
