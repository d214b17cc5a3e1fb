import { describeStorage } from 'durable-execution-storage-test-utils'
import { afterAll } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles } from './databases'

const files = temporaryFiles()
afterAll(files.remove)

for (const driver of DRIVERS) {
  describeStorage(`SQLite storage on ${driver.name}`, async () => {
    const database = await openMigrated(driver, files.next())
    return { storage: database.storage, dump: database.rows, close: database.close }
  })
}

const [driver] = DRIVERS
if (driver) {
  describeStorage(
    `SQLite storage on ${driver.name} without prepared statements`,
    async () => {
      const database = await openMigrated(driver, files.next(), { preparedStatements: false })
      return { storage: database.storage, dump: database.rows, close: database.close }
    },
    { model: { sequences: 0 } },
  )
}
