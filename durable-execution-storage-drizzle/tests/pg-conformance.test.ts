import { describeStorage } from 'durable-execution-storage-test-utils'

import { openMigrated, PG_DRIVERS } from './pg-databases'

for (const driver of PG_DRIVERS) {
  describeStorage(`PostgreSQL storage on ${driver.name}`, async () => {
    const { storage, rows, close } = await openMigrated(driver)
    return { storage, dump: rows, close, isParallel: driver.isParallel }
  })
}

const [driver] = PG_DRIVERS
if (driver) {
  describeStorage(
    `PostgreSQL storage on ${driver.name} without prepared statements`,
    async () => {
      const database = await openMigrated(driver, { preparedStatements: false })
      const { storage, rows, close } = database
      return { storage, dump: rows, close, isParallel: driver.isParallel }
    },
    { model: { sequences: 0 } },
  )
}
