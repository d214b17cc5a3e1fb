/** What hints cost and bring, counted at a PostgreSQL server: notifications, connections, the time until a cancel is heard. */
import {
  delay,
  DurableExecutor,
  systemEnvironment,
  type DurableExecutorOptions,
} from 'durable-execution'
import { afterEach, describe, expect, it } from 'vitest'

import { openMigrated, SERVER_DRIVERS, type OpenOptions, type TestDatabase } from './pg-databases'

const OPTIONS: DurableExecutorOptions = { retentionMs: null, logLevel: 'warn' }
const LONG = { timeout: 60_000, interval: 5 }

const endings: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

function executorOn(
  database: TestDatabase,
  options: DurableExecutorOptions = {},
): DurableExecutor<unknown> {
  const executor = new DurableExecutor<unknown>(database.storage, { ...OPTIONS, ...options })
  endings.push(() => executor.shutdown({ graceMs: 0 }))
  return executor
}

describe.each(SERVER_DRIVERS.map((driver) => [driver.name, driver] as const))('%s', (_, driver) => {
  async function open(options: OpenOptions = {}): Promise<TestDatabase> {
    const database = await openMigrated(driver, options)
    endings.push(database.close)
    return database
  }

  it('sends no notification for each row, but one in 10 ms, below 8000 bytes', async () => {
    const database = await open()
    const { tableName } = database
    const heard: number[] = []
    let listens = false
    const listener = await open({ tableName })
    const subscription = await listener.storage.listen?.({
      onDue: () => heard.push(performance.now()),
      onFinished: () => undefined,
      onCancelled: () => undefined,
      onListening: (isListening) => {
        listens = isListening
      },
    })
    endings.push(async () => subscription?.close())
    // What is sent before is lost.
    await expect.poll(() => listens, LONG).toBe(true)
    heard.length = 0
    const client = executorOn(database)
    const task = client.task({ id: 'task', timeoutMs: 60_000, run: () => null })
    const beganAt = performance.now()
    const enqueued = Array.from({ length: 3000 }, async (_row, index) => {
      // Flushes follow one another.
      if (index % 100 === 0) await delay(systemEnvironment, 0)
      await client.enqueueTask(task)
    })
    await Promise.all(enqueued)
    await expect.poll(() => heard.length, LONG).toBeGreaterThan(0)
    const tookMs = performance.now() - beganAt
    expect(await database.rows()).toHaveLength(3000)
    expect(heard.length).toBeLessThanOrEqual(tookMs / 10 + 2)
  }, 120_000)

  it('has six connections at the most, with 5,000 functions under way, and pools that could be larger', async () => {
    const applicationName = `figures_${process.pid}`
    const database = await open({ applicationName, poolSize: 20 })
    const watcher = await open({ tableName: database.tableName })
    const executor = executorOn(database, { maxConcurrentTaskExecutions: 5000, leaseMs: 3000 })
    let underWay = 0
    let finish: () => void = () => undefined
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const task = executor.task({
      id: 'task',
      timeoutMs: 120_000,
      run: async () => {
        underWay += 1
        await finished
      },
    })
    let most = 0
    const count = async (): Promise<number> => {
      const [[connections] = []] = await watcher.query(
        `SELECT count(*)::integer FROM pg_stat_activity WHERE application_name = '${applicationName}'`,
      )
      most = Math.max(most, Number(connections))
      return most
    }
    await executor.start()
    const enqueued = Promise.all(Array.from({ length: 5000 }, () => executor.enqueueTask(task)))
    await expect.poll(async () => ((await count()) > 0 ? underWay : 0), LONG).toBe(5000)
    const handles = await enqueued
    // Reads are not batched: they would take as many connections as they are.
    const reads = Promise.all(handles.map((handle) => handle.getExecution()))
    // Leases are renewed meanwhile.
    await expect
      .poll(async () => {
        await count()
        return executor.getStats().storage.verbs['renew']?.count ?? 0
      }, LONG)
      .toBeGreaterThan(1)
    await reads
    finish()
    const all = Promise.all(handles.map((handle) => handle.waitAndGetFinishedExecution()))
    const isEnded = { now: false }
    void all.then(() => {
      isEnded.now = true
    })
    await expect.poll(async () => ((await count()) > 0 ? isEnded.now : false), LONG).toBe(true)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(6)
  }, 120_000)

  it('tells a function that runs in another process of its cancel', async () => {
    const ofWorker = await open()
    const worker = executorOn(ofWorker, { logLevel: 'error' })
    const client = executorOn(await open({ tableName: ofWorker.tableName }))
    const cancelledAt = new Map<string, number>()
    const toldAfterMs: number[] = []
    let underWay = 0
    const define = (executor: DurableExecutor<unknown>) =>
      executor.task({
        id: 'task',
        timeoutMs: 60_000,
        run: (context) =>
          new Promise<void>((resolve) => {
            underWay += 1
            context.cancelSignal.addEventListener('abort', () => {
              const at = cancelledAt.get(context.executionId) ?? Number.NaN
              toldAfterMs.push(performance.now() - at)
              resolve()
            })
          }),
      })
    define(worker)
    const task = define(client)
    await worker.start()
    await expect.poll(() => worker.getStats().storage.isListening, LONG).toBe(true)
    for (let round = 0; round < 100; round += 1) {
      const executionId = `te_cancelled_${round}`
      const handle = await client.enqueueTask(task, undefined, { executionId })
      await expect.poll(() => underWay, { timeout: 60_000, interval: 1 }).toBe(round + 1)
      cancelledAt.set(executionId, performance.now())
      await handle.cancel()
      await expect.poll(() => toldAfterMs.length, { timeout: 60_000, interval: 1 }).toBe(round + 1)
    }
    const sorted = toldAfterMs.sort((a, b) => a - b)
    const [p50, p99] = [sorted[49] ?? 0, sorted[98] ?? 0]
    process.stdout.write(
      `A cancel is heard by a function elsewhere after p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${driver.name})\n`,
    )
    expect(sorted).toHaveLength(100)
  }, 120_000)
})
