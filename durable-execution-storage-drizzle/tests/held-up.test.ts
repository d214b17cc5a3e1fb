/** Who is held up by a transaction that a user leaves open, and by what cannot be stored: nobody but those whom it concerns. */
import { randomUUID } from 'node:crypto'

import {
  childTask,
  DurableExecutor,
  type DurableExecutorOptions,
  type ExecutorEvent,
  type Serializer,
} from 'durable-execution'
import { afterAll, describe, expect, it, vi } from 'vitest'

import { temporaryFiles } from './databases'
import { openPlace, type LoadDatabase, type LoadPlace } from './load/databases'
import { MySqlDatabases, mySqlServers } from './mysql-databases'
import { SERVER_URL } from './pg-databases'

const files = temporaryFiles()
const servers = (await mySqlServers()).map((server) => {
  const databases = new MySqlDatabases(server)
  return { name: server.name, databases }
})
afterAll(async () => {
  files.remove()
  for (const { databases } of servers) await databases.drop()
})

interface Place {
  readonly name: string
  /** Whether several connections can write at the same time. */
  readonly isParallel: boolean
  readonly place: () => Promise<LoadPlace>
}

const tableName = `te_held_${randomUUID().slice(0, 8)}`
const PLACES: readonly Place[] = [
  ...(SERVER_URL === null
    ? []
    : [
        {
          name: 'PostgreSQL',
          isParallel: true,
          place: async () => ({ kind: 'pg', url: SERVER_URL ?? '', tableName }) as const,
        },
      ]),
  ...servers.map(({ name, databases }) => ({
    name,
    isParallel: true,
    place: async () => ({ kind: 'mysql', url: await databases.create(), tableName }) as const,
  })),
  {
    name: 'SQLite',
    isParallel: false,
    place: async () => ({ kind: 'sqlite', url: files.next(), tableName }) as const,
  },
]

interface Scene {
  readonly database: LoadDatabase
  readonly executor: DurableExecutor<unknown>
}

/** An executor on a new table, which is removed at the end. */
async function withExecutor(
  { place }: Place,
  options: DurableExecutorOptions,
  use: (scene: Scene) => Promise<void>,
): Promise<void> {
  const where = await place()
  const database = await openPlace(where)
  await database.storage.migrate()
  const events: ExecutorEvent[] = []
  const executor = new DurableExecutor(database.storage, {
    logLevel: 'silent',
    pollIntervalMs: 20,
    onEvent: (event) => events.push(event),
    ...options,
  })
  try {
    await use({ database, executor })
  } finally {
    await executor.shutdown()
    const quote = where.kind === 'mysql' ? '`' : '"'
    for (const name of [tableName, `${tableName}_schema`]) {
      await database.query(`DROP TABLE ${quote}${name}${quote}`)
    }
    await database.close()
  }
}

/** No call that was given up has left its connection at the server, where it would wait for as long as the transaction is open. */
async function expectFewConnections({ name }: Place, { query }: LoadDatabase): Promise<void> {
  if (name !== 'PostgreSQL') return
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%"${tableName}"%'`
  await vi.waitUntil(async () => (await query(waiting)).length <= 1, { timeout: 10_000 })
}

describe.each(PLACES.filter(({ isParallel }) => isParallel))(
  'a transaction that a user leaves open on $name',
  (place) => {
    it('holds up who enqueues the same id, and nobody else', () =>
      // A call that is not answered is given up after 500 ms.
      withExecutor(place, { leaseMs: 1500 }, async ({ database, executor }) => {
        const work = executor.task({ id: 'work', timeoutMs: 1000, run: (_, n: number) => n })
        await executor.start()
        let isOpen = false
        let close: () => void = () => undefined
        const closed = new Promise<void>((resolve) => {
          close = resolve
        })
        const transaction = database.inTransaction(async (tx) => {
          const options = { executionId: 'mine', transaction: tx }
          await executor.enqueueTask(work, 1, options)
          isOpen = true
          await closed
        }, true)
        await vi.waitUntil(() => isOpen, { timeout: 10_000 })
        let isHeldUp = true
        const same = executor.enqueueTask(work, 1, { executionId: 'mine' }).finally(() => {
          isHeldUp = false
        })
        let count = 0
        try {
          // As long as several calls of the one that is held up take.
          const until = performance.now() + 2000
          while (performance.now() < until) {
            const handle = await executor.enqueueTask(work, count)
            expect(await handle.waitAndGetOutput()).toBe(count)
            count += 1
          }
          expect(isHeldUp).toBe(true)
          await expectFewConnections(place, database)
        } finally {
          close()
          await transaction
        }
        expect(count).toBeGreaterThan(20)
        expect(await (await same).waitAndGetOutput()).toBe(1)
        expect((await database.rows()).map(({ executionId }) => executionId)).toContain('mine')
      }))
  },
)
