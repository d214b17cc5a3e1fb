/**
 * A table of the previous version that is upgraded while executors work on it: those of the version before, whose statements were
 * prepared on the table as it was, and those of this one. `TEST_TABLE_ROWS` says how many finished rows it has.
 */
import { readFileSync } from 'node:fs'

import { newExecution } from 'durable-execution-storage-test-utils'
import { describe, expect, it } from 'vitest'

import { SERVER_DRIVERS, uniqueName, type Driver, type TestDatabase } from './pg-databases'
import { OutageScene, until } from './support/outage-scene'

const ROWS = Number(process.env['TEST_TABLE_ROWS'] ?? 20_000)
const LONG_MS = 600_000
const by = { executorId: 'executor', leaseMs: 60_000 }

function fixture(name: string, tableName: string): string[] {
  const text = readFileSync(new URL(`fixtures/${name}.sql`, import.meta.url), 'utf8')
  const statements = text.replaceAll('task_executions', tableName).split(/;\n+/)
  return statements.filter((statement) => statement.trim() !== '')
}

/** A table of version 1 with rows that are finished. */
async function openOld(driver: Driver, rows: number): Promise<TestDatabase> {
  const database = await driver.open({ tableName: uniqueName() })
  const { query, tableName } = database
  for (const statement of fixture('pg-version-1', tableName)) await query(statement)
  await query(
    `INSERT INTO ${tableName} (execution_id, task_id, queue, status, claim_count, attempt, takeovers, active_children_count, root_task_id, root_execution_id, sleep_ms_before_run, retry_options, start_at, started_at, finished_at, created_at, updated_at, input, output)
    SELECT 'old_' || i, 'old', 'default', 'completed', 1, 0, 0, 0, 'old', 'old_' || i, 0, '{}', i, i, i, i, i, '{"json":1}', '{"json":1}' FROM generate_series(1, $1::integer) AS i`,
    [String(rows)],
  )
  return database
}

/** Writes to a row as long as it is asked to, and answers the longest time that took. */
function watchWaits({ query, tableName }: TestDatabase): { stop: () => Promise<number> } {
  let longestMs = 0
  let isOver = false
  const watch = async (): Promise<void> => {
    while (!isOver) {
      const sentAt = performance.now()
      await query(`UPDATE ${tableName} SET updated_at = updated_at WHERE execution_id = 'old_1'`)
      longestMs = Math.max(longestMs, performance.now() - sentAt)
    }
  }
  const watching = watch()
  const stop = async (): Promise<number> => {
    isOver = true
    await watching
    return longestMs
  }
  return { stop }
}

async function versionOf({ query, tableName }: TestDatabase): Promise<unknown> {
  return (await query(`SELECT version FROM "${tableName}_schema"`))[0]?.[0]
}

/** The rows of this test, without those that were there before. */
async function newRows({ storage, query, tableName }: TestDatabase) {
  const ids = await query(`SELECT execution_id FROM ${tableName} WHERE task_id <> 'old'`)
  const { records } = await storage.get({ executionIds: ids.map(([id]) => String(id)) })
  return records.flatMap((record) => record ?? [])
}

const drivers = SERVER_DRIVERS.filter(({ name }) => name !== 'a client of pg')

describe.each(drivers)('an upgrade from version 1 on $name', (driver) => {
  it(
    'keeps executors of both versions at work, whoever else migrates',
    async () => {
      const old = await openOld(driver, ROWS)
      const { tableName } = old
      const open = () => driver.open({ tableName })
      const others = await Promise.all([open(), open(), open()])
      const rows = () => newRows(old)
      const before = await OutageScene.start([old.storage], rows, 9000)
      const oldWork = before.keepBusy()
      await until('the version before is at work', () => before.runs > 20)
      const idle = watchWaits(old)
      await until('its writes are measured', () => before.runs > 100)
      const usualMs = await idle.stop()
      const waits = watchWaits(old)
      const runs = before.runs
      await Promise.all(others.map(({ storage }) => storage.migrate()))
      expect(before.runs).toBeGreaterThan(runs)
      const longestMs = await waits.stop()
      expect(await versionOf(old)).toBe(4)

      const after = await OutageScene.start(
        others.slice(0, 1).map(({ storage }) => storage),
        rows,
        9000,
      )
      const newWork = after.keepBusy()
      const [ofOld, ofNew] = [before.runs, after.runs]
      await until(
        'both versions are at work',
        () => before.runs > ofOld + 50 && after.runs > ofNew + 50,
      )
      await Promise.all([oldWork.stop(), newWork.stop()])
      for (const scene of [before, after]) {
        await scene.expectAllDoneOnce()
        expect(scene.count('storage_away')).toBe(0)
        await scene.end()
      }
      console.info(
        `Upgraded ${ROWS} rows on ${driver.name}: the longest write took ${Math.round(longestMs)} ms meanwhile, ${Math.round(usualMs)} ms before`,
      )
      for (const other of others) await other.end()
      await old.close()
    },
    LONG_MS,
  )

  it('takes every statement of the version before', async () => {
    const old = await openOld(driver, 0)
    await old.storage.migrate()
    const statements = fixture('pg-version-1-statements', old.tableName)
    expect(statements.length).toBeGreaterThan(20)
    for (const statement of statements) {
      await old.query(
        `DO $do$ BEGIN EXECUTE $sql$ PREPARE of_version_1 AS ${statement} $sql$; EXECUTE 'DEALLOCATE of_version_1'; END $do$`,
      )
    }
    await old.close()
  })

  it('makes nobody wait behind it who does not wait for what it waits for', async () => {
    const old = await openOld(driver, 10)
    const user = await driver.open({ tableName: old.tableName })
    let finish = (): void => undefined
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    let begin = (): void => undefined
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const using = user.inTransaction(async (transaction) => {
      await user.storage.insert({ executions: [newExecution()], transaction, ...by })
      begin()
      await finished
    })
    await begun
    const migrated = old.storage.migrate()
    await until('the upgrade waits', async () => {
      const [row] = await user.query(
        `SELECT count(*)::integer FROM pg_locks WHERE relation = '${old.tableName}'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted`,
      )
      return row?.[0] === 1
    })
    const { outcomes } = await user.storage.insert({
      executions: [newExecution({ executionId: 'te_2' })],
      ...by,
    })
    expect(outcomes).toEqual([{ kind: 'inserted' }])
    expect(await versionOf(user)).toBe(1)
    finish()
    await using
    await migrated
    expect(await versionOf(old)).toBe(4)
    await user.end()
    await old.close()
  })
})
