/** Connections of our own where the driver is postgres.js. */
import pg from 'pg'
import { expect, it } from 'vitest'

import { openMigrated, SERVER_DRIVERS, SERVER_URL } from '../../tests/pg-databases'

const LONG = { timeout: 30_000, interval: 20 }

it.each(SERVER_DRIVERS.filter(({ name }) => name === 'postgres.js'))(
  '$name: calls wait when there are as many as its client may have connections',
  async (driver) => {
    const applicationName = `postgres_js_${process.pid}`
    const database = await openMigrated(driver, { applicationName, poolSize: 6 })
    const locker = new pg.Client({ connectionString: SERVER_URL ?? '' })
    await locker.connect()
    // A transaction would see one state of the connections only.
    const watcher = await driver.open()
    const waits = async (): Promise<unknown[]> => {
      const rows = await watcher.query(
        'SELECT wait_event_type FROM pg_stat_activity WHERE application_name = $1',
        [applicationName],
      )
      return rows.map(([wait]) => wait)
    }
    const call = (): Promise<unknown> => database.storage.get({ executionIds: ['te_1'] })
    try {
      // The connections of the migration end first.
      await expect.poll(waits, LONG).toStrictEqual([])
      await locker.query('BEGIN')
      await locker.query(`LOCK TABLE "${database.tableName}" IN ACCESS EXCLUSIVE MODE`)
      const calls = Promise.all(Array.from({ length: 12 }, call))
      const seen: number[] = []
      // A seventh would show among the many looks after all six wait.
      const looks = async (): Promise<boolean> => {
        const isFull = (await waits()).filter((wait) => wait === 'Lock').length >= 6
        if (isFull) seen.push((await waits()).length)
        return seen.length >= 25
      }
      await expect.poll(looks, LONG).toBe(true)
      expect(Math.max(...seen)).toBe(6)
      await locker.query('ROLLBACK')
      expect(await calls).toHaveLength(12)
    } finally {
      await locker.end()
      await watcher.end()
      await database.close()
    }
  },
)
