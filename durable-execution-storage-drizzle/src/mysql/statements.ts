/**
 * The SQL of every verb. Texts hold no values: each is prepared once a connection.
 *
 * What is looked for by id comes as a list of parameters, in sizes that are powers of two, filled up with the last id. What is
 * written comes as one JSON text, a list of rows: one text for any number of rows, and neither server changes a character of it.
 * An index is forced where the order of locks, or of rows, depends on it: with few rows the optimizer would read, and lock, all.
 */
import { transitions, type TakeOver } from 'durable-execution'

import { CHANGE_COLUMNS } from '../change'
import { COLUMNS, GUARD_COLUMNS, NUMBER_COLUMNS, TIME_COLUMNS } from '../row'
import { CLOCK } from './server'

/** The most ids in one statement. */
export const MAX_LIST_SIZE = 512

const RECORD = COLUMNS.join(', ')
const GUARD = GUARD_COLUMNS.join(', ')

/**
 * How columns are read out of JSON. MariaDB cuts what is longer than these, `ERROR ON ERROR` or not: so they are longer than every
 * column, where a text that is too long is an error on both.
 */
const TEXT = 'longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'
const ID = 'varchar(2100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'

const LONG_TEXTS = new Set<string>(['retry_options', 'error', 'input', 'run_output', 'output'])

/** The columns that a change writes, in the order of its values; the row's id follows them. */
export const CHANGED = [...CHANGE_COLUMNS, 'updated_at'] as const

/** What says under which claim a change was decided, in the order of its values. */
const CLAIM_COLUMNS = ['execution_id', 'claim_count', 'expected_status'] as const

const HELD =
  ' AND t.claim_count = j.claim_count AND t.status = j.expected_status AND t.executor_id IS NOT NULL'

/**
 * The time that is given, or that of the server. `LAST_INSERT_ID` of a value returns it, and the answer to the statement brings it along:
 * nobody has to ask for it before.
 */
const NOW = `LAST_INSERT_ID(coalesce(CAST(? AS SIGNED), ${CLOCK}))`
/** The same as a table of one row. */
const NOW_ROW = `(SELECT ${NOW} AS now) AS n`

/** The columns of a parent that is brought down, in the order of its values; the row's id follows them. */
const PARENT_COLUMNS = [
  'takeovers',
  'claim_count',
  'executor_id',
  'claim_at',
  'active_children_count',
  'updated_at',
] as const

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
  const table = `\`${tableName}\``
  const index = (name: string): string => `FORCE INDEX (\`${tableName}_${name}\`)`
  const byId = `${table} FORCE INDEX (PRIMARY) WHERE execution_id IN`
  return {
    tableName,
    records: sized((list) => `SELECT ${RECORD} FROM ${byId} (${list})`),
    guards: sized((list) => `SELECT ${GUARD} FROM ${byId} (${list})`),
    ...locks(table, byId),
    ...reads(table, index),
    ...writes(table, byId),
    ...ofTrees(table, index),
  }
}

/** Statements that lock rows. Those that wait lock in the order of the ids, whatever the order of the list. */
function locks(table: string, byId: string) {
  return {
    lockedGuards: sized(
      (list) => `SELECT ${GUARD} FROM ${byId} (${list}) ORDER BY execution_id FOR UPDATE`,
    ),
    lockedRecords: sized(
      (list) => `SELECT ${RECORD} FROM ${byId} (${list}) ORDER BY execution_id FOR UPDATE`,
    ),
    /** Rows that others have locked are left out. */
    freeGuards: sized(
      (list) =>
        `SELECT ${GUARD} FROM ${byId} (${list}) ORDER BY execution_id FOR UPDATE SKIP LOCKED`,
    ),
    /** Reads what is committed, also in a transaction of the user that goes by an older snapshot. */
    sharedGuards: sized(
      (list) => `SELECT ${GUARD} FROM ${byId} (${list}) ORDER BY execution_id LOCK IN SHARE MODE`,
    ),
    sharedSleepers: sized(
      (list) =>
        `SELECT ${GUARD} FROM ${table} WHERE sleeping_key IN (${list}) AND finished_at IS NULL LOCK IN SHARE MODE`,
    ),
    /** These fail where others hold a row, also one that is not committed yet. Both servers know `FOR UPDATE NOWAIT` only. */
    unheldGuards: sized(
      (list) => `SELECT ${GUARD} FROM ${byId} (${list}) ORDER BY execution_id FOR UPDATE NOWAIT`,
    ),
    unheldSleepers: sized(
      (list) =>
        `SELECT ${GUARD} FROM ${table} WHERE sleeping_key IN (${list}) AND finished_at IS NULL FOR UPDATE NOWAIT`,
    ),
  }
}

function reads(table: string, index: (name: string) => string) {
  const ofParent = `${table} ${index('child')} WHERE parent_execution_id = ? AND is_finalize =`
  return {
    roots: sized(
      (list) =>
        `SELECT execution_id, root_execution_id FROM ${table} FORCE INDEX (PRIMARY) WHERE execution_id IN (${list})`,
    ),
    sleepers: sized(
      (list) =>
        `SELECT ${GUARD} FROM ${table} WHERE sleeping_key IN (${list}) AND finished_at IS NULL`,
    ),
    activeSleeper: `SELECT ${RECORD} FROM ${table} WHERE sleeping_key = ? AND finished_at IS NULL`,
    /** Between the key with `:` and the key with the character after it: what finished with this key. */
    finishedSleeper: `SELECT ${RECORD} FROM ${table} ${index('sleeping_key')} WHERE sleeping_key > ? AND sleeping_key < ? AND finished_at IS NOT NULL ORDER BY finished_at DESC, execution_id DESC LIMIT 1`,
    due: remembered(dueKey, (filter: DueFilter) => dueText(table, index('claim'), filter)),
    heldBy: `SELECT ${RECORD} FROM ${table} ${index('claim')} WHERE queue = ? AND claim_at >= ? AND claim_at <= ? AND executor_id = ?`,
    /** One queue each: in a join with a list of queues, the NULLs at the front of a queue would be read as well. */
    nextClaimAt: remembered(String, (count: number) =>
      Array.from(
        { length: count },
        () =>
          `(SELECT queue, claim_at FROM ${table} ${index('claim')} WHERE queue = ? AND claim_at >= ${Number.MIN_SAFE_INTEGER} ORDER BY claim_at LIMIT 1)`,
      ).join(' UNION ALL '),
    ),
    children: `SELECT ${RECORD} FROM ${ofParent} 0 AND index_in_parent > ? ORDER BY index_in_parent LIMIT ?`,
    finalize: `SELECT ${RECORD} FROM ${ofParent} 1 LIMIT 1`,
  }
}

function writes(table: string, byId: string) {
  const insert = `${table} (${RECORD}) SELECT ${RECORD} FROM ${jsonTable(COLUMNS)}`
  /** Rows of the table by the ids of a JSON text. */
  const listed = (columns: readonly string[], guard = ''): string =>
    `${jsonTable(columns)} STRAIGHT_JOIN ${table} AS t FORCE INDEX (PRIMARY) ON t.execution_id = j.execution_id${guard}`
  const changes = changesTo((column) => `j.${column}`)
  const fromNow = (column: string): string =>
    TIME_COLUMNS.has(column) ? `j.${column} + n.now` : `j.${column}`
  return {
    insert: `INSERT INTO ${insert}`,
    /** Rows with times from now on. */
    insertFromNow: `INSERT INTO ${table} (${RECORD}) SELECT ${COLUMNS.map(fromNow).join(', ')} FROM ${NOW_ROW} STRAIGHT_JOIN ${jsonTable(COLUMNS)}`,
    /** For a transaction of the user, in which no statement may fail on a duplicate. */
    insertOthers: `INSERT IGNORE INTO ${insert}`,
    change: `UPDATE ${listed([...CHANGED, 'execution_id'])} SET ${changes}`,
    /** How many of these are held under the claim under which their change was decided. */
    held: `SELECT count(*) FROM ${listed(CLAIM_COLUMNS, HELD)}`,
    /** Changes only those, with times from now on. */
    changeHeld: `UPDATE ${NOW_ROW} STRAIGHT_JOIN ${listed([...CHANGED, ...CLAIM_COLUMNS], HELD)} SET ${changesTo(fromNow)}`,
    /** The same for one: a join with a list of one takes more than twice as long. The time follows each value that is added to it. */
    changeOneHeld: `UPDATE ${table} AS t FORCE INDEX (PRIMARY) SET ${changesTo((column) => (TIME_COLUMNS.has(column) ? `? + ${NOW}` : '?'))} WHERE t.execution_id = ? AND t.claim_count = ? AND t.status = ? AND t.executor_id IS NOT NULL`,
    parent: `UPDATE ${listed([...PARENT_COLUMNS, 'execution_id'])} SET ${PARENT_COLUMNS.map((column) => `t.${column} = j.${column}`).join(', ')}`,
    /** `transitions.claim` in SQL. These databases assign from left to right: each value is read before it is written. */
    claim: sized(
      (list) =>
        `UPDATE ${byId.replace(' WHERE', " SET takeovers = takeovers + (executor_id IS NOT NULL), started_at = CASE WHEN sleeping_key IS NULL AND status IN ('ready', 'running') THEN ? ELSE started_at END, status = CASE status WHEN 'ready' THEN 'running' ELSE status END, executor_id = ?, claim_count = claim_count + 1, claim_at = ?, updated_at = ? WHERE")} (${list})`,
    ),
    renew: sized(
      (list) =>
        `UPDATE ${byId.replace(' WHERE', ' SET claim_at = greatest(coalesce(claim_at, 0), ?), updated_at = ? WHERE')} (${list})`,
    ),
    remove: sized((list) => `DELETE FROM ${table} WHERE execution_id IN (${list})`),
  }
}

/** What a change sets. It leaves alone when something started where it says nothing of it. */
function changesTo(valueOf: (column: string) => string): string {
  const changes = CHANGED.map((column) => {
    const isKept = column === 'start_at' || column === 'started_at'
    const value = valueOf(column)
    return `t.${column} = ${isKept ? `coalesce(${value}, t.${column})` : value}`
  })
  return [...changes, 't.executor_id = NULL'].join(', ')
}

function ofTrees(table: string, index: (name: string) => string) {
  return {
    /**
     * One level of trees. Level by level, and not as one recursive query: both servers end those after 1000 levels unless they
     * are configured otherwise, MariaDB without an error.
     */
    activeChildren: sized(
      (list) =>
        `SELECT execution_id FROM ${table} ${index('child')} WHERE parent_execution_id IN (${list}) AND finished_at IS NULL`,
    ),
    childIds: sized(
      (list) =>
        `SELECT execution_id FROM ${table} ${index('child')} WHERE parent_execution_id IN (${list})`,
    ),
    /** `transitions.cancel` in SQL, for rows that are locked. */
    cancel: sized(
      (list) =>
        `UPDATE ${table} FORCE INDEX (PRIMARY) SET status = 'cancelled', output = NULL, error = ?, claim_at = NULL, executor_id = NULL, finished_at = ?, active_children_count = 0, sleeping_key = concat(sleeping_key, ':', execution_id), updated_at = ? WHERE execution_id IN (${list}) AND finished_at IS NULL`,
    ),
    /** A page along the primary key: whether each row is a root that finished long ago, and whether that has children. */
    page: `SELECT execution_id, CASE WHEN parent_execution_id IS NULL AND finished_at < ? THEN 1 + EXISTS (SELECT 1 FROM ${table} AS child ${index('child')} WHERE child.parent_execution_id = page.execution_id) ELSE 0 END FROM ${table} AS page FORCE INDEX (PRIMARY) WHERE execution_id > ? ORDER BY execution_id LIMIT ?`,
  }
}

function dueText(table: string, index: string, filter: DueFilter): string {
  const { suspects, takeOver, exceptCount } = filter
  const comparison = suspects === 'only' ? '>=' : '<'
  return [
    `SELECT ${RECORD} FROM ${table} ${index} WHERE queue = ? AND claim_at >= ? AND claim_at <= ?`,
    `AND takeovers + (executor_id IS NOT NULL) ${comparison} ${transitions.SUSPECT_TAKEOVERS}`,
    TAKE_OVER[takeOver],
    ...(exceptCount > 0 ? [`AND task_id NOT IN (${placeholders(exceptCount)})`] : []),
    // Rows due at the same moment go in the order of their ids, which is that of the index, and that in which they came.
    'ORDER BY claim_at, execution_id LIMIT ? FOR UPDATE SKIP LOCKED',
  ].join(' ')
}

function dueKey({ suspects, takeOver, exceptCount }: DueFilter): string {
  return `${suspects} ${takeOver} ${exceptCount}`
}

/** The rows of a JSON text as a table `j`. */
function jsonTable(columns: readonly string[]): string {
  const paths = columns.map(
    (column, place) => `${column} ${jsonType(column)} PATH '$[${place}]' ERROR ON ERROR`,
  )
  return `JSON_TABLE(?, '$[*]' COLUMNS (${paths.join(', ')})) AS j`
}

function jsonType(column: string): string {
  if (NUMBER_COLUMNS.has(column)) return 'bigint'
  return LONG_TEXTS.has(column) ? TEXT : ID
}

function placeholders(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ')
}

/** A text that depends on the size of a list, written once for each size. */
function sized(textFor: (list: string) => string): (size: number) => string {
  return remembered(String, (size: number) => textFor(placeholders(size)))
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
