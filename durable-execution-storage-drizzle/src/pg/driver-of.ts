/** The driver below a Drizzle database. */
import { DurableExecutionError } from 'durable-execution'

import type { Driver } from './driver'
import { nodePostgresDriver } from './node-postgres'
import { pgliteDriver } from './pglite'
import { postgresJsDriver } from './postgres-js'

/** @throws A non-retryable `DurableExecutionError` if it is none that this storage knows. */
export function driverOf(db: object): Driver {
  const client: unknown = Reflect.get(db, '$client')
  const driver = nodePostgresDriver(client) ?? postgresJsDriver(client) ?? pgliteDriver(client)
  if (driver) return driver
  throw DurableExecutionError.nonRetryable(
    'Invalid database for a PostgreSQL storage: expected what drizzle() of drizzle-orm/node-postgres, drizzle-orm/postgres-js or drizzle-orm/pglite returned',
    { code: 'invalid_options' },
  )
}
