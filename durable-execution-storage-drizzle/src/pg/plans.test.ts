/** The statements with what PostgreSQL does for them: `statements.sql` shows both, and none reads the whole table. */
import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { openMigrated, PG_DRIVERS, type TestDatabase } from '../../tests/pg-databases'
import { createStatements, impatient } from './statements'

/** The statements in the order of the verbs. */
function statementsOf(tableName: string): Record<string, string> {
  const statements = createStatements(tableName)
  return {
    'the clock': statements.clock,
    'insert: rows that stand alone': statements.insert.many,
    'insert: rows that stand alone, alike': statements.insert.alike,
    'insert: one row': statements.insert.one,
    'insert: one row, unless others hold it': impatient(statements).insert.one,
    'insert: new rows': statements.insertNew.many,
    'insert: new rows, alike': statements.insertNew.alike,
    'insert: one new row': statements.insertNew.one,
    'insert: rows that may meet others': statements.insertUnlessThere.many,
    'insert: rows that depend on one another': statements.insertTogether.many,
    'insert: rows that are there': statements.guards,
    'insert: sleeping keys that are taken': statements.sleepers,
    get: statements.get,
    getChildren: statements.children,
    claim: statements.claim({ suspects: 'exclude', takeOver: 'also' }, false),
    'claim, where many are expected': statements.claim(
      { suspects: 'exclude', takeOver: 'also' },
      true,
    ),
    'claim, never taking over': statements.claim({ suspects: 'exclude', takeOver: 'never' }, false),
    'claim, only suspects, only taking over': statements.claim(
      { suspects: 'only', takeOver: 'only' },
      false,
    ),
    'settle, where nothing but the own row matters': statements.guardedChange.many,
    'settle, where nothing but the own row matters, alike': statements.guardedChange.alike,
    'settle, where nothing but the own row matters, one': statements.guardedChange.one,
    'settle, where everything holds': statements.settleTogether({
      rows: 'many',
      insertions: 'many',
      hasParents: true,
    }),
    'settle, where everything holds, alike': statements.settleTogether({
      rows: 'alike',
      insertions: 'alike',
      hasParents: true,
    }),
    'settle, where everything holds, one with what it inserts': statements.settleTogether({
      rows: 'one',
      insertions: 'one',
      hasParents: false,
    }),
    'settle, wake: the trees': statements.lockRootsShared,
    'settle: parents and own rows': statements.lockGuards,
    'settle, release, wake: changes': statements.change.many,
    'settle, release, wake: changes, alike': statements.change.alike,
    'settle, release, wake: one change': statements.change.one,
    'settle, wake, cancel, release: rows': statements.lockRecords,
    'settle, wake, cancel: parents': statements.parents,
    renew: statements.renew,
    lostClaims: statements.getGuards,
    recover: statements.heldBy,
    'wake: the sleeper': statements.activeSleeper,
    'wake: the newest that finished': statements.finishedSleeper,
    'cancel: roots of the targets': statements.roots,
    'cancel: the trees': statements.lockRoots,
    'cancel: what is active in them': statements.doomed,
    cancel: statements.cancel,
    nextClaimAt: statements.nextClaimAt,
    'prune: one at a time': statements.pruneLock,
    'prune: a page': statements.page,
    'prune: a tree': statements.tree,
    'prune: rows': statements.remove,
  }
}

/** What PostgreSQL does for a statement whose values it does not know, as for one that it has prepared. */
async function planOf({ query }: TestDatabase, text: string, id: number): Promise<string[]> {
  const places = new Set(text.match(/\$\d+/g))
  const values = Array.from(places, () => 'NULL').join(', ')
  await query(`PREPARE plan_${id} AS ${text}`)
  const lines = await query(
    `EXPLAIN (COSTS OFF) EXECUTE plan_${id}${values === '' ? '' : `(${values})`}`,
  )
  await query(`DEALLOCATE plan_${id}`)
  return lines.map((line) => String(line[0]))
}

describe('the statements', () => {
  let database: TestDatabase

  beforeAll(async () => {
    // One session: what is prepared is there for the next statement.
    const driver = PG_DRIVERS.find(({ isServer }) => !isServer)
    if (!driver) throw new Error('PGlite is not there')
    database = await openMigrated(driver, { tableName: 'task_executions' })
    await database.query('SET plan_cache_mode = force_generic_plan')
  })

  afterAll(async () => {
    await database.query('RESET plan_cache_mode')
    await database.close()
  })

  async function expectNoScan(): Promise<void> {
    const statements = Object.entries(statementsOf('task_executions'))
    for (const [index, [name, text]] of statements.entries()) {
      const plan = await planOf(database, text, index)
      expect(plan.join('\n'), name).not.toMatch(/Seq Scan on task_executions\b/)
    }
  }

  it('never scan a table that is new and has never been analyzed', expectNoScan)

  it('are these', async () => {
    const shown = Object.entries(statementsOf('task_executions')).map(
      ([name, text]) => `-- ${name}\n${text};`,
    )
    await expect(`${shown.join('\n\n')}\n`).toMatchFileSnapshot('statements.sql')
  })

  it('never scan a table that has grown', async () => {
    const executions = Array.from({ length: 5000 }, (_, index) =>
      newExecution({
        executionId: `te_${index}`,
        queue: `queue_${index % 3}`,
        sleepingKey: index % 100 === 0 ? `key_${index}` : null,
      }),
    )
    await database.storage.insert({ executions, executorId: 'executor', leaseMs: 1000 })
    await expectNoScan()
    await database.query('ANALYZE task_executions')
    await expectNoScan()
  })
})
