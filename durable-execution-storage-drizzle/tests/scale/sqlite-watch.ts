/**
 * Shows how SQLite reaches the rows for each statement of a storage, and counts the rows it looks at: with better-sqlite3, which
 * lets queries call functions. The plans of other drivers are those of `src/sqlite/plans.test.ts`.
 */
import type { Statement } from './verbs'

/** A prepared statement of better-sqlite3. */
interface Prepared {
  raw(isRaw: boolean): Prepared
  all(params: readonly unknown[]): unknown[][]
  run(params: readonly unknown[]): unknown
}

/** A connection of better-sqlite3. */
export interface Connection {
  prepare(text: string): Prepared
  function(name: string, call: (value: unknown) => number): void
}

/** The tables of the storage that are read from end to end. */
const SCAN =
  /^SCAN (?:task_executions|child|page)\b(?! USING INDEX sqlite_autoindex_task_executions_1)/

/** Watches what is prepared on a connection from now on, by whatever storage on it. */
export function watchSqlite(connection: Connection): () => readonly Statement[] {
  const prepare = connection.prepare.bind(connection)
  let rows = 0
  // SQLite calls it for each row that it looks at.
  connection.function('count_row', (_rowid) => {
    rows += 1
    return 1
  })
  let seen: Statement[] = []
  const watched = (text: string): Prepared => {
    if (!text.includes('"task_executions"')) return prepare(text)
    const scans = planOf(prepare, text).filter((step) => isExcessive(step, text))
    const statement = prepare(countingRows(text))
    const note = <T>(call: () => T): T => {
      const before = rows
      const answer = call()
      seen.push({ name: text.slice(0, 200), rowsRead: rows - before, scans })
      return answer
    }
    const proxy: Prepared = {
      raw(isRaw) {
        statement.raw(isRaw)
        return proxy
      },
      all: (params) => note(() => statement.all(params)),
      run: (params) => note(() => statement.run(params)),
    }
    return proxy
  }
  Object.defineProperty(connection, 'prepare', { value: watched })
  return () => {
    const taken = seen
    seen = []
    return taken
  }
}

/** What is due comes in the order of its index: sorting would read all of it first. */
function isExcessive(step: string, text: string): boolean {
  const isSorted = step.includes('TEMP B-TREE FOR ORDER BY') && text.includes('claim_at <=')
  return isSorted || (SCAN.test(step) && !text.endsWith('WHERE 0'))
}

function planOf(prepare: Connection['prepare'], text: string): string[] {
  const values = Array.from({ length: text.split('?').length - 1 }, () => 1)
  const steps = prepare(`EXPLAIN QUERY PLAN ${text}`).raw(true).all(values)
  return steps.map((step) => String(step[3]))
}

/** Only where it is clear which rows are meant. */
function countingRows(text: string): string {
  const [before, after, ...others] = text.split(' WHERE ')
  const isClear =
    others.length === 0 && /^(?:SELECT|UPDATE|DELETE) /.test(text) && !text.includes('VALUES')
  if (after === undefined || !isClear) return text
  return `${before} WHERE count_row(rowid) AND ${after}`
}
