/** Ids and texts of every kind come back as they were, or are refused. */
import { settlementOf, transitions } from 'durable-execution'
import { newExecution, newSleeper } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles } from '../../tests/databases'

const files = temporaryFiles()
afterAll(files.remove)

const by = { executorId: 'executor', leaseMs: 10_000 }

const TEXTS = [
  `'; DROP TABLE task_executions; --`,
  '"quoted" `id` [x] \\ % _ ? :name $1 @p',
  'ÄÖÜ äöü ẞ ﬀ e\u0301 é',
  '💥👩‍👩‍👧 \u{10ffff}',
  'עברית \u202e \u2028 \ufeff',
  ' spaces \t and \n lines ',
  '\x01\x1f\x7f\ufffd\uffff',
]

describe.each(DRIVERS)('texts on $name', (driver) => {
  it.each(TEXTS)('come back as they were: %j', async (text) => {
    const database = await openMigrated(driver, files.next())
    const { storage } = database
    const execution = newExecution({
      executionId: text,
      queue: text,
      input: text,
      start: 'claimed',
    })
    const sleeper = newSleeper('te_2', text, { queue: text })
    await storage.insert({ executions: [execution, sleeper], ...by, executorId: text })
    const { records } = await storage.get({ executionIds: [text, 'te_2'] })
    const [record] = records
    expect(record).toMatchObject({ executionId: text, queue: text, input: text, executorId: text })
    expect(records[1]).toMatchObject({ sleepingKey: text })
    const { next } = await storage.nextClaimAt({ queues: [text] })
    expect(next).toMatchObject([{ queue: text, claimAt: record?.claimAt }])
    const change = record && transitions.complete(record, text)
    const settlements = change ? [settlementOf(record, change)] : []
    await storage.settle({ settlements, handOver: null, ...by })
    const woken = await storage.wake({
      sleepingKey: text,
      outcome: { status: 'completed', output: text },
      handOver: null,
      ...by,
    })
    expect(woken.record).toMatchObject({ executionId: 'te_2', output: text })
    const settled = await storage.get({ executionIds: [text] })
    expect(settled.records).toMatchObject([{ status: 'completed', output: text }])
    database.close()
  })

  it('are refused whole if they would come back changed', async () => {
    const database = await openMigrated(driver, files.next())
    for (const text of ['a\0b', '\ud800']) {
      for (const parts of [{ executionId: text }, { input: text }, { queue: text }]) {
        const executions = [newExecution({ executionId: 'te_9' }), newExecution(parts)]
        const inserted = database.storage.insert({ executions, ...by })
        await expect(inserted).rejects.toMatchObject({ code: 'storage', isRetryable: false })
      }
    }
    expect(await database.rows()).toStrictEqual([])
    database.close()
  })

  it('that nothing can have are not found, and take no other row for theirs', async () => {
    const database = await openMigrated(driver, files.next())
    const { storage } = database
    const executions = ['a', '\ufffd'].map((executionId) => newExecution({ executionId }))
    await storage.insert({ executions, ...by })
    const executionIds = ['a\0b', '\ud800']
    expect((await storage.get({ executionIds })).records).toStrictEqual([null, null])
    const { outcomes } = await storage.cancel({ executionIds, error: CANCELLED })
    expect(outcomes).toStrictEqual(['missing', 'missing'])
    const { records } = await storage.claim({
      ...by,
      queue: 'default\0',
      limit: 10,
      takeOver: 'never',
      suspects: 'exclude',
      exceptTaskIds: executionIds,
    })
    expect(records).toStrictEqual([])
    expect((await database.rows()).map(({ status }) => status)).toStrictEqual(['ready', 'ready'])
    database.close()
  })
})

const CANCELLED = {
  errorType: 'cancelled',
  code: 'cancelled',
  message: 'cancelled',
  isRetryable: false,
  isInternal: false,
} as const
