/** What SQLite does for every verb on a large table: no statement reads more of it than it is about. */
import { afterAll, describe, expect, it } from 'vitest'

import { COLUMNS } from '../src/row'
import { DRIVERS, openMigrated, temporaryFiles, type TestDatabase } from './databases'
import { FIRST_OF_FEW, rowExpressions, tableSize, type Dialect, type TableSize } from './scale/rows'
import { watchSqlite, type Connection } from './scale/sqlite-watch'
import { EveryVerb, findExcess, READY_ROWS, type TakeStatements } from './scale/verbs'

const SIZE = tableSize(100_000)
const TIMEOUT_MS = 600_000

const dialect: Dialect = {
  concat: (...parts) => `(${parts.join(' || ')})`,
  mod: (divisor) => `(n % ${divisor})`,
}

const files = temporaryFiles()
afterAll(files.remove)

interface Watched {
  readonly database: TestDatabase
  readonly take: TakeStatements
}

const drivers = DRIVERS.filter(({ name }) => name === 'better-sqlite3')

/** A new file with its table, of which nothing is known. */
async function open(driver: (typeof DRIVERS)[number]): Promise<Watched> {
  let take: TakeStatements = () => []
  const onConnection = (connection: Connection): void => {
    take = watchSqlite(connection)
  }
  const database = await openMigrated(driver, files.next(), { onConnection })
  return { database, take: () => take() }
}

async function fill({ database }: Watched, size: TableSize, first = 0): Promise<void> {
  for (const kind of ['finished', 'delayed', 'ready'] as const) {
    await database.exec(
      `INSERT INTO task_executions (${COLUMNS.join(', ')}) WITH RECURSIVE g (n) AS (SELECT ${first} UNION ALL SELECT n + 1 FROM g WHERE n < ${first + size[kind] - 1}) SELECT ${rowExpressions(kind, dialect).join(', ')} FROM g`,
    )
  }
}

async function expectLittleRead({ database, take }: Watched, prefix: string): Promise<void> {
  const calls = await new EveryVerb(database.storage, take, prefix).call()
  expect(findExcess(calls)).toEqual([])
}

describe.skipIf(drivers.length === 0).each(drivers)(
  'SQLite with a large table, with $name',
  (driver) => {
    it('reads little, before it is analyzed and after', { timeout: TIMEOUT_MS }, async () => {
      const watched = await open(driver)
      await fill(watched, SIZE)
      await expectLittleRead(watched, 'a')
      await watched.database.exec('ANALYZE')
      await expectLittleRead(watched, 'b')
      watched.database.close()
    })

    it(
      'reads little of a table that was small when it was analyzed',
      { timeout: TIMEOUT_MS },
      async () => {
        const watched = await open(driver)
        await fill(watched, { finished: 3, delayed: 2, ready: READY_ROWS }, FIRST_OF_FEW)
        await watched.database.exec('ANALYZE')
        await expectLittleRead(watched, 'c')
        await fill(watched, SIZE)
        await expectLittleRead(watched, 'd')
        watched.database.close()
      },
    )
  },
)
