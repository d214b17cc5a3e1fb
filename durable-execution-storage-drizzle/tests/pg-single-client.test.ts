/** An executor on one client of pg, which cannot be replaced: it outlasts what passes, and says so where its connection is lost. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { serverDrivers, type Driver, type TestDatabase } from './pg-databases'
import { OutageScene, until } from './support/outage-scene'
import { skipOutages } from './support/outage-tests'
import { canStart, PrivateServer } from './support/private-server'
import { Proxy } from './support/proxy'

const LEASE_MS = 1000

function driverNamed(name: string, url: string): Driver {
  const driver = serverDrivers(url).find((candidate) => candidate.name === name)
  if (!driver) throw new Error(`There is no driver ${name}`)
  return driver
}

const isHere = await canStart('postgres')
if (!isHere) skipOutages('postgres')

describe.skipIf(!isHere)('an executor on a client of pg', () => {
  let server: PrivateServer
  let proxy: Proxy

  beforeAll(async () => {
    server = await PrivateServer.start('postgres')
    proxy = await Proxy.open(server.url)
  })
  afterAll(async () => {
    await proxy.close()
    await server.remove()
  })

  /** A table, a client on it through the proxy, and a pool past it. */
  async function open(): Promise<{ client: TestDatabase; pool: TestDatabase }> {
    const pool = await driverNamed('a pool of pg', server.url).open()
    await pool.storage.migrate()
    const { tableName } = pool
    const client = await driverNamed('a client of pg', proxy.url).open({ tableName })
    return { client, pool }
  }

  it('waits for answers that come late, and goes on', async () => {
    const { client, pool } = await open()
    const scene = await OutageScene.start([client.storage], pool.rows, 3 * LEASE_MS)
    await scene.hold(5)
    proxy.delay(2 * LEASE_MS)
    await scene.untilAway()
    scene.release()
    proxy.mend()
    await scene.expectAllDoneOnce()
    await scene.expectOneOutageTold()
    expect(proxy.counts.delayed).toBeGreaterThan(0)
    await scene.end()
    await client.end()
    await pool.close()
  })

  it('says that its connection is lost, and leaves its work to others', async () => {
    const { client, pool } = await open()
    const scene = await OutageScene.start([client.storage], pool.rows, LEASE_MS)
    await scene.hold(5)
    const killed = await killOthers(server.url)
    expect(killed).toBeGreaterThan(0)
    await scene.untilAway()
    await until('it says what is lost', async () => {
      const stored = client.storage.get({ executionIds: ['te_1'] })
      return stored.then(
        () => false,
        (error: unknown) => String(error).includes('use a Pool'),
      )
    })
    scene.release()
    const other = await OutageScene.start([pool.storage], pool.rows, LEASE_MS)
    other.release()
    await until('the other has ended all of it', async () => {
      const rows = await pool.rows()
      return rows.length === 5 && rows.every(({ status }) => status === 'completed')
    })
    expect(other.count('execution_taken_over')).toBe(5)
    expect(scene.count('storage_away')).toBe(1)
    await other.end()
    await scene.end(0)
    await pool.close()
  })
})

async function killOthers(connectionString: string): Promise<number> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  const { rowCount } = await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
  )
  await client.end()
  return rowCount ?? 0
}
