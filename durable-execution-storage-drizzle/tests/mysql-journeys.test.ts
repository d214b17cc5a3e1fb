/** Users get what they are promised on MySQL and on MariaDB. */
import { describeJourneys } from 'durable-execution-storage-test-utils'
import { afterAll, describe } from 'vitest'

import { MySqlDatabases, mySqlServers } from './mysql-databases'

const servers = await mySqlServers()

describe.skipIf(servers.length === 0)('MySQL and MariaDB', async () => {
  for (const server of servers) {
    const databases = new MySqlDatabases(server)
    const openTable = await databases.openShared()
    afterAll(databases.drop)

    describeJourneys(`storage on ${server.name}`, async () => {
      const { storage, rows, close } = await openTable()
      return { storage, dump: rows, close }
    })
  }
})
