/** Executors on MySQL and MariaDB through outages (G6). */
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise'

import { toRows } from '../src/mysql/connection'
import { MySqlDatabases } from './mysql-databases'
import { describeOutages, skipOutages } from './support/outage-tests'
import { canStart } from './support/private-server'
import type { Query, Watch } from './support/server-watch'

function toQuery(client: Pool | PoolConnection): Query {
  return async (sql) => {
    const [rows] = await client.query({ sql, rowsAsArray: true })
    return toRows(rows).map((row) => Array.from(row))
  }
}

function watch(uri: string): Watch {
  const pool = createPool({ uri, connectionLimit: 4 })
  const query = toQuery(pool)
  const own = new Set<number>()
  pool.on('connection', ({ threadId }) => own.add(threadId))
  return {
    query,
    async transaction(work) {
      const client = await pool.getConnection()
      try {
        await client.query('SET SESSION innodb_lock_wait_timeout = 1')
        await client.query('START TRANSACTION')
        await work(toQuery(client))
      } finally {
        await client.query('ROLLBACK').catch(() => undefined)
        client.release()
      }
    },
    async killConnections() {
      const ids = await query("SELECT id FROM information_schema.processlist WHERE db = 'test'")
      const others = ids.map(([id]) => Number(id)).filter((id) => !own.has(id))
      const killed = others.map((id) =>
        query(`KILL ${id}`).then(
          () => 1,
          () => 0,
        ),
      )
      return (await Promise.all(killed)).filter((one) => one === 1).length
    },
    async countDeadlocks() {
      const [row] = await query(
        "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'",
      )
      return Number(row?.[0])
    },
    close: () => pool.end(),
  }
}

for (const [name, kind] of [
  ['MariaDB', 'mariadb'],
  ['MySQL', 'mysql'],
] as const) {
  if (!(await canStart(kind))) {
    skipOutages(kind)
    continue
  }
  describeOutages(name, {
    kind,
    watch,
    async open(url, tableName) {
      const { storage, close } = new MySqlDatabases({ name, url }).open(url, { tableName })
      // A connection that was reset meanwhile can't be ended in good order.
      return { storage, end: () => close().catch(() => undefined) }
    },
  })
}
