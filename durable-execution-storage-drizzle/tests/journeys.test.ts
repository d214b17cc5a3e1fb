/** Users get what they are promised on SQLite, on every driver that loads here. */
import { describeJourneys } from 'durable-execution-storage-test-utils'
import { afterAll } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles } from './databases'

const files = temporaryFiles()
afterAll(files.remove)

for (const driver of DRIVERS) {
  describeJourneys(`SQLite storage on ${driver.name}`, async () => {
    const database = await openMigrated(driver, files.next())
    return { storage: database.storage, dump: database.rows, close: database.close }
  })
}
