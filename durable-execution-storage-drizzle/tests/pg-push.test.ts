/** Hints by LISTEN and NOTIFY: executors on several connections hear of one another at once, and work all the same where they can't. */
import { DurableExecutor, type DurableExecutorOptions, type Task } from 'durable-execution'
import { afterEach, describe, expect, it } from 'vitest'

import {
  openMigrated,
  PG_DRIVERS,
  SERVER_DRIVERS,
  type Driver,
  type OpenOptions,
  type TestDatabase,
} from './pg-databases'

/** Looks are so rare that what comes soon comes by a hint. */
const RARE: DurableExecutorOptions = {
  pollIntervalMs: 600_000,
  leaseMs: 3_600_000,
  retentionMs: null,
  logLevel: 'warn',
}
/** What hints bring comes within milliseconds; what looks bring, far later than this. */
const SOON = { timeout: 20_000, interval: 5 }

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(condition, { ...SOON, message: what }).toBe(true)
}

const endings: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

/** Databases on one table, each with connections of its own as in processes of their own. */
async function openTwo(
  driver: Driver,
  ofFirst: OpenOptions = {},
): Promise<[TestDatabase, TestDatabase]> {
  const first = await openMigrated(driver, ofFirst)
  endings.push(first.close)
  const second = await openMigrated(driver, { tableName: first.tableName })
  endings.push(second.close)
  return [first, second]
}

function executorOn(database: TestDatabase, options = RARE): DurableExecutor<unknown> {
  const executor = new DurableExecutor<unknown>(database.storage, options)
  endings.push(() => executor.shutdown({ graceMs: 0 }))
  return executor
}

function defineTask(executor: DurableExecutor<unknown>): Task<number, number> {
  return executor.task({ id: 'task', timeoutMs: 60_000, run: (_context, index: number) => index })
}

/** A worker that listens, and sleeps. */
async function listeningWorker(database: TestDatabase): Promise<DurableExecutor<unknown>> {
  const worker = executorOn(database)
  defineTask(worker)
  await worker.start()
  await until('the worker listens', () => worker.getStats().storage.isListening)
  return worker
}

async function isCompleted(database: TestDatabase): Promise<boolean> {
  return (await database.rows()).every(({ status }) => status === 'completed')
}

describe.each(PG_DRIVERS.map((driver) => [driver.name, driver] as const))('on %s', (_, driver) => {
  it('starts what others enqueue, and resolves their waits', async () => {
    const [ofWorker, ofClient] = await openTwo(driver)
    await listeningWorker(ofWorker)
    const client = executorOn(ofClient)
    const handle = await client.enqueueTask(defineTask(client), 7)
    expect(await handle.waitAndGetOutput()).toBe(7)
  }, 60_000)

  it('hears of what joined a transaction of the user when that commits, and not when it does not', async () => {
    const [ofWorker, ofClient] = await openTwo(driver)
    await listeningWorker(ofWorker)
    const client = executorOn(ofClient)
    const task = defineTask(client)
    for (const input of [1, 2]) {
      await ofClient.inTransaction((transaction) =>
        client.enqueueTask(task, input, { transaction }),
      )
      await until('it is completed', () => isCompleted(ofClient))
    }
    const undone = ofClient.inTransaction(async (transaction) => {
      await client.enqueueTask(task, 3, { transaction })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(await ofClient.rows()).toHaveLength(2)
  }, 60_000)

  it('works without notifications', async () => {
    const database = await openMigrated(driver, { notify: false })
    endings.push(database.close)
    expect(database.storage.listen).toBeUndefined()
    const executor = executorOn(database, { retentionMs: null, logLevel: 'warn' })
    const task = defineTask(executor)
    const client = executorOn(database, { retentionMs: null, logLevel: 'warn' })
    await executor.start()
    const handle = await client.enqueueTask(defineTask(client), 7)
    expect(await handle.waitAndGetOutput()).toBe(7)
    expect(task.id).toBe('task')
  }, 60_000)
})

/** The connection of a worker that listens: no other asks or sends so. */
async function listeningPids(database: TestDatabase, name: string): Promise<unknown[]> {
  const rows = await database.query(
    `SELECT pid FROM pg_stat_activity WHERE application_name = '${name}' AND query IN ('SELECT pg_backend_pid()', 'SELECT pg_notify($1, $2)')`,
  )
  return rows.map(([pid]) => pid)
}

describe.each(SERVER_DRIVERS.map((driver) => [driver.name, driver] as const))(
  'on a server by %s',
  (_, driver) => {
    it('connects again when its listening connection is ended, and misses nothing', async () => {
      const name = `push_${process.pid}`
      const [ofWorker, ofClient] = await openTwo(driver, { applicationName: name })
      const worker = await listeningWorker(ofWorker)
      const client = executorOn(ofClient)
      const task = defineTask(client)
      for (let round = 0; round < 3; round += 1) {
        const before = await listeningPids(ofClient, name)
        expect(before).toHaveLength(1)
        await ofClient.query(`SELECT pg_terminate_backend(${String(before[0])})`)
        await client.enqueueTask(task, round)
        await until('it is completed', () => isCompleted(ofClient))
        await until('another connection listens', async () => {
          const now = await listeningPids(ofClient, name)
          return now.length === 1 && now[0] !== before[0]
        })
        await until('the worker listens', () => worker.getStats().storage.isListening)
      }
    }, 60_000)
  },
)
