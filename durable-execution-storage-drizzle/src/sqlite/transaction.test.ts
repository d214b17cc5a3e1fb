/** Inserts that join a transaction of the user, and calls that must not. */
import { DurableExecutionError, type InsertOutcome } from 'durable-execution'
import { childOf, newExecution, newSleeper } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles } from '../../tests/databases'

const files = temporaryFiles()
afterAll(files.remove)

const by = { executorId: 'executor', leaseMs: 10_000 }
const NOTES = 'CREATE TABLE notes (text text)'

describe.each(DRIVERS)("a user's transaction on $name", (driver) => {
  it('commits the execution with what the user wrote', async () => {
    const database = await openMigrated(driver, files.next())
    await database.inTransaction(async (transaction) => {
      await database.storage.insert({ executions: [newExecution()], ...by, transaction })
    })
    const [row, ...others] = await database.rows()
    expect(row).toMatchObject({ executionId: 'te_1', status: 'ready' })
    expect(others).toStrictEqual([])
    database.close()
  })

  it('takes the execution back when it is rolled back', async () => {
    const database = await openMigrated(driver, files.next())
    const failure = new Error('The user changed their mind')
    const outcome = database.inTransaction((transaction) => {
      const inserted = database.storage.insert({ executions: [newExecution()], ...by, transaction })
      if (driver.isSync) throw failure
      return inserted.then(() => {
        throw failure
      })
    })
    await expect(outcome).rejects.toThrow(failure)
    expect(await database.rows()).toStrictEqual([])
    database.close()
  })

  it('gets every kind of outcome, and no statement that fails on a duplicate', async () => {
    const database = await openMigrated(driver, files.next())
    const { storage } = database
    const holder = newSleeper('te_holder', 'key')
    await storage.insert({ executions: [newExecution(), holder], ...by })
    const root = newExecution({ executionId: 'te_root', start: 'waiting' })
    const executions = [
      newExecution(),
      newSleeper('te_2', 'key'),
      root,
      childOf(root, 0, { executionId: 'te_3' }),
      childOf(root, 1, { executionId: 'te_4', sleepingKey: 'key', start: 'asleep' }),
    ]
    const answers: Promise<{ outcomes: readonly InsertOutcome[] }>[] = []
    await database.inTransaction((transaction) => {
      const answer = storage.insert({ executions, ...by, transaction })
      answers.push(answer)
      return answer
    })
    const [answer] = await Promise.all(answers)
    const kinds = answer?.outcomes.map(({ kind }) => kind)
    expect(kinds).toStrictEqual(['exists', 'exists', 'inserted', 'inserted', 'inserted'])
    const { records } = await storage.get({ executionIds: ['te_root', 'te_3', 'te_4'] })
    expect(records).toMatchObject([
      { status: 'waiting_for_children', activeChildrenCount: 1 },
      { status: 'ready' },
      { status: 'failed', error: { code: 'already_exists' } },
    ])
    database.close()
  })

  it('takes batches of any size', async () => {
    const database = await openMigrated(driver, files.next())
    const executions = Array.from({ length: 1100 }, (_, index) =>
      newExecution({ executionId: `te_${index}` }),
    )
    await database.inTransaction(async (transaction) => {
      await database.storage.insert({ executions, ...by, transaction })
    })
    expect(await database.rows()).toHaveLength(1100)
    database.close()
  })

  it('keeps nothing of a failed insert, even if the user commits', async () => {
    const database = await openMigrated(driver, files.next())
    await database.exec(NOTES)
    const parent = { taskId: 'parent', executionId: 'te_0', indexInParent: 0, isFinalize: false }
    const executions = ['te_1', 'te_2'].map((executionId) => newExecution({ executionId, parent }))
    const errors: unknown[] = []
    await database.inTransaction(async (transaction) => {
      try {
        await database.storage.insert({ executions, ...by, transaction })
      } catch (error) {
        errors.push(error)
      }
      await database.storage.insert({ executions: [newExecution()], ...by, transaction })
    })
    expect(errors).toMatchObject([{ code: 'storage', isRetryable: false }])
    expect((await database.rows()).map(({ executionId }) => executionId)).toStrictEqual(['te_1'])
    database.close()
  })

  it('is refused if it is none', async () => {
    const database = await openMigrated(driver, files.next())
    const insert = async (): Promise<unknown> =>
      database.storage.insert({ executions: [newExecution()], ...by, transaction: { run: 1 } })
    await expect(insert).rejects.toThrow('Invalid transaction: expected what the callback')
    database.close()
  })

  it('is not joined by calls that do not name it', async () => {
    const database = await openMigrated(driver, files.next())
    const open = await database.begin()
    let isOver = false
    const inserted = database.storage.insert({ executions: [newExecution()], ...by }).then(() => {
      isOver = true
    })
    await open.exec(NOTES)
    await new Promise(setImmediate)
    expect(isOver).toBe(false)
    await open.commit()
    await inserted
    expect(await database.rows()).toHaveLength(1)
    expect(await database.all('SELECT count(*) FROM notes')).toStrictEqual([[0]])
    database.close()
  })
})

describe.each(DRIVERS.filter(({ isSync }) => isSync))('the synchronous driver $name', (driver) => {
  it('has done everything when insert returns', async () => {
    const database = await openMigrated(driver, files.next())
    let inserted: Promise<unknown> | undefined
    await database.inTransaction((transaction) => {
      inserted = database.storage.insert({ executions: [newExecution()], ...by, transaction })
    })
    // The transaction is over, and nobody has waited for the promise.
    expect(await database.rows()).toHaveLength(1)
    expect(await inserted).toMatchObject({ outcomes: [{ kind: 'inserted' }] })
    database.close()
  })

  it('throws at once, so that the transaction rolls back', async () => {
    const database = driver.open(files.next())
    await database.exec(NOTES)
    const thrown: unknown[] = []
    const outcome = database.inTransaction((transaction) => {
      try {
        void database.storage.insert({ executions: [newExecution()], ...by, transaction })
      } catch (error) {
        thrown.push(error)
        throw error
      }
    })
    await expect(outcome).rejects.toThrow('There is no table "task_executions"')
    expect(thrown[0]).toBeInstanceOf(DurableExecutionError)
    database.close()
  })

  it('waits for the end of the transaction inside which it was called without it', async () => {
    const database = await openMigrated(driver, files.next())
    let claimed: Promise<{ records: readonly unknown[] }> | undefined
    await database.inTransaction((transaction) => {
      void database.storage.insert({ executions: [newExecution()], ...by, transaction })
      claimed = database.storage.claim({
        ...by,
        queue: 'default',
        limit: 1,
        takeOver: 'never',
        suspects: 'exclude',
        now: Number.MAX_SAFE_INTEGER - by.leaseMs,
      })
    })
    expect((await claimed)?.records).toHaveLength(1)
    database.close()
  })
})
