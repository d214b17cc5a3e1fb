import { describeStorage } from 'durable-execution-storage-test-utils'

import { openMigrated, PG_DRIVERS } from './pg-databases'

for (const driver of PG_DRIVERS) {
  describeStorage(`PostgreSQL storage on ${driver.name}`, async () => {
    const database = await openMigrated(driver)
    return { storage: database.storage, dump: database.rows, close: database.close }
  })
}

const [driver] = PG_DRIVERS
if (driver) {
  describeStorage(
    `PostgreSQL storage on ${driver.name} without prepared statements`,
    async () => {
      const database = await openMigrated(driver, { preparedStatements: false })
      return { storage: database.storage, dump: database.rows, close: database.close }
    },
    { model: { sequences: 0 } },
  )
}
