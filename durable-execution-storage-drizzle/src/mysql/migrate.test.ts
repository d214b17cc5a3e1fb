import { getTableConfig, MySqlDialect } from 'drizzle-orm/mysql-core'
import { newExecution } from 'durable-execution-storage-test-utils'
import { afterAll, describe, expect, it } from 'vitest'

import { MySqlDatabases, mySqlServers, type MySqlTestDatabase } from '../../tests/mysql-databases'
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
