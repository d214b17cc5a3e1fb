/** What outage tests see of a server and do to it, past the storage: on connections of their own, which connect again by themselves. */
import { delay, systemEnvironment, type ExecutionRecord } from 'durable-execution'

import { COLUMNS, fromRow } from '../../src/row'

/** Sends a statement and answers its rows, values by position. */
export type Query = (text: string) => Promise<unknown[][]>

/** Connections of a test's own to a server. */
export interface Watch {
  readonly query: Query
  /** Runs the callback in a transaction, and undoes it where that fails. */
  readonly transaction: (work: (query: Query) => Promise<void>) => Promise<void>
  /** Ends all connections but those of the watch, and answers how many there were. */
  readonly killConnections: () => Promise<number>
  /** Deadlocks that the server has met since it started. */
  readonly countDeadlocks: () => Promise<number>
  readonly close: () => Promise<void>
}

/** Every row of a table. */
export async function readTable({ query }: Watch, table: string): Promise<ExecutionRecord[]> {
  return (await query(`SELECT ${COLUMNS.join(', ')} FROM ${table}`)).map(fromRow)
}

/** What goes on in the background of a test until it is told to stop. */
interface Disturbance {
  readonly stop: () => Promise<void>
}

/** Locks active children and then their parents, against the order of the storage. */
export function lockAgainstTheOrder(watch: Watch, table: string): Disturbance {
  const lock = (): Promise<void> =>
    watch.transaction((query) => lockFamilies(query, table)).catch(() => undefined)
  return goOn([lock, lock])
}

/** Writes to active rows in transactions that stay open for a moment. */
export function writeBeside(watch: Watch, table: string): Disturbance {
  const write = (): Promise<void> =>
    watch.transaction(async (query) => {
      await query(
        `UPDATE ${table} SET updated_at = updated_at WHERE execution_id IN (SELECT execution_id FROM ${table} WHERE claim_at IS NOT NULL ORDER BY claim_at LIMIT 20 FOR UPDATE SKIP LOCKED)`,
      )
      await delay(systemEnvironment, 20)
      await query('COMMIT')
    })
  return goOn([write])
}

/** Does each of these again and again. */
function goOn(works: readonly (() => Promise<void>)[]): Disturbance {
  let isOver = false
  const loops = works.map(async (work) => {
    while (!isOver) await work()
  })
  const stop = async (): Promise<void> => {
    isOver = true
    await Promise.all(loops)
  }
  return { stop }
}

async function lockFamilies(query: Query, table: string): Promise<void> {
  const children = await query(
    `SELECT parent_execution_id FROM ${table} WHERE claim_at IS NOT NULL AND parent_execution_id IS NOT NULL ORDER BY claim_at LIMIT 2 FOR UPDATE SKIP LOCKED`,
  )
  // Who settles a child has locked its parent by then, and waits for the child.
  await delay(systemEnvironment, 20)
  for (const [parent] of children) {
    await query(`SELECT 1 FROM ${table} WHERE execution_id = '${String(parent)}' FOR UPDATE`)
  }
}
