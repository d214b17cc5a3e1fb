/** An executor on a SQLite file whose disk is full, or that another connection has locked for long: G6. */
import { DurableExecutor, type ExecutorEvent, type ExecutorEventType } from 'durable-execution'
import { findViolations } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, test, vi } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles, type TestDatabase } from './databases'

const files = temporaryFiles()
afterAll(files.remove)

const TIMEOUT_MS = 60_000
/** The shortest there is, so that an outage of two leases is short too. */
const LEASE_MS = 1000
const LONG_MS = 600_000
/** More than fits into what is left of a page. */
const LARGE = 'x'.repeat(20_000)

async function until(what: string, condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`Waited in vain until ${what}`)
    },
    { timeout: TIMEOUT_MS / 2, interval: 10 },
  )
}

/** An executor with twenty functions running, which end when they are told to. */
async function startScene(database: TestDatabase) {
  const events: ExecutorEvent[] = []
  const executor = new DurableExecutor(database.storage, {
    leaseMs: LEASE_MS,
    logLevel: 'silent',
    onEvent: (event) => events.push(event),
  })
  let runs = 0
  let release: (text: string) => void = () => undefined
  const released = new Promise<string>((resolve) => {
    release = resolve
  })
  const task = executor.task({
    id: 'task',
    timeoutMs: LONG_MS,
    run: async (_context, index: number) => {
      runs += 1
      return `${index} ${await released}`
    },
  })
  await executor.start()
  const indexes = Array.from({ length: 20 }, (_, index) => index)
  const handles = await Promise.all(indexes.map((index) => executor.enqueueTask(task, index)))
  await until('all functions run', () => runs === indexes.length)
  return {
    executor,
    handles,
    release,
    runs: () => runs,
    count: (type: ExecutorEventType) => events.filter((event) => event.type === type).length,
    /** Each ran once and is stored once, with no takeover. */
    async expectAllStored(text: string): Promise<void> {
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      expect(outputs).toEqual(indexes.map((index) => `${index} ${text}`))
      expect(runs).toBe(indexes.length)
      const rows = await database.rows()
      expect(findViolations(rows)).toEqual([])
      for (const row of rows) expect(row).toMatchObject({ status: 'completed', takeovers: 0 })
      await executor.shutdown()
    },
  }
}

describe.each(DRIVERS.filter(({ isSync }) => isSync))('a SQLite file on $name', (driver) => {
  test(
    'whose disk is full keeps results until there is room',
    { timeout: TIMEOUT_MS },
    async () => {
      const database = await openMigrated(driver, files.next())
      const scene = await startScene(database)
      const [[pages] = []] = await database.all('PRAGMA page_count')
      await database.all(`PRAGMA max_page_count = ${Number(pages)}`)
      scene.release(LARGE)
      await until('it says that the storage is away', () => scene.count('storage_away') > 0)
      // It did happen: nothing as large as these results can be stored.
      await expect(database.exec(`CREATE TABLE full AS SELECT '${LARGE}' AS text`)).rejects.toThrow(
        /full/,
      )
      expect(scene.count('execution_settled')).toBeLessThan(20)
      await database.all('PRAGMA max_page_count = 1000000')
      await scene.expectAllStored(LARGE)
      expect(scene.count('storage_back')).toBe(scene.count('storage_away'))
      database.close()
    },
  )

  test(
    'that another has locked for two leases loses nothing',
    { timeout: TIMEOUT_MS },
    async () => {
      const file = files.next()
      const database = await openMigrated(driver, file)
      const other = driver.open(file)
      const scene = await startScene(database)
      const lock = await other.begin()
      const lockedAt = performance.now()
      scene.release('done')
      await until('it says that the storage is away', () => scene.count('storage_away') > 0)
      await until('two leases are over', () => performance.now() - lockedAt > 2 * LEASE_MS)
      expect(scene.count('execution_settled')).toBe(0)
      await lock.commit()
      await scene.expectAllStored('done')
      expect(scene.count('execution_taken_over')).toBe(0)
      database.close()
      other.close()
    },
  )
})
