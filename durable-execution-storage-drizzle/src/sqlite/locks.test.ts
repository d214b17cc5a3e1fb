/** What calls do while another connection has the write lock. */
import { systemEnvironment } from 'durable-execution'
import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles, type TestDatabase } from '../../tests/databases'
import { read } from './program'
import { SyncSession, type SyncClient } from './sync-session'

const files = temporaryFiles()
afterAll(files.remove)

const by = { executorId: 'executor', leaseMs: 10_000 }

function insert({ storage }: TestDatabase, executionId: string, signal?: AbortSignal) {
  return storage.insert({ executions: [newExecution({ executionId })], ...by, signal })
}

async function busyTimeoutOf({ all }: TestDatabase): Promise<unknown> {
  const [row] = await all('PRAGMA busy_timeout')
  return row?.[0]
}

describe.each(DRIVERS)('another connection with the write lock on $name', (driver) => {
  it('makes writing calls wait, and lets reading calls pass', async () => {
    const file = files.next()
    const mine = await openMigrated(driver, file)
    const other = driver.open(file)
    await insert(mine, 'te_1')
    const lock = await other.begin()
    const finished: string[] = []
    const calls = ['te_2', 'te_3'].map((executionId) =>
      insert(mine, executionId).then(() => finished.push(executionId)),
    )
    const { records } = await mine.storage.get({ executionIds: ['te_1', 'te_2'] })
    expect(records.map((record) => record?.executionId)).toStrictEqual(['te_1', undefined])
    expect(finished).toStrictEqual([])
    await lock.commit()
    await Promise.all(calls)
    expect(finished).toStrictEqual(['te_2', 'te_3'])
    mine.close()
    other.close()
  })

  it("leaves the user's own busy time-out as it was, whatever becomes of the call", async () => {
    const file = files.next()
    const mine = await openMigrated(driver, file, { timeoutMs: 1234 })
    const other = driver.open(file)
    await insert(mine, 'te_1')
    expect(await busyTimeoutOf(mine)).toBe(1234)
    const lock = await other.begin()
    const controller = new AbortController()
    const given = insert(mine, 'te_2', controller.signal)
    await new Promise(setImmediate)
    controller.abort()
    await expect(given).rejects.toMatchObject({ isRetryable: true })
    expect(await busyTimeoutOf(mine)).toBe(1234)
    await lock.commit()
    mine.close()
    other.close()
  })

  it('is waited for with the event loop free', async () => {
    const file = files.next()
    const mine = await openMigrated(driver, file, { timeoutMs: 60_000 })
    const other = driver.open(file)
    const lock = await other.begin()
    const inserted = insert(mine, 'te_1')
    // Would not be reached for a minute if the connection waited itself.
    await new Promise(setImmediate)
    await lock.commit()
    await inserted
    expect(await mine.rows()).toHaveLength(1)
    mine.close()
    other.close()
  })

  it('is waited for no longer when the caller gives up, and nothing is written later', async () => {
    const file = files.next()
    const mine = await openMigrated(driver, file)
    const other = driver.open(file)
    const lock = await other.begin()
    const controller = new AbortController()
    const first = insert(mine, 'te_1', controller.signal)
    const second = insert(mine, 'te_2', controller.signal)
    controller.abort()
    await expect(first).rejects.toMatchObject({ isRetryable: true })
    await expect(second).rejects.toMatchObject({ isRetryable: true })
    await lock.commit()
    await insert(mine, 'te_3')
    expect((await mine.rows()).map(({ executionId }) => executionId)).toStrictEqual(['te_3'])
    mine.close()
    other.close()
  })

  it('does not break later commits of the same connection', async () => {
    const file = files.next()
    const mine = await openMigrated(driver, file)
    const other = driver.open(file)
    for (let turn = 0; turn < 5; turn += 1) {
      const lock = await other.begin()
      const inserted = insert(mine, `te_${turn}`)
      await new Promise(setImmediate)
      await lock.commit()
      await inserted
    }
    expect(await mine.rows()).toHaveLength(5)
    mine.close()
    other.close()
  })
})

describe('SyncSession', () => {
  it('shortens the busy time-out of its connection for its own transaction only', async () => {
    const log: string[] = []
    const client: SyncClient = {
      open: true,
      inTransaction: false,
      exec: (text) => log.push(text),
      prepare: (text) => ({
        raw() {
          return this
        },
        all: () => (text.includes('busy_timeout') ? [[5000]] : [[log.push(text)]]),
        run: () => ({ changes: 0 }),
      }),
    }
    const session = new SyncSession(client, {
      environment: systemEnvironment,
      preparedStatements: true,
    })
    await session.run({
      mode: 'write',
      lock: '',
      *program() {
        yield read('SELECT 1', [])
      },
    })
    expect(log).toStrictEqual([
      'PRAGMA busy_timeout = 10',
      'BEGIN IMMEDIATE',
      'SELECT 1',
      'COMMIT',
      'PRAGMA busy_timeout = 5000',
    ])
  })
})
