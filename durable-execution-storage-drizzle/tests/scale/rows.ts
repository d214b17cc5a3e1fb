/**
 * A table as it is after months: most rows finished, many delayed, many ready. `TEST_TABLE_ROWS` says how many are finished;
 * a tenth as many are delayed, and a tenth ready.
 *
 * Every finished tenth row is the parent of the three after it, one of those finished with a sleeping key. The rows are made by
 * the database itself: a million by `insert` would take minutes.
 */
import { createTaskExecutionRecord } from 'durable-execution-storage-test-utils'

import { COLUMNS, toRow, type SqlValue } from '../../src/row'

/** The moment at which the ready rows are due; statements are sent with a later one. */
const DUE_AT = 1_750_000_000_000
/** The moment of the calls. */
export const NOW = DUE_AT + 1_000_000

/** Beyond the numbers of all other rows. */
export const FIRST_OF_FEW = 10_000_000

/** How many rows of each kind. */
export interface TableSize {
  readonly finished: number
  readonly delayed: number
  readonly ready: number
}

/** How large tables are in this run. */
export function tableSize(defaultRows: number): TableSize {
  const finished = Number(process.env['TEST_TABLE_ROWS'] ?? defaultRows)
  return { finished, delayed: Math.floor(finished / 10), ready: Math.floor(finished / 10) }
}

/** How a dialect writes what the rows need; `n` is the number of the row. */
export interface Dialect {
  readonly concat: (...parts: readonly string[]) => string
  readonly mod: (divisor: number) => string
}

/** The expressions of one row, by column, in the order of the table's columns. `n` is its number. */
export function rowExpressions(kind: keyof TableSize, { concat, mod }: Dialect): string[] {
  const plain = Object.fromEntries(
    Object.entries(toRowByColumn()).map(([column, value]) => [column, literal(value)]),
  )
  const id = concat(`'${kind}_'`, 'n')
  return columnsIn({
    ...plain,
    execution_id: id,
    root_execution_id: id,
    claim_at: kind === 'ready' ? `${DUE_AT} + ${mod(1000)}` : `${NOW + 1_000_000_000} + n`,
    ...(kind === 'finished' ? finishedExpressions(id, { concat, mod }) : {}),
  })
}

function finishedExpressions(id: string, { concat, mod }: Dialect): Record<string, string> {
  const parentId = concat("'finished_'", `(n - ${mod(10)})`)
  const isChild = `${mod(10)} IN (1, 2, 3)`
  return {
    status: "'completed'",
    claim_at: 'NULL',
    claim_count: '1',
    finished_at: `${DUE_AT} + n`,
    root_execution_id: `CASE WHEN ${isChild} THEN ${parentId} ELSE ${id} END`,
    parent_execution_id: `CASE WHEN ${isChild} THEN ${parentId} END`,
    parent_task_id: `CASE WHEN ${isChild} THEN 'task' END`,
    index_in_parent: `CASE WHEN ${isChild} THEN ${mod(10)} END`,
    is_finalize: `CASE WHEN ${isChild} THEN 0 END`,
    sleeping_key: `CASE WHEN ${mod(10)} = 3 THEN ${concat("'key_'", 'n', "':'", id)} END`,
  }
}

function toRowByColumn(): Record<string, SqlValue> {
  const values = toRow(createTaskExecutionRecord({ createdAt: DUE_AT }))
  return Object.fromEntries(COLUMNS.map((column, place) => [column, values[place] ?? null]))
}

function columnsIn(expressions: Readonly<Record<string, string>>): string[] {
  return COLUMNS.map((column) => expressions[column] ?? 'NULL')
}

function literal(value: SqlValue): string {
  if (value === null) return 'NULL'
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`
}
