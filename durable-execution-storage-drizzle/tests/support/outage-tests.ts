/** The outages that an executor over a server goes through, the same on every database. Each proves that the outage was one. */
import type { TaskExecutionsStorage } from 'durable-execution'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { LEASE_MS, OutageScene, until } from './outage-scene'
import { PrivateServer, sayMissing, type ServerKind } from './private-server'
import { Proxy } from './proxy'
import { lockAgainstTheOrder, readTable, writeBeside, type Watch } from './server-watch'

/** Outages end before it does: what was taken by a call whose answer was lost has no owner who knows of it, and may be taken over. */
const MIDDLE_LEASE_MS = 3000
/** So long that a call may meet several deadlocks within its time limit. */
const LONG_LEASE_MS = 9000

/** A storage on a pool of its own. */
interface OpenedStorage {
  readonly storage: TaskExecutionsStorage<unknown> & { migrate(): Promise<void> }
  readonly end: () => Promise<void>
}

/** What the tests need of a database. */
export interface OutageDatabase {
  readonly kind: ServerKind
  /** Where a strict isolation makes statements fail that met others: how to ask for it, and what the server then says. */
  readonly strict?: { readonly begin: string; readonly end: string; readonly failure: string }
  watch(serverUrl: string): Watch
  /** Opens a pool of the driver under test on this way to the server. */
  open(url: string, tableName: string): Promise<OpenedStorage>
}

/** Leaves the tests out, and says so, where there is no server that they may kill. */
export function skipOutages(kind: ServerKind): void {
  sayMissing(kind)
  describe(`an executor on ${kind}`, () => {
    it.skip('goes through outages', () => undefined)
  })
}

/** Adds the tests for one driver. */
export function describeOutages(name: string, database: OutageDatabase): void {
  describe(`an executor on ${name}`, () => {
    let server: PrivateServer
    let proxy: Proxy
    let watch: Watch
    let count = 0
    let tableName = ''
    const cleanUps: (() => Promise<unknown>)[] = []

    beforeAll(async () => {
      server = await PrivateServer.start(database.kind)
      proxy = await Proxy.open(server.url)
      watch = database.watch(server.url)
    })
    afterAll(async () => {
      await watch.close()
      await proxy.close()
      await server.remove()
    })
    beforeEach(async () => {
      tableName = `outage_${(count += 1)}`
      const { storage, end } = await database.open(server.url, tableName)
      await storage.migrate()
      await end()
      proxy.reset()
    })
    afterEach(async () => {
      proxy.reset()
      for (const end of cleanUps.splice(0).reverse()) await end()
    })

    /** Two executors, each on a pool of its own, on this way to the server. */
    async function startScene(url: string, leaseMs?: number): Promise<OutageScene> {
      const opened = await Promise.all([
        database.open(url, tableName),
        database.open(url, tableName),
      ])
      cleanUps.push(() => Promise.all(opened.map(({ end }) => end())))
      const scene = await OutageScene.start(
        opened.map(({ storage }) => storage),
        () => readTable(watch, tableName),
        leaseMs,
      )
      cleanUps.push(() => scene.end())
      return scene
    }

    it('keeps the results through a server that is killed and started again', async () => {
      const scene = await startScene(server.url)
      await scene.hold(20)
      const before = await server.processId()
      await server.kill()
      scene.release()
      await scene.untilAway()
      expect(scene.count('execution_settled')).toBe(0)
      await server.restart()
      expect(await server.processId()).not.toBe(before)
      await scene.expectAllDoneOnce()
      await scene.expectOneOutageTold()
    })

    it('goes on while its connections are killed again and again', async () => {
      const scene = await startScene(server.url, LONG_LEASE_MS)
      await scene.hold(5)
      const busy = scene.keepBusy()
      let killed = 0
      for (let round = 1; round <= 10; round += 1) {
        const runs = scene.runs
        await until('work goes on', () => scene.runs > runs)
        killed += await watch.killConnections()
      }
      await busy.stop()
      scene.release()
      expect(killed).toBeGreaterThanOrEqual(10)
      await scene.expectAllDoneOnce()
      // The last kill may have met a call that nothing waits for.
      await until(
        'every executor that lost its storage has it back',
        () => scene.count('storage_back') === scene.count('storage_away'),
      )
    })

    it('runs none of 50 functions twice through a network that is cut for two leases', async () => {
      const scene = await startScene(proxy.url)
      await scene.hold(50)
      const cutAt = performance.now()
      proxy.cut()
      await scene.untilAway()
      scene.release()
      await until('two leases are over', () => performance.now() - cutAt > 2 * LEASE_MS)
      expect(scene.count('execution_settled')).toBe(0)
      proxy.mend()
      await scene.expectAllDoneOnce()
      await scene.expectOneOutageTold()
      expect(proxy.counts.cut).toBeGreaterThan(0)
      expect(proxy.counts.refused).toBeGreaterThan(0)
    })

    it('gives connections up that have fallen silent, and goes on with others', async () => {
      const scene = await startScene(proxy.url, MIDDLE_LEASE_MS)
      await scene.hold(20)
      const busy = scene.keepBusy()
      await until('trees run', () => scene.count('execution_settled') > 5)
      proxy.fallSilent()
      await scene.untilAway()
      scene.release()
      proxy.mend()
      await busy.stop()
      await scene.expectAllDoneOnce()
      await scene.expectOneOutageTold()
      expect(proxy.counts.swallowed).toBeGreaterThan(0)
      expect(proxy.counts.givenUp).toBeGreaterThan(0)
    })

    it('goes on where answers come later than it waits for them', async () => {
      const scene = await startScene(proxy.url, MIDDLE_LEASE_MS)
      await scene.hold(20)
      const busy = scene.keepBusy()
      await until('trees run', () => scene.count('execution_settled') > 5)
      proxy.delay(MIDDLE_LEASE_MS / 2)
      await scene.untilAway()
      scene.release()
      proxy.mend()
      await busy.stop()
      await scene.expectAllDoneOnce()
      expect(proxy.counts.delayed).toBeGreaterThan(0)
    })

    it('takes deadlocks for nothing but a pause', async () => {
      const scene = await startScene(server.url, LONG_LEASE_MS)
      const before = await watch.countDeadlocks()
      const busy = scene.keepBusy()
      const disturbance = lockAgainstTheOrder(watch, tableName)
      await until(
        'the server has met deadlocks',
        async () => (await watch.countDeadlocks()) - before >= 5,
      )
      await disturbance.stop()
      await busy.stop()
      await scene.expectAllDoneOnce()
      expect(scene.count('storage_away')).toBe(0)
    })

    const { strict } = database
    if (!strict) return
    it('takes serialization failures for nothing but a pause', async () => {
      cleanUps.push(() => watch.query(strict.end))
      await watch.query(strict.begin)
      proxy.lookFor(strict.failure)
      const scene = await startScene(proxy.url, LONG_LEASE_MS)
      const busy = scene.keepBusy()
      const disturbance = writeBeside(watch, tableName)
      // From its first on a storage asks for an isolation in which there are none.
      await until('both have met one', () => proxy.counts.found >= 2)
      await disturbance.stop()
      await busy.stop()
      await scene.expectAllDoneOnce()
      expect(scene.count('storage_away')).toBe(0)
    })
  })
}
