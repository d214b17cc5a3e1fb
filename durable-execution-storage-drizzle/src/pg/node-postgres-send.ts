/** Sends statements through a connection of `pg`: prepared ones in a form of our own, where it takes them. */
import type { SqlRow } from '../row'
import type { Query } from './driver'
import { AS_TEXT, PreparedStatement, takesStatements } from './node-postgres-statement'

/** A connection of `pg`. */
export interface PgClient {
  query(config: {
    readonly name?: string
    readonly text: string
    readonly values?: (string | null)[]
    readonly rowMode: 'array'
    readonly types?: typeof AS_TEXT
  }): Promise<{ readonly rows: SqlRow[] }>
  query(statement: PreparedStatement): unknown
  on(event: 'error', listener: () => void): unknown
  off(event: 'error', listener: () => void): unknown
  getTransactionStatus?(): string | null
}

/** Sends a statement, and answers its rows. */
export function send(client: PgClient, query: Query): Promise<readonly SqlRow[]> {
  const { name } = query
  return name !== null && takes(client)
    ? sendPrepared(client, name, query)
    : sendAsText(client, query)
}

/** Looked at once a client: what a client can do stays as it is. */
const taking = new WeakMap<PgClient, boolean>()

function takes(client: PgClient): boolean {
  const known = taking.get(client)
  if (known !== undefined) return known
  const answer = takesStatements(client)
  taking.set(client, answer)
  return answer
}

function sendPrepared(client: PgClient, name: string, query: Query): Promise<readonly SqlRow[]> {
  return new Promise((resolve, reject) => {
    const statement = new PreparedStatement(name, query, (error, rows = []) => {
      if (error) reject(error)
      else resolve(rows)
    })
    // Users may have wrapped it in what answers later, or not at all.
    Promise.resolve(client.query(statement)).catch(reject)
  })
}

async function sendAsText(
  client: PgClient,
  { text, params, name }: Query,
): Promise<readonly SqlRow[]> {
  const named = name === null ? {} : { name }
  const { rows } = await client.query({
    ...named,
    text,
    values: params,
    rowMode: 'array',
    types: AS_TEXT,
  })
  return rows
}
