/** Users get what they are promised on PostgreSQL, through a pool and through a client of `pg`. */
import { describeJourneys } from 'durable-execution-storage-test-utils'

import { openMigrated, PG_DRIVERS } from './pg-databases'

for (const driver of PG_DRIVERS.filter(({ name }) => name.endsWith(' of pg'))) {
  describeJourneys(`PostgreSQL storage on ${driver.name}`, async () => {
    const database = await openMigrated(driver)
    return { storage: database.storage, dump: database.rows, close: database.close }
  })
}
