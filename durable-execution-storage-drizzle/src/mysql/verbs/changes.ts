/** Writing the changes that transitions decided. */
import { changeValues } from '../../change'
import type { SqlValue } from '../../row'
import type { RowChange } from '../../settling'
import { writeRows } from '../lists'
import type { Connection } from '../session'
import type { Statements } from '../statements'

/** Writes changes of rows that are locked, and whose guards were checked. */
export async function writeChanges(
  connection: Connection,
  statements: Statements,
  changes: readonly RowChange[],
  now: number,
): Promise<void> {
  const rows = changes.map((change) => valuesOf(change, now))
  await writeRows(connection, statements.change, rows)
}

/** In the order of `CHANGED`, and the id. */
function valuesOf(
  { executionId, change, activeChildrenCount }: RowChange,
  now: number,
): SqlValue[] {
  return [...changeValues(change, { now, activeChildrenCount }), now, executionId]
}
