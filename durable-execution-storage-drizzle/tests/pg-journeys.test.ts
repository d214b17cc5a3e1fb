/** Users get what they are promised on PostgreSQL, on each driver but those of `pg`, which have a file of their own: both run at once. */
import { describeJourneys } from 'durable-execution-storage-test-utils'

import { openMigrated, PG_DRIVERS } from './pg-databases'

for (const driver of PG_DRIVERS.filter(({ name }) => !name.endsWith(' of pg'))) {
  describeJourneys(`PostgreSQL storage on ${driver.name}`, async () => {
    const database = await openMigrated(driver)
    return { storage: database.storage, dump: database.rows, close: database.close }
  })
}
