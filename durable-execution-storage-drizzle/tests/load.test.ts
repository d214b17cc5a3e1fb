/**
 * Four processes do everything at once on one database: `TEST_LOAD_SECONDS` says how long. No call may fail, no function run twice
 * at once, and of all rows everything holds that must always hold.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import {
  findRunViolations,
  findViolations,
  sumUpLocks,
  watchLocks,
} from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { openPlace, type LoadPlace } from './load/databases'
import { readJournal } from './load/journal'
import { lockProbe } from './load/lock-probes'
import type { LoadReport, LoadSettings } from './load/process'
import { MySqlDatabases, mySqlServers } from './mysql-databases'
import { SERVER_URL } from './pg-databases'
import { killAll, TestProcess } from './processes/child-process'

const PROCESSES = 4
const USERS = 4
const FULL_SECONDS = process.env['TEST_LOAD_SECONDS']
const SECONDS = Number(FULL_SECONDS ?? 4)
const TIMEOUT_MS = SECONDS * 2000 + 120_000
/** The longest that a statement of a hundred may wait for a lock; one waits longer. */
const LOCK_BUDGET_MS = 100

const directory = mkdtempSync(path.join(tmpdir(), 'durable-execution-load-'))
afterAll(async () => {
  await killAll()
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
})

async function reportOf(settings: LoadSettings): Promise<LoadReport> {
  const worker = new TestProcess('../load/process.ts', [JSON.stringify(settings)])
  const exit = await worker.exited
  expect(worker.errors).toBe('')
  expect(exit).toEqual({ code: 0, signal: null })
  return JSON.parse(worker.output) as LoadReport
}

async function expectAllWell(place: LoadPlace): Promise<void> {
  const database = await openPlace(place)
  await database.storage.migrate()
  const journal = path.join(directory, `${place.kind}-${randomUUID()}`)
  const names = Array.from({ length: PROCESSES }, (_, index) => `process_${index}`)
  const working = Promise.all(
    names.map((name) => reportOf({ name, place, journal, seconds: SECONDS, users: USERS })),
  )
  const waits = await watchLocks(lockProbe(place.kind, database), working)
  const reports = await working
  const calls = reports.reduce((sum, report) => sum + report.calls, 0)
  // The probe of SQLite sends the statements itself that it tells of.
  const locks = sumUpLocks(waits, place.kind === 'sqlite' ? waits.length : calls)
  const records = await database.rows()
  const runs = readJournal(journal)
  const enqueuedIds = reports.flatMap((report) => report.enqueuedIds)
  const undone = new Set(reports.flatMap(({ undoneIds }) => undoneIds))
  await database.close()

  expect(reports.flatMap(({ errors }) => errors)).toEqual([])
  expect(reports.flatMap(({ troubles }) => troubles)).toEqual([])
  expect(findViolations(records)).toEqual([])
  expect(findRunViolations({ records, enqueuedIds, runs })).toEqual([])
  expect(records.filter(({ finishedAt }) => finishedAt === null)).toEqual([])
  expect(records.filter(({ executionId }) => undone.has(executionId))).toEqual([])
  expectMixture(records.map(({ status }) => status))
  console.info(
    `${place.kind}: ${records.length} executions, ${runs.length} runs and ${calls} calls in ${SECONDS} s by ${PROCESSES} processes; waits for locks: ${JSON.stringify(locks)}`,
  )
  // Only where nothing else is on the machine: otherwise who holds a lock may have to wait for a processor.
  if (FULL_SECONDS !== undefined) expect(locks.p99Ms).toBeLessThanOrEqual(LOCK_BUDGET_MS)
}

/** It is no load if nothing was cancelled, or nothing completed. */
function expectMixture(statuses: readonly string[]): void {
  for (const status of ['completed', 'cancelled']) {
    expect(statuses.filter((one) => one === status).length, status).toBeGreaterThan(10)
  }
}

describe('everything at once by four processes', () => {
  it.skipIf(SERVER_URL === null)('goes well on PostgreSQL', { timeout: TIMEOUT_MS }, async () => {
    const tableName = `te_load_${randomUUID().slice(0, 8)}`
    const place: LoadPlace = { kind: 'pg', url: SERVER_URL ?? '', tableName }
    try {
      await expectAllWell(place)
    } finally {
      const { query, close } = await openPlace(place)
      await query(`DROP TABLE IF EXISTS "${tableName}", "${tableName}_schema"`)
      await close()
    }
  })

  it('goes well on a SQLite file', { timeout: TIMEOUT_MS }, async () => {
    const url = path.join(directory, 'executions.db')
    await expectAllWell({ kind: 'sqlite', url, tableName: 'task_executions' })
  })
})

describe.each(await mySqlServers())('everything at once by four processes', (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it(`goes well on ${server.name}`, { timeout: TIMEOUT_MS }, async () => {
    const url = await databases.create()
    await expectAllWell({ kind: 'mysql', url, tableName: 'task_executions' })
  })
})
