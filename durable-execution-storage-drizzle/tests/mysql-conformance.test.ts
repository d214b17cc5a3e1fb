import { describeStorage } from 'durable-execution-storage-test-utils'
import { afterAll, describe } from 'vitest'

import { MySqlDatabases, mySqlServers } from './mysql-databases'

const servers = await mySqlServers()

describe.skipIf(servers.length === 0)('MySQL and MariaDB', async () => {
  for (const server of servers) {
    const databases = new MySqlDatabases(server)
    const openTable = await databases.openShared()
    afterAll(databases.drop)

    const open = (preparedStatements: boolean) => async () => {
      const { storage, rows, close } = await openTable({ preparedStatements })
      return { storage, dump: rows, close, isParallel: true }
    }
    describeStorage(`storage on ${server.name}`, open(true))
    describeStorage(`storage on ${server.name} without prepared statements`, open(false), {
      model: { sequences: 0 },
    })
  }
})
