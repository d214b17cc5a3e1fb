/** The cases on parallel connections notice what they are made to notice: SQL storages without one of their locks. */
import { AssertionError } from 'node:assert'

import {
  conformanceCases,
  runCase,
  titleOf,
  type StorageUnderTest,
} from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers } from './mysql-databases'
import { openMigrated, SERVER_DRIVERS } from './pg-databases'

/** How often a case is run before it is said to notice nothing: two calls have to meet at the right moment. */
const MOST_RUNS = 20

const TREES =
  'all verbs: leave nothing active under roots cancelled while their trees grow, on parallel connections'
const SIBLINGS =
  'all verbs: settle siblings against each other, and each call twice, on parallel connections'
const CLAIMERS = 'all verbs: give no row to two of many claimers, on parallel connections'

interface SqlFault {
  readonly fault: string
  /** What is taken out of the statements. */
  readonly without: RegExp
  /** The title of the case that must notice. */
  readonly fails: string
}

const PG_FAULTS: readonly SqlFault[] = [
  {
    fault: 'a cancel does not lock the roots of its trees',
    without: / FOR UPDATE$|(?<=OFFSET 0) FOR UPDATE/,
    fails: TREES,
  },
  {
    fault: 'a settle does not lock the roots of its trees',
    without: / FOR KEY SHARE/,
    fails: TREES,
  },
  {
    fault: 'who holds a row, and what a parent counts, is read without a lock',
    without: / FOR NO KEY UPDATE(?! SKIP)/,
    fails: SIBLINGS,
  },
]

const MYSQL_FAULTS: readonly SqlFault[] = [
  { fault: 'nothing waits for a lock', without: / FOR UPDATE(?! SKIP)/, fails: TREES },
  {
    fault: 'what a parent counts is read without a lock',
    without: / FOR UPDATE(?! SKIP)/,
    fails: SIBLINGS,
  },
  { fault: 'a claim locks nothing', without: / FOR UPDATE SKIP LOCKED/, fails: CLAIMERS },
]

/** What the case that names the fault fails with, some time or other. */
async function errorOf(
  { fails }: SqlFault,
  open: () => Promise<StorageUnderTest>,
): Promise<unknown> {
  const named = conformanceCases.find((candidate) => titleOf(candidate) === fails)
  if (!named) throw new Error(`There is no case "${fails}"`)
  for (let run = 0; run < MOST_RUNS; run += 1) {
    const error = await runCase(named, open).then(
      () => null,
      (caught: unknown) => caught,
    )
    if (error !== null) return error
  }
  return null
}

/** The case says so, or a constraint of the table does, before the case comes to it. */
function isNotice(error: unknown): boolean {
  return error instanceof AssertionError || String(error).includes('a row that must never be')
}

const driver = SERVER_DRIVERS.find(({ name }) => name === 'a pool of pg')

describe.skipIf(!driver)('the cases on parallel connections notice on PostgreSQL that', () => {
  it.each(PG_FAULTS.map((fault) => [fault.fault, fault] as const))('%s', async (_, fault) => {
    if (!driver) return
    const rewrite = (text: string): string => text.replace(fault.without, '')
    const open = async (): Promise<StorageUnderTest> => {
      const { storage, rows, close } = await openMigrated(driver, { rewrite })
      return { storage, dump: rows, close, isParallel: true }
    }
    expect(await errorOf(fault, open)).toSatisfy(isNotice)
  })
})

describe.each(await mySqlServers())(
  'the cases on parallel connections notice on $name that',
  (server) => {
    const databases = new MySqlDatabases(server)
    afterAll(databases.drop)

    it.each(MYSQL_FAULTS.map((fault) => [fault.fault, fault] as const))('%s', async (_, fault) => {
      const rewrite = (text: string): string => text.replace(fault.without, '')
      const open = async (): Promise<StorageUnderTest> => {
        const { storage, rows, close } = await databases.openMigrated({ rewrite })
        return { storage, dump: rows, close, isParallel: true }
      }
      expect(await errorOf(fault, open)).toSatisfy(isNotice)
    })
  },
)
