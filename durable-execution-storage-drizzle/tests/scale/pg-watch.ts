/** Shows what PostgreSQL does for each statement of a storage, planned for its values and planned once for all values. */
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'

import { breaksConstraint } from '../../src/pg/errors'
import { createPgTaskExecutionsStorage, type PgTaskExecutionsStorage } from '../../src/pg/storage'
import { createPgTaskExecutionsTable } from '../../src/pg/table'
import type { Statement } from './verbs'

interface Query {
  readonly text: string
  readonly values?: readonly (string | null)[]
}

/** A step of a plan, as `EXPLAIN (ANALYZE, FORMAT JSON)` shows it. */
interface Step {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Step[]
}

const MODES = ['force_custom_plan', 'force_generic_plan'] as const

/** A storage whose every statement is run twice, and undone, before it is run. */
export interface WatchedPg {
  readonly storage: PgTaskExecutionsStorage<unknown>
  /** Sends a statement that is not looked at. */
  readonly query: (text: string) => Promise<unknown[][]>
  readonly take: () => readonly Statement[]
  readonly close: () => Promise<void>
}

/** Opens a storage on a connection of its own. */
export async function watchPg(url: string, tableName: string): Promise<WatchedPg> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const send = client.query.bind(client)
  const query = async (text: string): Promise<unknown[][]> => {
    const { rows } = await send({ text, rowMode: 'array' })
    return rows as unknown[][]
  }
  let seen: Statement[] = []
  let isOpen = false
  const watched = async (asked: Query): Promise<unknown> => {
    const { text } = asked
    if (/^(?:BEGIN|COMMIT|ROLLBACK)/.test(text)) isOpen = text.startsWith('BEGIN')
    else if (text.includes(`"${tableName}"`) && !/^(?:CREATE|ALTER)/.test(text)) {
      for (const mode of MODES) {
        seen.push(...(await explain(query, { mode, asked, isOpen, tableName })))
      }
    }
    return send(asked as pg.QueryConfig)
  }
  // The storage sends all through this method of the client.
  Object.defineProperty(client, 'query', { value: watched })
  return {
    storage: createPgTaskExecutionsStorage(drizzle(client), createPgTaskExecutionsTable(tableName)),
    query,
    take() {
      const taken = seen
      seen = []
      return taken
    },
    close: () => client.end(),
  }
}

interface Explained {
  readonly mode: (typeof MODES)[number]
  readonly asked: Query
  /** Whether it belongs to a transaction that is open. */
  readonly isOpen: boolean
  readonly tableName: string
}

/** Nothing of a statement that breaks a constraint: it ends before its plan does. */
async function explain(
  query: WatchedPg['query'],
  { mode, asked: { text, values = [] }, isOpen, tableName }: Explained,
): Promise<Statement[]> {
  await query(isOpen ? 'SAVEPOINT explained' : 'BEGIN')
  await query(`SET LOCAL plan_cache_mode = ${mode}`)
  await query(`PREPARE explained AS ${text}`)
  const literals = values.map((value) => (value === null ? 'NULL' : pg.escapeLiteral(value)))
  const execute = `EXECUTE explained${literals.length === 0 ? '' : `(${literals.join(', ')})`}`
  const explained = query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${execute}`)
  const [row] = await explained.catch((error: unknown) => {
    if (breaksConstraint(error)) return []
    throw error
  })
  await query(isOpen ? 'ROLLBACK TO SAVEPOINT explained' : 'ROLLBACK')
  await query('DEALLOCATE explained')
  if (!row) return []
  const [{ Plan: plan }] = row[0] as [{ readonly Plan: Step }]
  const steps = stepsOn(plan, tableName)
  return [
    {
      name: `${mode}: ${text.slice(0, 200)}`,
      rowsRead: steps.reduce((sum, step) => sum + rowsRead(step), 0),
      scans: steps.flatMap((step) => (step['Node Type'] === 'Seq Scan' ? ['Seq Scan'] : [])),
    },
  ]
}

/** The steps that read the table. One that goes to a row by its place reads what another step has found. */
function stepsOn(step: Step, tableName: string): Step[] {
  const isRead = step['Relation Name'] === tableName && step['Node Type'].endsWith(' Scan')
  const isByPlace = step['Node Type'] === 'Tid Scan'
  const below = (step.Plans ?? []).flatMap((child) => stepsOn(child, tableName))
  return isRead && !isByPlace ? [step, ...below] : below
}

function rowsRead(step: Step): number {
  const each = (step['Actual Rows'] ?? 0) + (step['Rows Removed by Filter'] ?? 0)
  return each * (step['Actual Loops'] ?? 0)
}
