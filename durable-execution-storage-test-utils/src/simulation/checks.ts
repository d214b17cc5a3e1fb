/** What rows and books of a simulation must tell when it is over. */
import { isFinished, type ExecutionRecord } from 'durable-execution'

import { findViolations } from '../invariants'
import type { History, Run } from './history'
import type { Plan } from './plan'
import { nodesOf } from './program'
import type { World } from './world'

/** How many takeovers make an execution a suspect. */
const SUSPECT = 2

/** Checks all that is not decided by the work. */
export function checkGuarantees(rows: readonly ExecutionRecord[], world: World): void {
  const { history, plan } = world
  for (const violation of findViolations(rows)) history.violated('G4', violation)
  for (const row of rows) {
    if (!isFinished(row.status)) {
      history.violated('progress', `${row.taskId} ${row.executionId} is ${row.status}`)
    }
  }
  checkFamilies(rows, history)
  checkRunsApart(history)
  checkKeptResults(history)
  checkNeighbours(rows, history, plan)
}

/** G4, G5: nothing is under a parent that ended before it; a finalize comes after all children. */
function checkFamilies(rows: readonly ExecutionRecord[], history: History): void {
  const byId = new Map(rows.map((row) => [row.executionId, row]))
  for (const row of rows) {
    const parent = row.parent && byId.get(row.parent.executionId)
    if (!row.parent || !parent) continue
    const what = `${row.taskId} ${row.executionId}`
    if ((parent.finishedAt ?? Infinity) < (row.finishedAt ?? 0)) {
      history.violated(
        parent.status === 'cancelled' ? 'G5' : 'G4',
        `${what} ended after its parent`,
      )
    }
    if (!row.parent.isFinalize) continue
    const late = rows.find(
      (other) =>
        other.parent?.executionId === parent.executionId &&
        !other.parent.isFinalize &&
        (other.finishedAt ?? Infinity) > row.createdAt,
    )
    if (late) {
      history.violated('G4', `${what} was made before ${late.taskId} ${late.executionId} ended`)
    }
  }
}

/** G2: one process does not run an execution twice at once. G7: suspects run one at a time in a process. */
function checkRunsApart(history: History): void {
  const byProcess = new Map<Run['process'], Run[]>()
  for (const run of history.runs) {
    const before = byProcess.get(run.process) ?? []
    for (const other of before.filter((candidate) => overlaps(candidate, run))) {
      const names = `${run.process.name} ran ${run.taskId} ${run.executionId}`
      if (other.executionId === run.executionId) history.violated('G2', `${names} twice at once`)
      else if (isSuspect(other) && isSuspect(run)) {
        history.violated(
          'G7',
          `${names} beside ${other.taskId} ${other.executionId}: both are suspects`,
        )
      }
    }
    before.push(run)
    byProcess.set(run.process, before)
  }
}

/** Whether the earlier run went on, under its claim, when the later began. */
function overlaps(earlier: Run, later: Run): boolean {
  if (earlier.end === 'gave up' || earlier.signal.aborted) return false
  return earlier.endedAt === null ? earlier.process.isAlive : earlier.endedAt > later.startedAt
}

function isSuspect({ row }: Run): boolean {
  return (row?.takeovers ?? 0) >= SUSPECT
}

/** G6: what a function came to is kept until it is stored: it is run again only if its claim was taken over, or its process ended. */
function checkKeptResults(history: History): void {
  const byExecution = new Map<string, Run[]>()
  for (const run of history.runs) {
    const before = byExecution.get(run.executionId) ?? []
    for (const earlier of before) {
      if (earlier.attempt === run.attempt) checkKept(history, earlier, run)
    }
    before.push(run)
    byExecution.set(run.executionId, before)
  }
}

function checkKept(history: History, earlier: Run, run: Run): void {
  const { process, executionId, endedAt } = earlier
  const book = history.books.get(process)
  if (endedAt === null || earlier.wasAborted || earlier.end === 'gave up') return
  if (!process.isAlive || book?.isShuttingDown !== false) return
  // A process that was stopped may begin late, under a claim that it has lost: what it comes to is not recorded.
  if (run.row?.executorId !== history.books.get(run.process)?.executorId) return
  const isTaken = history.takeovers.some(
    (takeover) =>
      takeover.executionId === executionId &&
      takeover.from === book.executorId &&
      takeover.to !== book.executorId,
  )
  if (isTaken) return
  history.violated(
    'G6',
    `${executionId} was run again by ${run.process.name} though ${process.name} had its result`,
  )
}

/** G7: what runs beside the one task that kills does not fail with it. */
function checkNeighbours(rows: readonly ExecutionRecord[], history: History, plan: Plan): void {
  if (!isQuiet(plan)) return
  const killers = plan.programs
    .flatMap(({ root }) => nodesOf(root))
    .filter((node) => 'work' in node && node.work.kills > 0)
  if (killers.length > 1) return
  for (const row of rows) {
    if (row.error?.code !== 'too_many_takeovers' || row.taskId === killers[0]?.id) continue
    // A parent has the error of its finalize, a chain that of its last step.
    if (row.status === 'finalize_failed' && row.takeovers < SUSPECT) continue
    history.violated('G7', `${row.taskId} ${row.executionId} failed with its neighbour`)
  }
}

/** Whether nothing goes wrong but what tasks do themselves. */
function isQuiet({ faults, members }: Plan): boolean {
  return (
    faults.every(({ kind }) => kind === 'cancel') &&
    members.every(
      ({ noise }) =>
        noise.slowChance + noise.errorChance + noise.lostAnswerChance + noise.lostRequestChance ===
        0,
    )
  )
}
