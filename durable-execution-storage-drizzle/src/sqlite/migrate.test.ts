import { getTableConfig, SQLiteSyncDialect } from 'drizzle-orm/sqlite-core'
import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it, vi } from 'vitest'

import { DRIVERS, openMigrated, temporaryFiles, type TestDatabase } from '../../tests/databases'
import { OutageScene, until } from '../../tests/support/outage-scene'
import { migrationOf, STEPS } from './migrate'
import { runAsync } from './program'
import { createSQLiteTaskExecutionsTable } from './table'

const files = temporaryFiles()
afterAll(files.remove)

/** The statements drizzle-kit 0.31 generates for the table. */
function drizzleKitStatements(tableName?: string): string[] {
  const { name, columns, indexes, checks } = getTableConfig(
    createSQLiteTaskExecutionsTable(tableName),
  )
  const dialect = new SQLiteSyncDialect()
  const lines = columns.map((column) => {
    const primary = column.primary ? ' PRIMARY KEY' : ''
    return `\t\`${column.name}\` ${column.getSQLType()}${primary}${column.notNull ? ' NOT NULL' : ''}`
  })
  const rules = checks.map(
    (check) => `\tCONSTRAINT "${check.name}" CHECK(${dialect.sqlToQuery(check.value).sql})`,
  )
  const ofIndexes = indexes.map(({ config }) => {
    const names = config.columns.map((column) => ('name' in column ? `\`${column.name}\`` : '?'))
    const where = config.where ? ` WHERE ${dialect.sqlToQuery(config.where).sql}` : ''
    const unique = config.unique ? 'UNIQUE ' : ''
    return `CREATE ${unique}INDEX \`${config.name}\` ON \`${name}\` (${names.join(',')})${where}`
  })
  return [`CREATE TABLE \`${name}\` (\n${[...lines, ...rules].join(',\n')}\n)`, ...ofIndexes]
}

/** Everything SQLite knows of the table, without the spaces and quotes that the two write differently. */
async function schemaOf({ all }: TestDatabase, table = 'task_executions') {
  const indexes = await all(`PRAGMA index_list("${table}")`)
  const texts = await all('SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ?', [table])
  return {
    columns: await all(`PRAGMA table_info("${table}")`),
    indexes: indexes.map(([, ...index]) => index).sort(),
    columnsOfIndexes: await Promise.all(
      indexes.map((index) => all(`PRAGMA index_xinfo("${String(index[1])}")`)),
    ),
    texts: texts.map(([type, name, text]) => [type, name, plainSql(text)]).sort(),
  }
}

function plainSql(text: unknown): string {
  return String(text)
    .replaceAll(/["`]/g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([(),]) ?/g, '$1')
}

/** Takes a step beyond those that there are, in a transaction with the write lock. */
async function upgrade({ begin, all }: TestDatabase): Promise<void> {
  const addColumn = (table: string): string[] => [`ALTER TABLE "${table}" ADD COLUMN note text`]
  const { program } = migrationOf('task_executions', [...STEPS, addColumn])
  const transaction = await vi.waitFor(begin, { timeout: 20_000, interval: 5 })
  await runAsync(program(), async (step) => {
    if (step.kind === 'read') return await all(step.text)
    const [params = []] = step.paramsOfEach
    // What is executed without values gets them written into its text: there are only numbers.
    await transaction.exec(step.text.replace('?', String(params[0])))
    return []
  })
  await transaction.commit()
}

describe.each(DRIVERS)('migrate on $name', (driver) => {
  it('makes the schema that drizzle-kit makes', async () => {
    const migrated = driver.open(files.next())
    const generated = driver.open(files.next())
    await migrated.storage.migrate()
    for (const statement of drizzleKitStatements()) await generated.exec(statement)
    expect(await schemaOf(migrated)).toStrictEqual(await schemaOf(generated))
    migrated.close()
    generated.close()
  })

  it('changes nothing the second time, and keeps the rows', async () => {
    const database = driver.open(files.next(), { tableName: 'jobs' })
    await database.storage.migrate()
    const executions = [newExecution()]
    await database.storage.insert({ executions, executorId: 'executor', leaseMs: 1000 })
    const before = await schemaOf(database, 'jobs')
    await database.storage.migrate()
    expect(await schemaOf(database, 'jobs')).toStrictEqual(before)
    expect(await database.all('SELECT execution_id FROM jobs')).toStrictEqual([['te_1']])
    expect(await database.all('SELECT * FROM jobs_schema')).toStrictEqual([[1, 1]])
    database.close()
  })

  it('takes over a table that drizzle-kit made', async () => {
    const database = driver.open(files.next())
    for (const statement of drizzleKitStatements()) await database.exec(statement)
    const before = await schemaOf(database)
    await database.storage.migrate()
    expect(await schemaOf(database)).toStrictEqual(before)
    database.close()
  })

  it('upgrades a table in use once, whoever else does', async () => {
    const file = files.next()
    const database = await openMigrated(driver, file)
    const others = [driver.open(file), driver.open(file)]
    const scene = await OutageScene.start([database.storage], database.rows, 9000)
    const busy = scene.keepBusy()
    await until('it is at work', () => scene.runs > 20)
    const runs = scene.runs
    for (const other of others) await upgrade(other)
    await until('it works on', () => scene.runs > runs + 20)
    await busy.stop()
    expect(await database.all('SELECT version FROM task_executions_schema')).toStrictEqual([[2]])
    await scene.expectAllDoneOnce()
    await scene.end()
    for (const each of [database, ...others]) each.close()
  })

  it('leaves a newer schema alone', async () => {
    const database = driver.open(files.next())
    await database.storage.migrate()
    await database.exec('UPDATE task_executions_schema SET version = 7')
    await database.storage.migrate()
    expect(await database.all('SELECT version FROM task_executions_schema')).toStrictEqual([[7]])
    database.close()
  })

  it('works from several connections at once', async () => {
    const file = files.next()
    const databases = Array.from({ length: 4 }, () => driver.open(file))
    await Promise.all(databases.map(({ storage }) => storage.migrate()))
    const [first] = databases
    expect(await first?.all('SELECT * FROM task_executions_schema')).toStrictEqual([[1, 1]])
    expect(await first?.rows()).toStrictEqual([])
    for (const database of databases) database.close()
  })

  it('waits for another connection that holds the lock', async () => {
    const file = files.next()
    const [mine, other] = [driver.open(file), driver.open(file)]
    await other.exec('CREATE TABLE other (id integer)')
    const lock = await other.begin()
    const migrated = mine.storage.migrate()
    await lock.commit()
    await migrated
    expect(await mine.rows()).toStrictEqual([])
    mine.close()
    other.close()
  })
})
