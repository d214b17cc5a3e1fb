/** Behind PgBouncer in transaction mode: neither prepared statements nor notifications come through, and everything works. */
import { childTask, DurableExecutor } from 'durable-execution'
import { describeStorage } from 'durable-execution-storage-test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { openMigrated, serverDrivers, type TestDatabase } from './pg-databases'

/** The pooler's URL. Tests of it are left out where there is none: `scripts/private-pgbouncer.sh` starts one. */
function findPooler(): string | null {
  const url = process.env['TEST_PGBOUNCER_URL']
  if (url !== undefined) return url
  const required = (process.env['REQUIRED_DATABASES'] ?? '').split(',')
  if (required.includes('pgbouncer')) throw new Error('TEST_PGBOUNCER_URL is not set')
  process.stderr.write(
    'Tests behind PgBouncer are left out: set TEST_PGBOUNCER_URL to the URL of one in transaction mode.\n',
  )
  return null
}

const url = findPooler()
const DRIVERS = url === null ? [] : serverDrivers(url)

let warned: string[] = []
function onWarning(warning: Error & { code?: string }): void {
  warned.push(warning.code ?? warning.message)
}

beforeEach(() => {
  warned = []
  process.on('warning', onWarning)
})

afterEach(() => {
  process.off('warning', onWarning)
})

/** Two executors work off tasks and parents. Answers the sum of what came of them. */
async function work(database: TestDatabase): Promise<number> {
  const executors = [1, 2].map(
    () =>
      new DurableExecutor<unknown>(database.storage, {
        retentionMs: null,
        maxConcurrentTaskExecutions: 20,
        logLevel: 'warn',
        onEvent: ({ type }) => {
          if (type === 'storage_away') warned.push(type)
        },
      }),
  )
  const tasks = executors.map((executor) => {
    const child = executor.task({
      id: 'child',
      timeoutMs: 60_000,
      run: (_context, input: number) => input,
    })
    return executor.parentTask({
      id: 'parent',
      timeoutMs: 60_000,
      runParent: (_context, input: number) => ({
        output: input,
        children: [childTask(child, 1), childTask(child, 2)],
      }),
      finalize: ({ output, children }) => output + children.length,
    })
  })
  await Promise.all(executors.map((executor) => executor.start()))
  try {
    const outputs = executors.flatMap((executor, index) =>
      Array.from({ length: 30 }, async () => {
        const task = tasks[index]
        if (!task) throw new Error('There is no task')
        const handle = await executor.enqueueTask(task, 1)
        return handle.waitAndGetOutput()
      }),
    )
    const sum = (await Promise.all(outputs)).reduce((total, output) => total + output, 0)
    await expect.poll(() => warned, { timeout: 20_000 }).toContain('DURABLE_EXECUTION_NO_PUSH')
    expect(executors.some((executor) => executor.getStats().storage.isListening)).toBe(false)
    return sum
  } finally {
    await Promise.all(executors.map((executor) => executor.shutdown({ graceMs: 0 })))
  }
}

describe.each(DRIVERS.map((driver) => [driver.name, driver] as const))(
  'behind PgBouncer by %s',
  (_, driver) => {
    it('finds out that notifications are kept back, says so once, and polls', async () => {
      const database = await openMigrated(driver)
      try {
        expect(await work(database)).toBe(60 * 3)
        expect(warned.filter((code) => code === 'DURABLE_EXECUTION_NO_PUSH')).toHaveLength(1)
        expect(warned).not.toContain('storage_away')
      } finally {
        await database.close()
      }
    }, 120_000)
  },
)

const [driver] = DRIVERS
if (driver) {
  describeStorage(
    `PostgreSQL storage behind PgBouncer by ${driver.name}`,
    async () => {
      const database = await openMigrated(driver, { notify: false })
      return { storage: database.storage, dump: database.rows, close: database.close }
    },
    { model: { sequences: 3 } },
  )

  describe('prepared statements', () => {
    it('are given up where they are lost, and said to be, once', async () => {
      const database = await openMigrated(driver, { notify: false, poolSize: 12 })
      try {
        // At once over many connections of the pooler, each of which knows the statements of others.
        for (let round = 0; round < 20; round += 1) {
          await Promise.all(
            Array.from({ length: 12 }, () => database.storage.nextClaimAt({ queues: ['default'] })),
          )
        }
        expect(warned.filter((code) => code === 'DURABLE_EXECUTION_UNPREPARED')).toHaveLength(1)
      } finally {
        await database.close()
      }
    }, 60_000)
  })
}
