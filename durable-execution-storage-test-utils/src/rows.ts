/** Reading and comparing whole rows. */
import type { ExecutionRecord, NewExecution, Settlement } from 'durable-execution'

import { plain } from './lib/same'
import type { StorageUnderTest } from './storage-under-test'

const RECORD_FIELDS = [
  'executionId',
  'taskId',
  'queue',
  'root',
  'parent',
  'retryOptions',
  'sleepMsBeforeRun',
  'timeoutMs',
  'input',
  'status',
  'runOutput',
  'output',
  'error',
  'attempt',
  'takeovers',
  'claimCount',
  'executorId',
  'claimAt',
  'startAt',
  'startedAt',
  'finishedAt',
  'activeChildrenCount',
  'sleepingKey',
  'createdAt',
  'updatedAt',
] as const satisfies readonly (keyof ExecutionRecord)[]

/** The fields of a record and nothing else a storage may have put beside them. */
export function fieldsOf(record: ExecutionRecord): Readonly<Record<string, unknown>> {
  return Object.fromEntries(RECORD_FIELDS.map((field) => [field, plain(record[field])]))
}

/** Records as {@link fieldsOf} gives them, ordered by id: for answers whose order is not promised. */
export function unordered(
  records: readonly ExecutionRecord[],
): readonly Readonly<Record<string, unknown>>[] {
  return [...records].sort(byId).map(fieldsOf)
}

/** Orders records by id. */
function byId(a: ExecutionRecord, b: ExecutionRecord): number {
  return a.executionId < b.executionId ? -1 : 1
}

/** The ids of records, ordered. */
export function idsOf(records: readonly ExecutionRecord[]): string[] {
  return records.map(({ executionId }) => executionId).sort()
}

/** How many ids one `get` asks for. */
const READ_SIZE = 500

/** Reads all rows of a storage, or those with known ids if it has no `dump`; ordered by id. */
export async function readRows(
  { storage, dump }: StorageUnderTest,
  knownIds: Iterable<string>,
): Promise<ExecutionRecord[]> {
  if (dump) return [...(await dump())].sort(byId)
  const executionIds = [...knownIds]
  const rows: ExecutionRecord[] = []
  for (let start = 0; start < executionIds.length; start += READ_SIZE) {
    const page = executionIds.slice(start, start + READ_SIZE)
    const { records } = await storage.get({ executionIds: page })
    rows.push(...records.filter((record) => record !== null))
  }
  return rows.sort(byId)
}

/** The ids of executions that an insert asks for. */
export function insertedIds(executions: readonly NewExecution[]): string[] {
  return executions.map(({ executionId }) => executionId)
}

/** The ids of executions that settlements ask to insert. */
export function settledInsertionIds(settlements: readonly Settlement[]): string[] {
  return settlements.flatMap(({ insertions }) => insertedIds(insertions))
}
