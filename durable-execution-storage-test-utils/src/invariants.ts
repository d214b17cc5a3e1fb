/** What must hold of all rows together after every call, whatever the order of calls was. */
import { isFinished, isWaiting, type ExecutionRecord } from 'durable-execution'

/** The rows with the look-ups that the checks need. */
interface Tables {
  readonly byId: ReadonlyMap<string, ExecutionRecord>
  readonly activeChildren: ReadonlyMap<string, readonly ExecutionRecord[]>
}

/**
 * Answers a sentence for each thing that must never be: an empty list if all is well.
 *
 * @param records - All rows of a storage, or at least whole trees.
 */
export function findViolations(records: readonly ExecutionRecord[]): string[] {
  const tables = tablesOf(records)
  const ofRows = records.flatMap((record) =>
    [...stateViolations(record), ...timeViolations(record), ...treeViolations(record, tables)].map(
      (violation) => `${record.executionId} (${record.status}) ${violation}`,
    ),
  )
  return [...ofRows, ...uniquenessViolations(records)]
}

function tablesOf(records: readonly ExecutionRecord[]): Tables {
  const activeChildren = new Map<string, ExecutionRecord[]>()
  for (const record of records) {
    const { parent, status } = record
    if (parent === null || isFinished(status)) continue
    const siblings = activeChildren.get(parent.executionId)
    if (siblings) siblings.push(record)
    else activeChildren.set(parent.executionId, [record])
  }
  return { byId: new Map(records.map((record) => [record.executionId, record])), activeChildren }
}

/** A sentence where `isBroken`, else nothing. */
function when(isBroken: boolean, violation: string): string[] {
  return isBroken ? [violation] : []
}

function stateViolations(record: ExecutionRecord): string[] {
  const { status, claimAt, executorId, sleepingKey, claimCount, output, error } = record
  const finished = isFinished(status)
  return [
    ...when(finished && record.finishedAt === null, 'has no finishedAt'),
    ...when(finished && claimAt !== null, 'is finished and has a claimAt'),
    ...when(finished && executorId !== null, 'is finished and held by an executor'),
    ...when(!finished && record.finishedAt !== null, 'is active and has a finishedAt'),
    ...when(status === 'ready' && claimAt === null, 'is never due'),
    ...when(status === 'ready' && executorId !== null, 'is ready and held by an executor'),
    ...when(status === 'running' && claimAt === null, 'is never up for takeover'),
    ...when(
      status === 'running' && executorId === null && sleepingKey === null,
      'has neither an executor nor a sleeping key',
    ),
    ...when(executorId !== null && claimCount < 1, 'is held without ever having been claimed'),
    ...when(executorId !== null && claimAt === null, 'is held without a lease'),
    ...when(output !== null && status !== 'completed', 'has an output'),
    ...when(status === 'completed' && error !== null, 'is completed and has an error'),
    ...when(finished && status !== 'completed' && error === null, 'has no error'),
    ...countViolations(record),
    ...sleepingKeyViolations(record, finished),
  ]
}

function countViolations({ attempt, takeovers, claimCount }: ExecutionRecord): string[] {
  return when(attempt < 0 || takeovers < 0 || claimCount < 0, 'has a count below zero')
}

function sleepingKeyViolations(record: ExecutionRecord, finished: boolean): string[] {
  const { sleepingKey, executionId } = record
  if (sleepingKey === null) return []
  const isGivenUp = sleepingKey.endsWith(`:${executionId}`)
  return [
    ...when(finished && !isGivenUp, 'is finished and has not given up its sleeping key'),
    ...when(!finished && isGivenUp, 'is active and has given up its sleeping key'),
  ]
}

function timeViolations(record: ExecutionRecord): string[] {
  const { createdAt, updatedAt, startAt, startedAt, finishedAt, claimAt } = record
  const times = [createdAt, updatedAt, startAt, startedAt, finishedAt, claimAt]
  const isWhole = times.every((time) => time === null || Number.isSafeInteger(time))
  return [
    ...when(!isWhole, 'has a time that is no whole number of milliseconds'),
    ...when(updatedAt < createdAt, 'was updated before it was created'),
    ...when(finishedAt !== null && finishedAt < createdAt, 'finished before it was created'),
    ...when(startedAt !== null && startedAt < createdAt, 'started before it was created'),
  ]
}

function treeViolations(record: ExecutionRecord, { byId, activeChildren }: Tables): string[] {
  const { status, activeChildrenCount, claimAt, executorId, parent } = record
  const children = activeChildren.get(record.executionId) ?? []
  const active = children.length
  const waiting = isWaiting(status)
  return [
    ...when(
      activeChildrenCount !== (waiting ? active : 0),
      `counts ${activeChildrenCount} active children, and has ${active}`,
    ),
    ...when(waiting && active === 0 && claimAt === null, 'waits for nothing and is never due'),
    ...when(waiting && active > 0 && claimAt !== null, 'is due before its children finished'),
    ...when(waiting && active > 0 && executorId !== null, 'is held before its children finished'),
    ...when(
      status === 'waiting_for_children' && children.some((child) => isFinalize(child)),
      'is being finalized while it waits for its children',
    ),
    ...when(
      status === 'waiting_for_finalize' && !children.every((child) => isFinalize(child)),
      'waits for its finalize while a child is active',
    ),
    ...(parent === null
      ? rootViolations(record)
      : parentViolations(record, byId.get(parent.executionId))),
  ]
}

function isFinalize({ parent }: ExecutionRecord): boolean {
  return parent?.isFinalize === true
}

function rootViolations({ executionId, taskId, root }: ExecutionRecord): string[] {
  const isItself = root.executionId === executionId && root.taskId === taskId
  return when(!isItself, 'has no parent, and another root than itself')
}

function parentViolations(record: ExecutionRecord, parent: ExecutionRecord | undefined): string[] {
  if (!parent) return ['has no row of its parent']
  const sameRoot = record.root.executionId === parent.root.executionId
  const isLeft = !isFinished(record.status) && isFinished(parent.status)
  return [
    ...when(isLeft, `is active under its ${parent.status} parent`),
    ...when(!sameRoot, 'has another root than its parent'),
    ...when(record.parent?.taskId !== parent.taskId, "has not its parent's task id"),
  ]
}

function uniquenessViolations(records: readonly ExecutionRecord[]): string[] {
  const places = records.flatMap(({ parent }) =>
    parent === null ? [] : [`${parent.executionId} ${parent.indexInParent} ${parent.isFinalize}`],
  )
  const sleepingKeys = records.flatMap(({ sleepingKey }) => sleepingKey ?? [])
  return [
    ...repeated(sleepingKeys).map((key) => `sleeping key ${key} is in several rows`),
    ...repeated(places).map((place) => `several children have the place ${place}`),
    ...repeated(records.map(({ executionId }) => executionId)).map((id) => `${id} is there twice`),
  ]
}

function repeated(values: readonly string[]): string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const value of values) {
    if (seen.has(value)) twice.add(value)
    seen.add(value)
  }
  return [...twice]
}
