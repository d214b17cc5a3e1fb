/** Servers whose default isolation is not READ COMMITTED: the storages set their own, and hold what they promise. */
import type { ExecutionRecord, TaskExecutionsStorage } from 'durable-execution'
import {
  childOf,
  conformanceCases,
  describeStorage,
  newExecution,
} from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers } from './mysql-databases'
import { openMigrated, SERVER_DRIVERS } from './pg-databases'
import { OutageScene, until } from './support/outage-scene'

const ISOLATIONS = ['serializable', 'repeatable read'] as const

/** Those with most locks; all of them where the conformance runs at length. */
const cases = conformanceCases.filter(
  ({ verb }) =>
    process.env['TEST_SEQUENCES'] !== undefined || ['settle', 'cancel', 'all verbs'].includes(verb),
)

/** Two executors at work on trees: nothing of it fails, nothing is done twice. */
async function expectLoadPasses(
  storages: readonly TaskExecutionsStorage<unknown>[],
  rows: () => Promise<ExecutionRecord[]>,
): Promise<void> {
  const scene = await OutageScene.start(storages, rows, 9000)
  const busy = scene.keepBusy()
  await until('a hundred functions ran', () => scene.runs > 100)
  await busy.stop()
  await scene.expectAllDoneOnce()
  expect(scene.count('storage_away')).toBe(0)
  await scene.end()
}

const pgDrivers = SERVER_DRIVERS.filter(({ name }) => name !== 'a client of pg')

for (const driver of pgDrivers) {
  for (const isolation of ISOLATIONS) {
    const settings = `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`
    const name = `${driver.name} where ${isolation} is the default`

    // The statements are the same on all drivers.
    if (driver === pgDrivers[0]) {
      describeStorage(
        `PostgreSQL storage on ${name}`,
        async () => {
          const { storage, rows, close } = await openMigrated(driver, { settings })
          return { storage, dump: rows, close, isParallel: true }
        },
        { cases, model: { sequences: 1 } },
      )
    }

    describe(name, () => {
      it('lets executors work on trees', async () => {
        const database = await openMigrated(driver, { settings })
        const other = await driver.open({ settings, tableName: database.tableName })
        await expectLoadPasses([database.storage, other.storage], database.rows)
        await other.end()
        await database.close()
      })

      it('has transactions of the storage in READ COMMITTED', async () => {
        const { storage, query, tableName, close } = await openMigrated(driver, { settings })
        // Before the counting begins: one statement by itself has the default, until that gets in the way.
        const root = newExecution({ executionId: 'te_root', start: 'waiting' })
        const child = childOf(root, 0, { executionId: 'te_child' })
        const by = { executorId: 'executor', leaseMs: 60_000 }
        await storage.insert({ executions: [root, child], ...by })
        const seen = `${tableName}_seen`
        // A row for each would be a conflict of its own.
        await query(`CREATE SEQUENCE ${seen}_read_committed`)
        await query(`CREATE SEQUENCE ${seen}_${isolation.replace(' ', '_')}`)
        await query(
          `CREATE FUNCTION ${seen}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('${seen}_' || replace(current_setting('transaction_isolation'), ' ', '_')); RETURN NULL; END $$`,
        )
        await query(
          `CREATE TRIGGER seen AFTER INSERT OR UPDATE ON ${tableName} FOR EACH STATEMENT EXECUTE FUNCTION ${seen}()`,
        )
        const error = { ...CANCELLED }
        await storage.cancel({ executionIds: ['te_root'], error })
        const counts = async (which: string): Promise<unknown> =>
          (await query(`SELECT is_called FROM ${seen}_${which}`))[0]?.[0]
        expect(await counts('read_committed')).toBe(true)
        expect(await counts(isolation.replace(' ', '_'))).toBe(false)
        await query(`DROP FUNCTION ${seen} CASCADE`)
        await query(`DROP SEQUENCE ${seen}_read_committed, ${seen}_${isolation.replace(' ', '_')}`)
        await close()
      })
    })
  }
}

const CANCELLED = {
  errorType: 'cancelled',
  code: 'cancelled',
  message: 'cancelled',
  isRetryable: false,
  isInternal: false,
} as const

const mySqls = await mySqlServers()

for (const server of mySqls) {
  const databases = new MySqlDatabases(server)
  for (const isolation of ISOLATIONS) {
    const begin = `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`
    const openTable = await databases.openShared(begin)

    describeStorage(
      `storage on ${server.name} where ${isolation} is the default`,
      async () => {
        const { storage, rows, close } = await openTable()
        return { storage, dump: rows, close, isParallel: true }
      },
      { cases, model: { sequences: 1 } },
    )

    describe(`${server.name} where ${isolation} is the default`, () => {
      it('lets executors work on trees', async () => {
        const url = await databases.create()
        const [database, other] = [databases.open(url, { begin }), databases.open(url, { begin })]
        await database.storage.migrate()
        await expectLoadPasses([database.storage, other.storage], database.rows)
        await database.close()
        await other.close()
      })
    })
  }
  afterAll(databases.drop)
}
