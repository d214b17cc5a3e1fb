/**
 * The SQL of every verb. Texts hold no values: each is prepared once.
 *
 * Lists of ids are bound one parameter an id, not as one JSON text: an id in a list is then the same bytes as everywhere else,
 * whatever it holds and whatever version of SQLite reads it. The lists come in sizes that are powers of two, filled up with their
 * last id, so that there are few texts; the largest stays below the 999 variables that every build of SQLite allows.
 *
 * Where rows are found by more than one value, the index is named: if the table had few rows when it was analyzed, SQLite would read all
 * of it from then on.
 */
import { transitions, type TakeOver } from 'durable-execution'

import { COLUMNS, GUARD_COLUMNS, type Column } from '../row'
import type { BulkText } from './program'

/** The most ids in one statement. */
export const MAX_LIST_SIZE = 512

/** How many rows the larger insert takes: 32 · 29 columns make 928 variables. */
export const INSERT_SIZE = 32

/** How many rows that differ in little one insert, or one change, takes: 100 · 2 variables, and what they share. */
export const ALIKE_SIZE = 100

/** How many rows the larger change takes: 32 · 16 parameters make 512 variables. */
const CHANGES_SIZE = 32

const RECORD = COLUMNS.join(', ')

/** The columns that are never large. A claim reads them as one JSON text: drivers take longer for 25 values. */
const SMALL_COLUMNS = COLUMNS.slice(0, COLUMNS.indexOf('error'))
/** The others, which come after that text, one by one. */
export const LARGE_COLUMNS = COLUMNS.slice(SMALL_COLUMNS.length)

const GUARD = GUARD_COLUMNS.join(', ')

/** Which due rows a claim looks at. */
export interface DueFilter {
  readonly suspects: 'exclude' | 'only'
  readonly takeOver: TakeOver
  /** How many task ids are left out. */
  readonly exceptCount: number
}

const TAKE_OVER: Record<TakeOver, string> = {
  never: 'AND executor_id IS NULL',
  also: '',
  only: 'AND executor_id IS NOT NULL',
}

/** The texts of the statements on one table. */
export type Statements = ReturnType<typeof createStatements>

/**
 * Writes the texts for a table.
 *
 * @param tableName - A checked name.
 */
export function createStatements(tableName: string) {
  const tables = tablesOf(tableName)
  return {
    tableName,
    /** Writes nothing, and takes the write lock that a later write of the same transaction needs. */
    lock: `UPDATE ${tables.table} SET queue = queue WHERE 0`,
    ...reads(tables),
    ...writes(tables),
    ...ofTrees(tables),
  }
}

/** The table as statements name it. */
type Tables = ReturnType<typeof tablesOf>

function tablesOf(tableName: string) {
  const table = `"${tableName}"`
  const by = (index: string): string => `INDEXED BY "${index}"`
  return {
    table,
    byId: `${table} ${by(`sqlite_autoindex_${tableName}_1`)}`,
    bySleepingKey: `${table} ${by(`${tableName}_sleeping_key`)}`,
    childByParent: `${table} AS child ${by(`${tableName}_child`)}`,
  }
}

function reads({ table, byId, bySleepingKey }: Tables) {
  return {
    records: sized((list) => `SELECT ${RECORD} FROM ${byId} WHERE execution_id IN (${list})`),
    guards: sized((list) => `SELECT ${GUARD} FROM ${byId} WHERE execution_id IN (${list})`),
    sleepers: sized(
      (list) =>
        `SELECT ${GUARD} FROM ${bySleepingKey} WHERE sleeping_key IN (${list}) AND finished_at IS NULL`,
    ),
    activeSleeper: `SELECT ${RECORD} FROM ${bySleepingKey} WHERE sleeping_key = ? AND finished_at IS NULL`,
    /** Between the key with `:` and the key with the character after it: what finished with this key. */
    finishedSleeper: `SELECT ${RECORD} FROM ${bySleepingKey} WHERE sleeping_key > ? AND sleeping_key < ? AND finished_at IS NOT NULL ORDER BY finished_at DESC, execution_id DESC LIMIT 1`,
    due: remembered(dueKey, (filter: DueFilter) => dueText(table, filter)),
    heldBy: `SELECT ${RECORD} FROM ${table} WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND executor_id = ?`,
    nextClaimAt: sized(
      (list) =>
        `SELECT q.column1, (SELECT min(claim_at) FROM ${table} WHERE queue = q.column1 AND claim_at IS NOT NULL) FROM (VALUES ${list}) AS q`,
      '(?)',
    ),
    children: `SELECT ${RECORD} FROM ${table} WHERE parent_execution_id = ? AND is_finalize = 0 AND index_in_parent > ? ORDER BY index_in_parent LIMIT ?`,
    finalize: `SELECT ${RECORD} FROM ${table} WHERE parent_execution_id = ? AND is_finalize = 1 LIMIT 1`,
  }
}

function writes(tables: Tables) {
  const { table, byId } = tables
  const row = `(${placeholders(COLUMNS.length)})`
  const insert = (count: number): string =>
    `INSERT INTO ${table} (${RECORD}) VALUES ${Array.from({ length: count }, () => row).join(', ')}`
  const change = `UPDATE ${table} SET ${assignments(() => '?')} WHERE execution_id = ?`
  return {
    insertOne: insert(1),
    insertMany: insert(INSERT_SIZE),
    insertAlike: insertAlike(table),
    change,
    guardedChange: `UPDATE ${table} SET ${assignments(() => '?')} WHERE ${guard(() => '?')}`,
    guardedChanges: guardedChanges(tables),
    guardedAlike: guardedAlike(tables),
    /** `transitions.claim` in SQL: the right-hand sides see the row as it was. */
    claim: sized(
      (list) =>
        `UPDATE ${byId} SET status = CASE status WHEN 'ready' THEN 'running' ELSE status END, takeovers = takeovers + (executor_id IS NOT NULL), executor_id = ?, claim_count = claim_count + 1, claim_at = ?, started_at = CASE WHEN sleeping_key IS NULL AND status IN ('ready', 'running') THEN ? ELSE started_at END, updated_at = ? WHERE execution_id IN (${list})`,
    ),
    renew: sized(
      (list) =>
        `UPDATE ${byId} SET claim_at = max(coalesce(claim_at, 0), ?), updated_at = ? WHERE execution_id IN (${list})`,
    ),
    parent: `UPDATE ${table} SET takeovers = ?, claim_count = ?, executor_id = ?, claim_at = ?, active_children_count = ?, updated_at = ? WHERE execution_id = ?`,
    remove: sized((list) => `DELETE FROM ${byId} WHERE execution_id IN (${list})`),
  }
}

/** The columns in which roots of one task differ; their id stands twice in their rows. */
export const OWN_COLUMNS: readonly Column[] = ['execution_id', 'input']

/** The columns whose values rows that are alike share. */
export const SHARED_COLUMNS = COLUMNS.filter(
  (column) => column !== 'root_execution_id' && !OWN_COLUMNS.includes(column),
)

/** First what each row has of its own, then what all share, which is bound once: binding takes longer than writing. */
function insertAlike(table: string): string {
  const values = COLUMNS.map((column) =>
    alikeValue(
      column === 'root_execution_id' ? 'execution_id' : column,
      OWN_COLUMNS,
      SHARED_COLUMNS,
    ),
  )
  return `INSERT INTO ${table} (${RECORD}) SELECT ${values.join(', ')} FROM ${alike(SHARED_COLUMNS.length)}`
}

/** Rows that are alike: `c` has the two values that each has of its own, `s` those that all share. */
function alike(sharedCount: number): string {
  const rows = placeholders(ALIKE_SIZE, '(?, ?)')
  return `(VALUES ${rows}) AS c CROSS JOIN (VALUES (${placeholders(sharedCount)})) AS s`
}

/** What names a value of such rows: its place among those that each has of its own, or among those that all share. */
function alikeValue<T>(key: T, own: readonly T[], shared: readonly T[]): string {
  const ownAt = own.indexOf(key)
  return ownAt === -1 ? `s.column${shared.indexOf(key) + 1}` : `c.column${ownAt + 1}`
}

/** How many parameters a guarded change has. */
const GUARDED_PARAMETERS = 16
/** Where among them the row's id is. */
const ID_AT = 13

/** Where those are in which ends of one task differ: the row's id, and its output. */
export const OWN_AT: readonly number[] = [ID_AT, 4]
/** Where those are that such ends share. */
export const SHARED_AT = Array.from({ length: GUARDED_PARAMETERS }, (_, at) => at).filter(
  (at) => !OWN_AT.includes(at),
)

/** The guarded change of rows that differ in id and output only: first what each has of its own, then what all share. */
function guardedAlike(tables: Tables): string {
  const value = (place: number): string => alikeValue(place - 1, OWN_AT, SHARED_AT)
  return guardedByList(tables, alike(SHARED_AT.length), value)
}

/** A guarded change of rows by a list, of which it says that it is short: SQLite reads it first, and finds each row by its id. */
function guardedByList({ byId }: Tables, list: string, value: (place: number) => string): string {
  const isShort = `likelihood(${value(ID_AT + 1)} IS NOT NULL, 0.0001)`
  return `UPDATE ${byId} SET ${assignments(value)} FROM ${list} WHERE ${guard(value)} AND ${isShort}`
}

/** What a change sets, in the order of its parameters; `value` names the parameter at a place, from 1. */
function assignments(value: (place: number) => string): string {
  return [
    ...['status', 'attempt', 'takeovers', 'run_output', 'output', 'error', 'claim_at'].map(
      (column, index) => `${column} = ${value(index + 1)}`,
    ),
    `start_at = coalesce(${value(8)}, start_at)`,
    `started_at = coalesce(${value(9)}, started_at)`,
    ...['finished_at', 'active_children_count', 'sleeping_key', 'updated_at'].map(
      (column, index) => `${column} = ${value(index + 10)}`,
    ),
    'executor_id = NULL',
  ].join(', ')
}

/** Which row a guarded change is of, and what has to hold of it. */
function guard(value: (place: number) => string): string {
  return `execution_id = ${value(ID_AT + 1)} AND claim_count = ${value(15)} AND status = ${value(16)} AND executor_id IS NOT NULL`
}

/** The guarded change for several rows. */
function guardedChanges(tables: Tables): BulkText {
  const value = (place: number): string => `c.column${place}`
  const row = `(${placeholders(GUARDED_PARAMETERS)})`
  const rows = Array.from({ length: CHANGES_SIZE }, () => row).join(', ')
  return {
    text: `${guardedByList(tables, `(VALUES ${rows}) AS c`, value)} RETURNING execution_id`,
    size: CHANGES_SIZE,
    keyAt: ID_AT,
  }
}

function ofTrees({ table, byId, childByParent }: Tables) {
  return {
    /** `transitions.cancel` in SQL, for active rows and all that is active below them. */
    cancel: sized(
      (list) =>
        `UPDATE ${byId} SET status = 'cancelled', output = NULL, error = ?, claim_at = NULL, executor_id = NULL, finished_at = ?, active_children_count = 0, sleeping_key = sleeping_key || ':' || execution_id, updated_at = ? WHERE execution_id IN (` +
        `WITH RECURSIVE doomed (id) AS (SELECT execution_id FROM ${byId} WHERE execution_id IN (${list}) AND finished_at IS NULL UNION SELECT child.execution_id FROM doomed CROSS JOIN ${childByParent} ON child.parent_execution_id = doomed.id WHERE child.finished_at IS NULL) SELECT id FROM doomed)`,
    ),
    /** A page along the primary key: whether each row is a root that finished long ago, and whether that has children. */
    page: `SELECT execution_id, CASE WHEN parent_execution_id IS NULL AND finished_at < ? THEN 1 + EXISTS (SELECT 1 FROM ${table} AS child WHERE child.parent_execution_id = page.execution_id) ELSE 0 END FROM ${table} AS page WHERE execution_id > ? ORDER BY execution_id LIMIT ?`,
    /** A whole tree, top down: without an ORDER BY a recursive query works first in, first out. */
    tree: `WITH RECURSIVE tree (id) AS (SELECT ? UNION ALL SELECT child.execution_id FROM tree CROSS JOIN ${table} AS child ON child.parent_execution_id = tree.id) SELECT id FROM tree`,
  }
}

function dueText(table: string, { suspects, takeOver, exceptCount }: DueFilter): string {
  const comparison = suspects === 'only' ? '>=' : '<'
  return [
    `SELECT json_array(${SMALL_COLUMNS.join(', ')}), ${LARGE_COLUMNS.join(', ')} FROM ${table} WHERE queue = ? AND claim_at >= ? AND claim_at <= ?`,
    `AND takeovers + (executor_id IS NOT NULL) ${comparison} ${transitions.SUSPECT_TAKEOVERS}`,
    TAKE_OVER[takeOver],
    ...(exceptCount > 0 ? [`AND task_id NOT IN (${placeholders(exceptCount)})`] : []),
    // Rows due at the same moment go in the order in which they came.
    'ORDER BY claim_at, rowid LIMIT ?',
  ].join(' ')
}

function dueKey({ suspects, takeOver, exceptCount }: DueFilter): string {
  return `${suspects} ${takeOver} ${exceptCount}`
}

function placeholders(count: number, placeholder = '?'): string {
  return Array.from({ length: count }, () => placeholder).join(', ')
}

/** A text that depends on the size of a list, written once for each size. */
function sized(textFor: (list: string) => string, placeholder = '?'): (size: number) => string {
  return remembered(String, (size: number) => textFor(placeholders(size, placeholder)))
}

function remembered<T>(keyOf: (value: T) => string, textOf: (value: T) => string) {
  const texts = new Map<string, string>()
  return (value: T): string => {
    const key = keyOf(value)
    const known = texts.get(key)
    if (known !== undefined) return known
    const text = textOf(value)
    texts.set(key, text)
    return text
  }
}
