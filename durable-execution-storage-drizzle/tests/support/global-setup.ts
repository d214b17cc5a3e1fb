/** Once for all test files: a PostgreSQL server, where none is named and none answers on this machine. */
import pg from 'pg'

import { LOCAL_POSTGRES_URL } from './local-postgres'
import { canStart, PrivateServer } from './private-server'

/** Answers how to end what was started. */
export default async function setUp(): Promise<(() => Promise<void>) | undefined> {
  if (process.env['TEST_POSTGRES_URL'] !== undefined || (await answers())) return undefined
  if (!(await canStart('postgres'))) return undefined
  try {
    const server = await PrivateServer.start('postgres')
    // The processes of the tests inherit it.
    process.env['TEST_POSTGRES_URL'] = server.url
    return () => server.remove()
  } catch (error) {
    process.stderr.write(`A private PostgreSQL for tests did not start: ${String(error)}\n`)
    return undefined
  }
}

async function answers(): Promise<boolean> {
  const client = new pg.Client({
    connectionString: LOCAL_POSTGRES_URL,
    connectionTimeoutMillis: 5000,
  })
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}
