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
  /** Whether a text may hold the character NUL. */
  readonly storesNul: boolean
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
          storesNul: false,
          place: async () => ({ kind: 'pg', url: SERVER_URL ?? '', tableName }) as const,
        },
      ]),
  ...servers.map(({ name, databases }) => ({
    name,
    isParallel: true,
    storesNul: true,
    place: async () => ({ kind: 'mysql', url: await databases.create(), tableName }) as const,
  })),
  {
    name: 'SQLite',
    isParallel: false,
    storesNul: false,
    place: async () => ({ kind: 'sqlite', url: files.next(), tableName }) as const,
  },
]

interface Scene {
  readonly database: LoadDatabase
  readonly events: readonly ExecutorEvent[]
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
    await use({ database, events, executor })
  } finally {
    await executor.shutdown()
    // The databases of MySQL and the files of SQLite go as a whole.
    if (where.kind === 'pg') {
      await database.query(`DROP TABLE "${tableName}", "${tableName}_schema"`)
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

/** Enqueues in a transaction of a user that stays open; answers how to end it. */
async function leaveOpen(
  { database }: Scene,
  enqueue: (transaction: unknown) => Promise<unknown>,
): Promise<() => Promise<void>> {
  let isOpen = false
  let close: () => void = () => undefined
  const closed = new Promise<void>((resolve) => {
    close = resolve
  })
  const transaction = database.inTransaction(async (tx) => {
    await enqueue(tx)
    isOpen = true
    await closed
  }, true)
  await vi.waitUntil(() => isOpen, { timeout: 10_000 })
  return () => {
    close()
    return transaction
  }
}

describe.each(PLACES.filter(({ isParallel }) => isParallel))(
  'a transaction that a user leaves open on $name',
  (place) => {
    it('holds up who enqueues the same id or key, and no other ids and keys, nor is it an outage', () =>
      // A call that is not answered is given up after 500 ms.
      withExecutor(place, { leaseMs: 1500 }, async (scene) => {
        const { database, events, executor } = scene
        const echo = executor.task({ id: 'echo', timeoutMs: 1000, run: (_, id: string) => id })
        const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: 60_000 })
        await executor.start()
        const close = await leaveOpen(scene, async (transaction) => {
          await executor.enqueueTask(echo, 'mine', { executionId: 'mine', transaction })
          await executor.enqueueTask(nap, 'my nap', { transaction })
        })
        let heldUp = 3
        const free = (): void => {
          heldUp -= 1
        }
        let count = 0
        const enqueueOthers = async (): Promise<void> => {
          const ids = Array.from({ length: 20 }, () => `other ${(count += 1)}`)
          const outputs = ids.map(async (executionId) => {
            const handle = await executor.enqueueTask(echo, executionId, { executionId })
            return handle.waitAndGetOutput()
          })
          expect(await Promise.all(outputs)).toEqual(ids)
          await executor.enqueueTask(nap, `nap ${count}`)
          await executor.enqueueTasks([childTask(nap, `a ${count}`), childTask(nap, `b ${count}`)])
        }
        const same = executor.enqueueTask(echo, 'mine', { executionId: 'mine' })
        const sameKey = executor.enqueueTask(nap, 'my nap')
        const among = executor.enqueueTasks([childTask(nap, 'n'), childTask(nap, 'my nap')])
        const held = Promise.allSettled([
          same.finally(free),
          sameKey.finally(free),
          among.finally(free),
        ])
        try {
          // In the batch of the one that is held up, and in those that follow.
          const until = performance.now() + 2000
          while (performance.now() < until) await enqueueOthers()
          expect(heldUp).toBe(3)
          await expectFewConnections(place, database)
        } finally {
          await close()
        }
        expect(await held).toMatchObject([
          { status: 'fulfilled' },
          { status: 'rejected', reason: { code: 'already_exists' } },
          { status: 'rejected', reason: { code: 'already_exists' } },
        ])
        expect(count).toBeGreaterThan(100)
        expect(events.map(({ type }) => type)).not.toContain('storage_away')
      }))

    it('holds up who enqueues the same id, and nobody else', () =>
      // A call that is not answered is given up after 500 ms.
      withExecutor(place, { leaseMs: 1500 }, async (scene) => {
        const { database, executor } = scene
        const work = executor.task({ id: 'work', timeoutMs: 1000, run: (_, n: number) => n })
        await executor.start()
        const close = await leaveOpen(scene, (transaction) =>
          executor.enqueueTask(work, 1, { executionId: 'mine', transaction }),
        )
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
          await close()
        }
        expect(count).toBeGreaterThan(5)
        expect(await (await same).waitAndGetOutput()).toBe(1)
        expect((await database.rows()).map(({ executionId }) => executionId)).toContain('mine')
      }))
  },
)

/** Texts as they are: the serializers that come with executors write no NUL. */
const asTheyAre: Serializer = { serialize: String, deserialize: (text) => text }

const GOOD = Array.from({ length: 20 }, (_, index) => `good ${index}`)
const NUL = 'a\0b'

/** What each of the calls made at once answered, or `refused`. */
async function outcomesOf<T>(calls: readonly Promise<T>[]): Promise<(T | 'refused')[]> {
  const settled = await Promise.allSettled(calls)
  return settled.map((result) => (result.status === 'fulfilled' ? result.value : 'refused'))
}

describe.each(PLACES)('what $name cannot store', (place) => {
  it('fails alone among inputs enqueued in one batch', () =>
    withExecutor(place, { serializer: asTheyAre }, async ({ executor }) => {
      const echo = executor.task({ id: 'echo', timeoutMs: 1000, run: (_, text: string) => text })
      await executor.start()
      const texts = [...GOOD.slice(0, 10), NUL, 'x'.repeat(2 ** 21), ...GOOD.slice(10)]
      const outcomes = await outcomesOf(
        texts.map(async (text) => (await executor.enqueueTask(echo, text)).waitAndGetOutput()),
      )
      expect(outcomes.filter((outcome) => GOOD.includes(outcome))).toEqual(GOOD)
      expect(outcomes[10]).toBe(place.storesNul ? NUL : 'refused')
      expect(outcomes[11]).toBe('refused')
    }))

  it('fails alone among outputs settled in one batch', () =>
    withExecutor(place, { serializer: asTheyAre }, async ({ executor }) => {
      let end: () => void = () => undefined
      const ending = new Promise<void>((resolve) => {
        end = resolve
      })
      const outputs = new Map([
        ['nul', NUL],
        ['large', 'x'.repeat(2 ** 21)],
      ])
      const task = executor.task({
        id: 'task',
        timeoutMs: 20_000,
        run: async (_, text: string) => {
          await ending
          return outputs.get(text) ?? text
        },
      })
      await executor.start()
      const handles = await executor.enqueueTasks(
        [...GOOD, 'nul', 'large'].map((text) => childTask(task, text)),
      )
      const isRunning = (): boolean => executor.getRunningTaskExecutionsCount() === handles.length
      await vi.waitUntil(isRunning, { timeout: 20_000 })
      end()
      const outcomes = await outcomesOf(handles.map((handle) => handle.waitAndGetOutput()))
      expect(outcomes.slice(0, 20)).toEqual(GOOD)
      expect(outcomes[20]).toBe(place.storesNul ? NUL : 'refused')
      expect(outcomes[21]).toBe('refused')
    }))

  it('is no id or key: those that differ by case, accents or spaces are different ones', () =>
    withExecutor(place, {}, async ({ executor, database }) => {
      const echo = executor.task({ id: 'echo', timeoutMs: 1000, run: (_, text: string) => text })
      const sleeper = executor.sleepingTask<string>({ id: 'sleeper', timeoutMs: 20_000 })
      await executor.start()
      const names = ['mine', 'MINE', 'mine ', ' mine', 'míne', 'mine  ']
      const outputs = await Promise.all(
        names.map(async (executionId) => {
          const handle = await executor.enqueueTask(echo, executionId, { executionId })
          return handle.waitAndGetOutput()
        }),
      )
      expect(outputs).toEqual(names)
      const sleepers = await Promise.all(names.map((name) => executor.enqueueTask(sleeper, name)))
      for (const name of names) {
        await executor.wakeupSleepingTaskExecution(sleeper, name, {
          status: 'completed',
          output: name,
        })
      }
      expect(await Promise.all(sleepers.map((handle) => handle.waitAndGetOutput()))).toEqual(names)
      expect(await database.rows()).toHaveLength(2 * names.length)
    }))
})
