/** The statements with what SQLite does for them: `statements.sql` shows both, and none looks at more rows than it has to. */
import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles, type TestDatabase } from '../../tests/databases'
import { createStatements } from './statements'

const files = temporaryFiles()
afterAll(files.remove)

const statements = createStatements('task_executions')
const due = { suspects: 'exclude', takeOver: 'also', exceptCount: 0 } as const

/** The statements in the order of the verbs, lists with two ids. */
const STATEMENTS = {
  'insert: rows that are there': statements.guards(2),
  'insert: sleeping keys that are taken': statements.sleepers(2),
  'insert: one row of several': statements.insertOne,
  'insert: rows that differ in id and input': statements.insertAlike,
  get: statements.records(2),
  'getChildren: children': statements.children,
  'getChildren: finalize': statements.finalize,
  'claim: what is due': statements.due(due),
  'claim: what is due, never taking over, except some tasks': statements.due({
    ...due,
    takeOver: 'never',
    exceptCount: 2,
  }),
  'claim: only suspects, only taking over': statements.due({
    suspects: 'only',
    takeOver: 'only',
    exceptCount: 0,
  }),
  'claim: take': statements.claim(2),
  'settle, where nothing is inserted': statements.guardedChange,
  'settle, where nothing is inserted, several at once': statements.guardedChanges.text,
  'settle, where nothing is inserted, a hundred that differ in id and output':
    statements.guardedAlike,
  'settle, release, wake': statements.change,
  'settle, wake, cancel: parents': statements.parent,
  renew: statements.renew(2),
  recover: statements.heldBy,
  'wake: the sleeper': statements.activeSleeper,
  'wake: the newest that finished': statements.finishedSleeper,
  cancel: statements.cancel(2),
  nextClaimAt: statements.nextClaimAt(2),
  'prune: a page': statements.page,
  'prune: a tree': statements.tree,
  'prune: rows': statements.remove(2),
  'the write lock': statements.lock,
} as const

/** What SQLite does for a statement, step by step. */
async function planOf({ all }: TestDatabase, text: string): Promise<string[]> {
  const values = Array.from({ length: text.split('?').length - 1 }, () => 1)
  const steps = await all(`EXPLAIN QUERY PLAN ${text}`, values)
  return steps.map((step) => String(step[3]))
}

async function expectNoScan(database: TestDatabase): Promise<void> {
  for (const [name, text] of Object.entries(STATEMENTS)) {
    // What takes only the lock reads no row.
    if (text === statements.lock) continue
    for (const step of await planOf(database, text)) {
      expect(step, name).not.toMatch(/^SCAN (?:task_executions|child|page)\b/)
    }
  }
}

describe.each(DRIVERS)('the statements on $name', (driver) => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await openMigrated(driver, files.next())
    const executions = Array.from({ length: 5000 }, (_, index) =>
      newExecution({
        executionId: `te_${index}`,
        queue: `queue_${index % 3}`,
        sleepingKey: index % 100 === 0 ? `key_${index}` : null,
        parent:
          index < 2500
            ? null
            : { taskId: 'p', executionId: 'te_1', indexInParent: index, isFinalize: false },
      }),
    )
    await database.storage.insert({ executions, executorId: 'executor', leaseMs: 1000 })
  })

  afterAll(() => {
    database.close()
  })

  it('are these, and find their rows so', async () => {
    const shown: string[] = []
    for (const [name, text] of Object.entries(STATEMENTS)) {
      const searches = (await planOf(database, text)).filter((step) => step.startsWith('SEARCH'))
      shown.push([`-- ${name}`, ...searches.map((step) => `--   ${step}`), `${text};`].join('\n'))
    }
    await expect(`${shown.join('\n\n')}\n`).toMatchFileSnapshot('statements.sql')
  })

  it.each(['before', 'after'])('never scan the table, %s ANALYZE', async (when) => {
    if (when === 'after') await database.exec('ANALYZE')
    await expectNoScan(database)
  })

  it.each([1, 2, 3])(
    'never scan the table, if it had %i rows when it was analyzed',
    async (count) => {
      const small = await openMigrated(driver, files.next())
      const executions = Array.from({ length: count }, (_, index) =>
        newExecution({ executionId: `te_${index}` }),
      )
      await small.storage.insert({ executions, executorId: 'executor', leaseMs: 1000 })
      await small.exec('ANALYZE')
      await expectNoScan(small)
      small.close()
    },
  )
})
