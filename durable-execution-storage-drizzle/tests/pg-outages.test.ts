/** Executors on PostgreSQL through outages (G6): with a pool of pg, and with postgres.js. */
import pg from 'pg'

import { serverDrivers } from './pg-databases'
import { describeOutages, skipOutages } from './support/outage-tests'
import { canStart } from './support/private-server'
import type { Query, Watch } from './support/server-watch'

const WATCH = 'watch'

function toQuery(client: pg.Pool | pg.PoolClient): Query {
  return async (text) => (await client.query({ text, rowMode: 'array' })).rows as unknown[][]
}

function watch(connectionString: string): Watch {
  const pool = new pg.Pool({ connectionString, max: 4, application_name: WATCH })
  pool.on('error', () => undefined)
  const query = toQuery(pool)
  const count = async (text: string): Promise<number> => Number((await query(text))[0]?.[0])
  return {
    query,
    async transaction(work) {
      const client = await pool.connect()
      try {
        // The storage's own transactions look for deadlocks sooner, and are those that are undone.
        await client.query(
          "BEGIN; SET LOCAL deadlock_timeout = '10s'; SET LOCAL lock_timeout = '150ms'",
        )
        await work(toQuery(client))
      } finally {
        await client.query('ROLLBACK').catch(() => undefined)
        client.release()
      }
    },
    killConnections: () =>
      count(
        `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> '${WATCH}'`,
      ),
    countDeadlocks: () =>
      count('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()'),
    close: () => pool.end(),
  }
}

const isHere = await canStart('postgres')
if (!isHere) skipOutages('postgres')

for (const name of isHere ? ['a pool of pg', 'postgres.js'] : []) {
  describeOutages(name, {
    kind: 'postgres',
    strict: {
      begin: "ALTER ROLE ALL SET default_transaction_isolation = 'serializable'",
      end: 'ALTER ROLE ALL RESET default_transaction_isolation',
      // The code of a serialization failure, as a field of an error.
      failure: 'C40001',
    },
    watch,
    async open(url, tableName) {
      const driver = serverDrivers(url).find((candidate) => candidate.name === name)
      if (!driver) throw new Error(`There is no driver ${name}`)
      const { storage, end } = await driver.open({ tableName })
      return { storage, end }
    },
  })
}
