import { getTableConfig, MySqlDialect } from 'drizzle-orm/mysql-core'
import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers, type MySqlTestDatabase } from '../../tests/mysql-databases'
import { OutageScene, until } from '../../tests/support/outage-scene'
import { OwnConnection } from './connection'
import { migrate, STEPS } from './migrate'
import { createMySqlTaskExecutionsTable } from './table'

const servers = await mySqlServers()
const by = { executorId: 'executor', leaseMs: 1000 }

/** The statements drizzle-kit 0.31 generates for the table. */
function drizzleKitStatements(): string[] {
  const { name, columns, indexes, checks } = getTableConfig(createMySqlTaskExecutionsTable())
  const dialect = new MySqlDialect()
  const namesOf = (config: (typeof indexes)[number]['config']): string =>
    config.columns.map((column) => ('name' in column ? `\`${column.name}\`` : '?')).join(',')
  const unique = indexes.filter(({ config }) => config.unique === true)
  const lines = [
    ...columns.map(
      (column) => `\`${column.name}\` ${column.getSQLType()}${column.notNull ? ' NOT NULL' : ''}`,
    ),
    `CONSTRAINT \`${name}_execution_id\` PRIMARY KEY(\`execution_id\`)`,
    ...unique.map(({ config }) => `CONSTRAINT \`${config.name}\` UNIQUE(${namesOf(config)})`),
    ...checks.map(
      (check) => `CONSTRAINT \`${check.name}\` CHECK(${dialect.sqlToQuery(check.value).sql})`,
    ),
  ]
  const others = indexes.filter(({ config }) => config.unique !== true)
  return [
    `CREATE TABLE \`${name}\` (${lines.join(',\n')})`,
    ...others.map(
      ({ config }) => `CREATE INDEX \`${config.name}\` ON \`${name}\` (${namesOf(config)})`,
    ),
  ]
}

/** Without the character sets that MySQL notes for each literal: they differ from one connection to another. */
function plain(clause: string): string {
  return clause.replaceAll(/_(?:binary|utf8mb4|latin1)(?=\\?')/g, '').replaceAll(/\\n|\s+/g, ' ')
}

/** Everything the server knows of the table. */
async function schemaOf({ all }: MySqlTestDatabase): Promise<unknown> {
  return {
    columns: await all(
      "SELECT column_name, column_type, is_nullable, column_default, character_set_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'task_executions' ORDER BY ordinal_position",
    ),
    indexes: await all(
      "SELECT index_name, non_unique, seq_in_index, column_name, sub_part FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'task_executions' ORDER BY index_name, seq_in_index",
    ),
    checks: (
      await all(
        'SELECT constraint_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema = DATABASE() ORDER BY constraint_name',
      )
    ).map(([name, clause]) => [name, plain(String(clause))]),
  }
}

function addColumn(table: string, name: string): string[] {
  return [`ALTER TABLE \`${table}\` ADD COLUMN \`${name}\` int, ALGORITHM = INPLACE, LOCK = NONE`]
}

/** Takes a step beyond those that there are. */
async function upgrade(
  { db }: MySqlTestDatabase,
  step: (table: string) => readonly string[],
): Promise<void> {
  const driver = await db.$client.getConnection()
  try {
    const connection = new OwnConnection(driver, {
      isPrepared: false,
    })
    await migrate(connection, 'task_executions', [...STEPS, step])
  } finally {
    driver.release()
  }
}

describe.each(servers)('migrate on $name', (server) => {
  const databases = new MySqlDatabases(server)
  afterAll(databases.drop)

  it('makes the schema that drizzle-kit makes, whatever the character set of the database', async () => {
    const migrated = await databases.openMigrated()
    const generated = databases.open(await databases.create('CHARACTER SET latin1'))
    for (const statement of drizzleKitStatements()) await generated.all(statement)
    const schema = await schemaOf(generated)
    expect(await schemaOf(migrated)).toEqual(schema)
    // A table that drizzle-kit made is taken over as it is.
    await generated.storage.migrate()
    expect(await schemaOf(generated)).toEqual(schema)
    await migrated.close()
    await generated.close()
  })

  it('changes nothing the second time, and keeps the rows', async () => {
    const database = await databases.openMigrated({ tableName: 'jobs' })
    await database.storage.insert({ executions: [newExecution()], ...by })
    await database.storage.migrate()
    expect(await database.rows()).toHaveLength(1)
    expect(await database.all('SELECT * FROM jobs_schema')).toEqual([[1, 1]])
    await database.close()
  })

  it('leaves a newer schema alone', async () => {
    const database = await databases.openMigrated()
    await database.all('UPDATE task_executions_schema SET version = 7')
    await database.storage.migrate()
    expect(await database.all('SELECT version FROM task_executions_schema')).toEqual([[7]])
    await database.close()
  })

  it('works from several connections at once', async () => {
    const url = await databases.create()
    const opened = Array.from({ length: 6 }, () => databases.open(url))
    await Promise.all(opened.map(({ storage }) => storage.migrate()))
    expect(await opened[0]?.all('SELECT * FROM task_executions_schema')).toEqual([[1, 1]])
    expect(await opened[0]?.rows()).toEqual([])
    for (const database of opened) await database.close()
  })

  it('upgrades a table in use once, whoever else does, and goes on after a step that broke', async () => {
    const url = await databases.create()
    const [database, ...others] = Array.from({ length: 4 }, () => databases.open(url))
    if (!database) throw new Error('There is a database')
    await database.storage.migrate()
    const scene = await OutageScene.start([database.storage], database.rows, 9000)
    const busy = scene.keepBusy()
    await until('it is at work', () => scene.runs > 20)
    const broken = upgrade(database, (table) => [...addColumn(table, 'first'), 'no statement'])
    await expect(broken).rejects.toThrow()
    expect(await database.all('SELECT version FROM task_executions_schema')).toEqual([[1]])
    const runs = scene.runs
    await Promise.all(others.map((other) => upgrade(other, (table) => addColumn(table, 'second'))))
    await until('it works on', () => scene.runs > runs + 20)
    await busy.stop()
    expect(await database.all('SELECT version FROM task_executions_schema')).toEqual([[2]])
    await scene.expectAllDoneOnce()
    expect(scene.count('storage_away')).toBe(0)
    await scene.end()
    for (const each of [database, ...others]) await each.close()
  })

  it('refuses a row that must never be', async () => {
    const database = await databases.openMigrated()
    await database.storage.insert({ executions: [newExecution()], ...by })
    for (const assignment of [
      "status = 'running'",
      "status = 'completed'",
      "status = 'unknown'",
      'claim_at = NULL',
      'active_children_count = -1',
      "parent_execution_id = 'p'",
    ]) {
      await expect(database.all(`UPDATE task_executions SET ${assignment}`)).rejects.toThrow()
    }
    await database.close()
  })
})
