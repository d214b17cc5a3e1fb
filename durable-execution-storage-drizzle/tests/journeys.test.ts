/** Users get what they are promised on SQLite, on a driver that answers at once and on one that answers later. */
import { describeJourneys } from 'durable-execution-storage-test-utils'
import { afterAll } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles } from './databases'

const files = temporaryFiles()
afterAll(files.remove)

const [firstDriver] = DRIVERS
const drivers = DRIVERS.filter((driver) => driver === firstDriver || !driver.isSync)
for (const driver of drivers) {
  describeJourneys(`SQLite storage on ${driver.name}`, async () => {
    const database = await openMigrated(driver, files.next())
    return {
      storage: database.storage,
      dump: () => database.rows(),
      close: () => {
        database.close()
      },
    }
  })
}
