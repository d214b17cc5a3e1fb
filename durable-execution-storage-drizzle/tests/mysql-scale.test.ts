/** What MySQL and MariaDB do for every verb on a large table: no statement reads more of it than it is about. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { COLUMNS } from '../src/row'
import { MySqlDatabases, mySqlServers } from './mysql-databases'
import { watchMySql, type WatchedMySql } from './scale/mysql-watch'
import { FIRST_OF_FEW, rowExpressions, tableSize, type Dialect, type TableSize } from './scale/rows'
import { EveryVerb, findExcess, READY_ROWS } from './scale/verbs'

const SIZE = tableSize(100_000)
const TIMEOUT_MS = 1_200_000

const dialect: Dialect = {
  concat: (...parts) => `concat(${parts.join(', ')})`,
  mod: (divisor) => `(n % ${divisor})`,
}

const DIGIT = `(SELECT 0 AS d ${Array.from({ length: 9 }, (_, index) => `UNION ALL SELECT ${index + 1}`).join(' ')})`

/** The numbers from 0 on, as a table: recursive queries end after 1000 rows, unless the server is told otherwise. */
function numbers(count: number): string {
  const places = Array.from({ length: String(count).length }, (_, place) => place)
  const sum = places.map((place) => `d${place}.d * ${10 ** place}`).join(' + ')
  const tables = places.map((place) => `${DIGIT} AS d${place}`).join(', ')
  return `(SELECT * FROM (SELECT ${sum} AS i FROM ${tables}) AS counted WHERE i < ${count})`
}

describe.each(await mySqlServers())('$name with a large table', (server) => {
  const databases = new MySqlDatabases(server)
  let watched: WatchedMySql

  beforeAll(async () => {
    watched = await watchMySql(await databases.create(), server)
  })

  afterAll(async () => {
    await watched.close()
    await databases.drop()
  })

  /** A new table, of which nothing is known but what this test has asked for. */
  async function createTable(): Promise<void> {
    await watched.query('DROP TABLE IF EXISTS task_executions, task_executions_schema')
    await watched.storage.migrate()
    await watched.query('ALTER TABLE task_executions STATS_AUTO_RECALC = 0')
  }

  async function fill(size: TableSize, first = 0): Promise<void> {
    for (const kind of ['finished', 'delayed', 'ready'] as const) {
      await watched.query(
        `INSERT INTO task_executions (${COLUMNS.join(', ')}) SELECT ${rowExpressions(kind, dialect).join(', ')} FROM (SELECT i + ${first} AS n FROM ${numbers(size[kind])} AS numbers) AS g`,
      )
    }
  }

  async function expectLittleRead(prefix: string): Promise<void> {
    const calls = await new EveryVerb(watched.storage, watched.take, prefix).call()
    expect(findExcess(calls)).toEqual([])
  }

  it('reads little right after a bulk insert', { timeout: TIMEOUT_MS }, async () => {
    await createTable()
    await fill(SIZE)
    await expectLittleRead('a')
  })

  it('reads little once the table is analyzed', { timeout: TIMEOUT_MS }, async () => {
    await watched.query('ANALYZE TABLE task_executions')
    await expectLittleRead('b')
  })

  it(
    'reads little of a table that was small when it was analyzed',
    { timeout: TIMEOUT_MS },
    async () => {
      await createTable()
      await fill({ finished: 3, delayed: 2, ready: READY_ROWS }, FIRST_OF_FEW)
      await watched.query('ANALYZE TABLE task_executions')
      await expectLittleRead('c')
      await fill(SIZE)
      await expectLittleRead('d')
    },
  )
})
