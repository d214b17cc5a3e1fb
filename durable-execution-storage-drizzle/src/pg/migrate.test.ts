import { getTableConfig, PgDialect } from 'drizzle-orm/pg-core'
import { newExecution } from 'durable-execution-storage-test-utils'
import { describe, expect, it } from 'vitest'

import { PG_DRIVERS, SERVER_DRIVERS, type TestDatabase } from '../../tests/pg-databases'
import { createPgTaskExecutionsTable } from './table'

/** The statements drizzle-kit generates for the table. */
function drizzleKitStatements(tableName: string): string[] {
  const { name, columns, indexes, checks } = getTableConfig(createPgTaskExecutionsTable(tableName))
  const dialect = new PgDialect()
  const lines = columns.map((column) => {
    const primary = column.primary ? ' PRIMARY KEY' : ''
    return `"${column.name}" ${column.getSQLType()}${primary}${column.notNull ? ' NOT NULL' : ''}`
  })
  const rules = checks.map(
    (check) => `CONSTRAINT "${check.name}" CHECK (${dialect.sqlToQuery(check.value).sql})`,
  )
  const ofIndexes = indexes.map(({ config }) => {
    const parts = config.columns.map((column) => {
      if (!('name' in column)) throw new Error('An index of the table is on an expression')
      const opClass = column.indexConfig?.opClass ?? ''
      return `"${column.name ?? ''}" ${opClass}`
    })
    const where = config.where ? ` WHERE ${dialect.sqlToQuery(config.where).sql}` : ''
    const unique = config.unique ? 'UNIQUE ' : ''
    return `CREATE ${unique}INDEX "${config.name ?? ''}" ON "${name}" (${parts.join(', ')})${where}`
  })
  return [`CREATE TABLE "${name}" (${[...lines, ...rules].join(', ')})`, ...ofIndexes]
}

/** Everything PostgreSQL knows of the table's columns, rules and indexes, without its name. */
async function schemaOf({ query, tableName }: TestDatabase): Promise<unknown[][]> {
  const columns = await query(
    'SELECT attname::text, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum',
    [tableName],
  )
  const rules = await query(
    'SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::regclass ORDER BY conname',
    [tableName],
  )
  const indexes = await query(
    'SELECT indexdef FROM pg_indexes WHERE tablename = $1 ORDER BY indexname',
    [tableName],
  )
  const parts = [columns, rules, indexes]
  return parts.flat().map((row) => row.map((value) => String(value).replaceAll(tableName, 'table')))
}

async function versionOf({ query, tableName }: TestDatabase): Promise<unknown> {
  const [row] = await query(`SELECT version FROM "${tableName}_schema"`)
  return row?.[0]
}

describe.each(PG_DRIVERS)('migrate on $name', (driver) => {
  it('makes the schema that drizzle-kit makes, and takes such a table over', async () => {
    const migrated = await driver.open()
    const generated = await driver.open()
    await migrated.storage.migrate()
    for (const statement of drizzleKitStatements(generated.tableName)) {
      await generated.query(statement)
    }
    expect(await schemaOf(migrated)).toStrictEqual(await schemaOf(generated))
    await generated.storage.migrate()
    expect(await schemaOf(migrated)).toStrictEqual(await schemaOf(generated))
    await migrated.close()
    await generated.close()
  })

  it('changes nothing the second time, and keeps the rows', async () => {
    const database = await driver.open()
    await database.storage.migrate()
    const executions = [newExecution()]
    await database.storage.insert({ executions, executorId: 'executor', leaseMs: 1000 })
    const before = await schemaOf(database)
    await database.storage.migrate()
    expect(await schemaOf(database)).toStrictEqual(before)
    expect(await database.rows()).toHaveLength(1)
    expect(await versionOf(database)).toBe(4)
    await database.close()
  })

  it('leaves a newer schema alone', async () => {
    const database = await driver.open()
    await database.storage.migrate()
    await database.query(`UPDATE "${database.tableName}_schema" SET version = 7`)
    await database.storage.migrate()
    expect(await versionOf(database)).toBe(7)
    await database.close()
  })
})

describe.skipIf(SERVER_DRIVERS.length === 0).each(SERVER_DRIVERS)(
  'migrate from several connections on $name',
  (driver) => {
    it('makes the table once', async () => {
      const first = await driver.open()
      const { tableName } = first
      const others = await Promise.all([1, 2, 3].map(() => driver.open({ tableName })))
      await Promise.all([first, ...others].map(({ storage }) => storage.migrate()))
      expect(await versionOf(first)).toBe(4)
      for (const database of [...others, first]) await database.close()
    })
  },
)
