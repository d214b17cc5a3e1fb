/** What PostgreSQL does for every verb on a large table: no statement reads more of it than it is about. */
import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { COLUMNS } from '../src/row'
import { SERVER_URL } from './pg-databases'
import { watchPg, type WatchedPg } from './scale/pg-watch'
import { FIRST_OF_FEW, rowExpressions, tableSize, type Dialect, type TableSize } from './scale/rows'
import { EveryVerb, findExcess, READY_ROWS } from './scale/verbs'

const SIZE = tableSize(100_000)
const TIMEOUT_MS = 600_000

const dialect: Dialect = {
  concat: (...parts) => `(${parts.join(' || ')})`,
  mod: (divisor) => `(n % ${divisor})`,
}

describe.skipIf(SERVER_URL === null)('PostgreSQL with a large table', () => {
  const tableName = `te_scale_${randomUUID().slice(0, 8)}`
  let watched: WatchedPg

  beforeAll(async () => {
    watched = await watchPg(SERVER_URL ?? '', tableName)
  })

  afterAll(async () => {
    await watched.query(`DROP TABLE IF EXISTS "${tableName}", "${tableName}_schema"`)
    await watched.close()
  })

  /** A new table, of which nothing is known but what this test has asked for. */
  async function createTable(): Promise<void> {
    await watched.query(`DROP TABLE IF EXISTS "${tableName}", "${tableName}_schema"`)
    await watched.storage.migrate()
    await watched.query(`ALTER TABLE "${tableName}" SET (autovacuum_enabled = false)`)
  }

  async function fill(size: TableSize, first = 0): Promise<void> {
    for (const kind of ['finished', 'delayed', 'ready'] as const) {
      const values = rowExpressions(kind, dialect).join(', ')
      await watched.query(
        `INSERT INTO "${tableName}" (${COLUMNS.join(', ')}) SELECT ${values} FROM generate_series(${first}, ${first + size[kind] - 1}) AS g (n)`,
      )
    }
  }

  async function expectLittleRead(prefix: string): Promise<void> {
    const calls = await new EveryVerb(watched.storage, watched.take, prefix).call()
    expect(findExcess(calls)).toEqual([])
  }

  it(
    'reads little right after a bulk insert, with no statistics',
    { timeout: TIMEOUT_MS },
    async () => {
      await createTable()
      await fill(SIZE)
      await expectLittleRead('a')
    },
  )

  it('reads little once the table is analyzed', { timeout: TIMEOUT_MS }, async () => {
    await watched.query(`ANALYZE "${tableName}"`)
    await expectLittleRead('b')
  })

  it(
    'reads little of a table that was small when it was analyzed',
    { timeout: TIMEOUT_MS },
    async () => {
      await createTable()
      await fill({ finished: 3, delayed: 2, ready: READY_ROWS }, FIRST_OF_FEW)
      await watched.query(`ANALYZE "${tableName}"`)
      await expectLittleRead('c')
      await fill(SIZE)
      await expectLittleRead('d')
    },
  )
})
