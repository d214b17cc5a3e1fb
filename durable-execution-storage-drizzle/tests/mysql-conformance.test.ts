import { describeStorage } from 'durable-execution-storage-test-utils'
import { afterAll, describe } from 'vitest'

import { MySqlDatabases, mySqlServers } from './mysql-databases'

const servers = await mySqlServers()

describe.skipIf(servers.length === 0)('MySQL and MariaDB', () => {
  for (const server of servers) {
    const databases = new MySqlDatabases(server)
    afterAll(databases.drop)

    const open = (preparedStatements: boolean) => async () => {
      const database = await databases.openMigrated({ preparedStatements })
      return {
        storage: database.storage,
        dump: database.rows,
        close: async () => {
          await database.close()
          await databases.drop()
        },
      }
    }
    describeStorage(`storage on ${server.name}`, open(true))
    describeStorage(`storage on ${server.name} without prepared statements`, open(false), {
      model: { sequences: 0 },
    })
  }
})
