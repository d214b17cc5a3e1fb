/** Shows what MySQL and MariaDB do for each statement of a storage: how they reach the rows, and how many they read. */
import { drizzle } from 'drizzle-orm/mysql2'
import { createConnection } from 'mysql2/promise'

import { toRows } from '../../src/mysql/connection'
import {
  createMySqlTaskExecutionsStorage,
  type MySqlTaskExecutionsStorage,
} from '../../src/mysql/storage'
import { createMySqlTaskExecutionsTable } from '../../src/mysql/table'
import type { MySqlServer } from '../mysql-databases'
import type { Statement } from './verbs'

/** The parts of a statement that matter here. */
interface Query {
  readonly sql: string
  readonly values?: readonly unknown[]
}

type Send = (query: Query) => Promise<[unknown, unknown]>

/** A connection of mysql2, as far as it matters here: its own types are narrower than what it takes. */
interface Sender {
  query: Send
  execute: Send
}

/** The rows of a table by an index. `rnd_next` is left out: rows of a list in JSON are read so; scans are seen in the plan. */
const READ = ['first', 'key', 'last', 'next', 'prev'].map((way) => `'Handler_read_${way}'`)
const READ_SO_FAR = `SHOW SESSION STATUS WHERE Variable_name IN (${READ.join(', ')})`

/** The names that the table has in statements. */
const TABLES = ['task_executions', 'child', 'page', 't']

/** A storage whose statements are explained and counted. */
export interface WatchedMySql {
  readonly storage: MySqlTaskExecutionsStorage<unknown>
  /** Sends a statement that is not looked at. */
  readonly query: (text: string, values?: readonly unknown[]) => Promise<unknown[][]>
  readonly take: () => readonly Statement[]
  readonly close: () => Promise<void>
}

/** Opens a storage on a connection of its own. */
export async function watchMySql(uri: string, { name }: MySqlServer): Promise<WatchedMySql> {
  const connection = await createConnection({ uri })
  const sender = connection as unknown as Sender
  const send = sender.query.bind(connection)
  const execute = sender.execute.bind(connection)
  const query = async (sql: string, values: readonly unknown[] = []): Promise<unknown[][]> => {
    const [rows] = await send({ sql, values, ...{ rowsAsArray: true } })
    return toRows(rows).map((row) => Array.from(row))
  }
  const readSoFar = async (): Promise<number> =>
    (await query(READ_SO_FAR)).reduce((sum, row) => sum + Number(row[1]), 0)
  const explain = name === 'MySQL' ? 'EXPLAIN FORMAT=TRADITIONAL' : 'EXPLAIN'
  let seen: Statement[] = []
  const watched = async (asked: Query): Promise<[unknown, unknown]> => {
    const scans = scansIn(await query(`${explain} ${asked.sql}`, asked.values))
    const before = await readSoFar()
    const answer = await execute(asked)
    seen.push({ name: asked.sql.slice(0, 200), rowsRead: (await readSoFar()) - before, scans })
    return answer
  }
  // The storage sends through these methods of the connection: what it defines, and what it prepares.
  Object.defineProperty(connection, 'execute', {
    value: (asked: Query) => (asked.sql.includes('`task_executions`') ? watched : execute)(asked),
  })
  return {
    storage: createMySqlTaskExecutionsStorage(
      drizzle(connection),
      createMySqlTaskExecutionsTable(),
    ),
    query,
    take() {
      const taken = seen
      seen = []
      return taken
    },
    close: () => connection.end(),
  }
}

/** The tables that are read from end to end, or by all of an index. The one that is inserted into is listed too. */
function scansIn(plan: readonly (readonly unknown[])[]): string[] {
  return plan.flatMap((step) => {
    const isScan = step.includes('ALL') || step.includes('index')
    return TABLES.includes(String(step[2])) && step[1] !== 'INSERT' && isScan ? ['a scan'] : []
  })
}
