/** What must hold when a journey is over, whatever it was: checked on every row, and on what the storage said it recorded. */
import { isFinished, type ExecutionRecord } from 'durable-execution'

import { findViolations } from '../invariants'
import type { Journal } from './journal'

/**
 * Answers a sentence for each thing that must never be: an execution that has not finished or is gone, a result that was recorded
 * twice or replaced, a claim that two executors got, a parent that ended before its children or not with its finalize.
 */
export function findJourneyViolations(
  records: readonly ExecutionRecord[],
  journal: Journal,
): string[] {
  const byId = new Map(records.map((record) => [record.executionId, record]))
  const gone = [...journal.executionIds].filter((executionId) => !byId.has(executionId))
  return [
    ...findViolations(records),
    ...gone.map((executionId) => `${executionId} was stored and is gone`),
    ...journal.doubleClaims.map((claim) => `${claim} was given to two executors`),
    ...records.flatMap((record) =>
      endViolations(record, journal).map(
        (violation) => `${record.executionId} of ${record.taskId} (${record.status}) ${violation}`,
      ),
    ),
    ...familyViolations(records, byId),
  ]
}

function endViolations(record: ExecutionRecord, journal: Journal): string[] {
  const { status, output, error, sleepingKey } = record
  if (!isFinished(status)) return ['has not finished']
  const ends = journal.endsOf(record.executionId)
  const [end] = ends
  if (ends.length > 1) return [`was ended ${ends.length} times`]
  if (end === undefined) {
    // Cancels end executions without a settlement, and so do wakes of sleeping ones and a taken sleeping key.
    const mayBe = status === 'cancelled' || sleepingKey !== null
    return mayBe ? [] : ['was ended by no settlement']
  }
  const isSame =
    end.status === status && end.output === output && end.errorMessage === (error?.message ?? null)
  return isSame ? [] : [`was ended as ${end.status}, and then changed`]
}

function familyViolations(
  records: readonly ExecutionRecord[],
  byId: ReadonlyMap<string, ExecutionRecord>,
): string[] {
  const families = new Map<string, ExecutionRecord[]>()
  for (const record of records) {
    if (record.parent === null) continue
    const family = families.get(record.parent.executionId)
    if (family) family.push(record)
    else families.set(record.parent.executionId, [record])
  }
  return [...families].flatMap(([parentId, family]) => {
    const parent = byId.get(parentId)
    if (!parent) return []
    return violationsOfFamily(parent, family).map(
      (violation) => `${parentId} of ${parent.taskId} (${parent.status}) ${violation}`,
    )
  })
}

function violationsOfFamily(
  parent: ExecutionRecord,
  family: readonly ExecutionRecord[],
): readonly string[] {
  const finalizes = family.filter((record) => record.parent?.isFinalize === true)
  const children = family.filter((record) => record.parent?.isFinalize === false)
  const [finalize] = finalizes
  const indexes = children.map((child) => child.parent?.indexInParent ?? -1)
  const isFinalized = parent.status === 'completed' && finalize !== undefined
  return [
    ...when(finalizes.length > 1, `has ${finalizes.length} finalizes`),
    ...when(new Set(indexes).size <= largest(indexes), 'has children missing'),
    ...when((finalize?.createdAt ?? Infinity) < lastEnd(children), 'was finalized too early'),
    ...when((parent.finishedAt ?? Infinity) < lastEnd(family), 'ended before its family'),
    ...when(
      isFinalized && parent.output !== finalize?.output,
      'has not the output of its finalize',
    ),
  ]
}

function lastEnd(records: readonly ExecutionRecord[]): number {
  return largest(records.map(({ finishedAt }) => finishedAt ?? Infinity))
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity)
}

/** A sentence where `isBroken`, else nothing. */
function when(isBroken: boolean, violation: string): string[] {
  return isBroken ? [violation] : []
}
