/** The statements with what the servers do for them: `statements.sql` shows the texts, and none reads more rows than it has to. */
import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers } from '../../tests/mysql-databases'
import { createStatements } from './statements'

const servers = await mySqlServers()
const statements = createStatements('task_executions')
const due = { suspects: 'exclude', takeOver: 'also', exceptCount: 0 } as const

/** The statements in the order of the verbs, lists with two ids. */
const STATEMENTS = {
  'insert, of new rows': statements.insertFromNow,
  'insert: rows that are there': statements.guards(2),
  'insert: sleeping keys that are taken': statements.sleepers(2),
  'insert: rows that are there, unless others hold them': statements.unheldGuards(2),
  'insert: sleeping keys that are taken, unless others hold them': statements.unheldSleepers(2),
  'insert: rows': statements.insert,
  "insert, in a user's transaction": statements.insertOthers,
  "insert, in a user's transaction: rows that were in its way": statements.sharedGuards(2),
  "insert, in a user's transaction: keys that were in its way": statements.sharedSleepers(2),
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
  'settle, of one, where nothing is inserted': statements.changeOneHeld,
  'settle, where nothing is inserted: what is held': statements.held,
  'settle, where nothing is inserted': statements.changeHeld,
  'settle, wake, cancel: locks': statements.lockedGuards(2),
  'settle, release, wake: changes': statements.change,
  'settle, wake, cancel: parents': statements.parent,
  'renew: what is free': statements.freeGuards(2),
  renew: statements.renew(2),
  recover: statements.heldBy,
  'release: locks': statements.lockedRecords(2),
  'wake: the sleeper': statements.activeSleeper,
  'wake: the newest that finished': statements.finishedSleeper,
  'cancel: roots': statements.roots(2),
  'cancel: one level of trees': statements.activeChildren(2),
  cancel: statements.cancel(2),
  nextClaimAt: statements.nextClaimAt(2),
  'prune: a page': statements.page,
  'prune: one level of trees': statements.childIds(2),
  'prune: rows': statements.remove(2),
} as const

describe('the statements', () => {
  it('are these', async () => {
    const shown = Object.entries(STATEMENTS).map(([name, text]) => `-- ${name}\n${text};`)
    await expect(`${shown.join('\n\n')}\n`).toMatchFileSnapshot('statements.sql')
  })
})

describe.each(servers)('the statements on $name', (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it.each([3, 3000])('never scan the table, with %i rows', async (count) => {
    const database = await databases.openMigrated()
    const executions = Array.from({ length: count }, (_, index) =>
      newExecution({ executionId: `te_${index}`, queue: `queue_${index % 3}` }),
    )
    await database.storage.insert({ executions, executorId: 'executor', leaseMs: 1000 })
    await database.all('ANALYZE TABLE task_executions')
    for (const [name, text] of Object.entries(STATEMENTS)) {
      const explain = server.name === 'MySQL' ? 'EXPLAIN FORMAT=TRADITIONAL' : 'EXPLAIN'
      const plan = await database.all(`${explain} ${text}`, valuesFor(text))
      for (const step of plan) {
        const tables = ['task_executions', 'child', 'page', 't']
        // MySQL lists the table that rows are inserted into as read, which it isn't.
        const isRead = tables.includes(String(step[2])) && step[1] !== 'INSERT'
        if (isRead) expect(step, name).not.toContain('ALL')
      }
    }
    await database.close()
  })
})

/** A number for a limit, a row for JSON, and texts, as ids are: a number would be compared with every row. */
function valuesFor(text: string): (string | number)[] {
  const before = text.split('?').slice(0, -1)
  return before.map((part, place) => {
    if (part.endsWith('JSON_TABLE(')) return JSON.stringify([['te_1']])
    return part.endsWith('LIMIT ') ? 10 : String(place)
  })
}
