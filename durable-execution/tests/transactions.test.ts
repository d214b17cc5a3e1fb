/** An enqueue in a transaction of the user's, on a storage that has some. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import {
  DurableExecutionNotFoundError,
  DurableExecutor,
  type TaskExecutionsStorage,
} from '../src/index'
import type { InsertRequest } from '../src/storage/storage'
import { StorageConnection } from './support/storage-connection'
import { silentLogger, World } from './support/world'

/** Rows that become visible with the commit. */
class FakeTransaction {
  readonly inserts: InsertRequest<never>[] = []
}

/** The storage in memory, with transactions. */
function createTransactional(
  connection: StorageConnection,
): TaskExecutionsStorage<FakeTransaction> {
  const verbs = Object.create(connection) as TaskExecutionsStorage<FakeTransaction>
  verbs.insert = ({ transaction, ...request }) => {
    if (!transaction) return connection.insert(request)
    transaction.inserts.push(request)
    const outcomes = request.executions.map(() => ({ kind: 'inserted' as const }))
    return Promise.resolve({ outcomes, now: 0 })
  }
  return verbs
}

async function start() {
  const world = new World()
  const connection = new StorageConnection(world.storage)
  const executor = new DurableExecutor(
    createTransactional(connection),
    { logger: silentLogger },
    world.environment,
  )
  onTestFinished(() => world.until(executor.shutdown({ graceMs: 0 })))
  await world.until(executor.start())
  await world.environment.advanceBy(1000)
  const transaction = new FakeTransaction()
  const commit = async (): Promise<void> => {
    for (const insert of transaction.inserts) await world.storage.insert(insert)
  }
  const run = vi.fn(() => 'ran')
  const task = executor.task({ id: 'task', timeoutMs: 1000, run })
  return { world, executor, connection, transaction, commit, run, task }
}

describe('an enqueue in a transaction', () => {
  it('starts after the commit, and soon', async () => {
    const { world, executor, transaction, commit, run, task } = await start()
    const handle = await executor.enqueueTask(task, undefined, { transaction })
    await world.environment.advanceBy(100)
    expect(run).not.toHaveBeenCalled()
    await commit()
    await expect(world.until(handle.waitAndGetOutput(), 200)).resolves.toBe('ran')
  })

  it('is never claimed by its insert, and is not batched with others', async () => {
    const { executor, connection, transaction, task } = await start()
    const before = connection.countOf('insert')
    await executor.enqueueTask(task, undefined, { transaction })
    expect(transaction.inserts).toHaveLength(1)
    expect(transaction.inserts[0]?.executions).toMatchObject([{ start: 'ready' }])
    expect(connection.countOf('insert')).toBe(before)
  })

  it('of a chain and of a sleeping task is stored as it waits', async () => {
    const { executor, transaction, task } = await start()
    const sleeper = executor.sleepingTask({ id: 'sleeper', timeoutMs: 1000 })
    await executor.enqueueTask(executor.sequentialTasks('chain', [task]), undefined, {
      transaction,
    })
    await executor.enqueueTask(sleeper, 'key', { transaction })
    const starts = transaction.inserts.map(({ executions }) => executions.map(({ start }) => start))
    expect(starts).toEqual([['waiting', 'ready'], ['asleep']])
  })

  it('has a handle that waits for the commit', async () => {
    const { world, executor, transaction, commit, task } = await start()
    const handle = await executor.enqueueTask(task, undefined, { transaction })
    const reading = handle.getExecution()
    const waiting = handle.waitAndGetOutput()
    await world.environment.advanceBy(20_000)
    await commit()
    await expect(world.until(reading, 100)).resolves.toMatchObject({ taskId: 'task' })
    await expect(world.until(waiting, 1000)).resolves.toBe('ran')
  })

  it('has a handle that gives up after half a minute: it was rolled back', async () => {
    const { world, executor, transaction, task } = await start()
    const handle = await executor.enqueueTask(task, undefined, { transaction })
    const reading = handle.getExecution().catch((error: unknown) => error)
    const waiting = handle.waitAndGetOutput().catch((error: unknown) => error)
    await world.environment.advanceBy(29_000)
    await world.environment.advanceBy(1500)
    await expect(reading).resolves.toBeInstanceOf(DurableExecutionNotFoundError)
    await expect(waiting).resolves.toBeInstanceOf(DurableExecutionNotFoundError)
  })

  it('fails by throwing at once, so that a synchronous transaction rolls back', async () => {
    const { executor, transaction, task } = await start()
    expect(() => {
      void executor.enqueueTask(task, undefined, { transaction, timeoutMs: 0 })
    }).toThrow('Invalid timeout value for task task')
    expect(transaction.inserts).toEqual([])
  })

  it('throws after the shutdown', async () => {
    const { world, executor, transaction, task } = await start()
    await world.until(executor.shutdown())
    expect(() => {
      void executor.enqueueTask(task, undefined, { transaction })
    }).toThrow('was shut down')
  })

  it('looks for the commit for about a second, and no longer', async () => {
    const { world, executor, connection, transaction, task } = await start()
    const before = connection.countOf('claim')
    await executor.enqueueTask(task, undefined, { transaction })
    await world.environment.advanceBy(2000)
    const looks = connection.countOf('claim') - before
    expect(looks).toBeGreaterThanOrEqual(5)
    await world.environment.advanceBy(5000)
    expect(connection.countOf('claim') - before).toBe(looks)
  })
})
