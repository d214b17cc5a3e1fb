/** MySQL and MariaDB for tests: which servers there are, and databases on them that no other test sees. */
import { drizzle } from 'drizzle-orm/mysql2'
import type { ExecutionRecord } from 'durable-execution'
import {
  createConnection,
  createPool,
  type Connection,
  type Pool,
  type PoolOptions,
} from 'mysql2/promise'

import { toRows } from '../src/mysql/connection'
import {
  createMySqlTaskExecutionsStorage,
  type MySqlTaskExecutionsStorage,
  type MySqlTaskExecutionsStorageOptions,
} from '../src/mysql/storage'
import { createMySqlTaskExecutionsTable } from '../src/mysql/table'
import { COLUMNS, fromRow } from '../src/row'

/** A server that tests may use. */
export interface MySqlServer {
  readonly name: 'MySQL' | 'MariaDB'
  readonly url: string
}

const LOCAL_URL = 'mysql://root@127.0.0.1:3306/test'

const KINDS = [
  { name: 'MariaDB', variable: 'TEST_MARIADB_URL', required: 'mariadb' },
  { name: 'MySQL', variable: 'TEST_MYSQL_URL', required: 'mysql' },
] as const

/** The servers that the variables name, or the one that answers on this machine. What is missing is said, or fails. */
export async function mySqlServers(): Promise<MySqlServer[]> {
  const required = (process.env['REQUIRED_DATABASES'] ?? '').split(',')
  const local = await kindAt(LOCAL_URL).catch(() => null)
  const servers: MySqlServer[] = []
  for (const kind of KINDS) {
    const url = process.env[kind.variable] ?? (local === kind.name ? LOCAL_URL : undefined)
    if (url !== undefined) {
      servers.push({ name: kind.name, url })
      continue
    }
    const missing = `No ${kind.name} server: set ${kind.variable}, or start one at 127.0.0.1:3306 (scripts/private-mysql.sh starts a private MySQL)`
    if (required.includes(kind.required)) throw new Error(missing)
    console.info(`Skipped: tests on ${kind.name}. ${missing}`)
  }
  return servers
}

async function kindAt(uri: string): Promise<MySqlServer['name']> {
  const connection = await createConnection({ uri, connectTimeout: 2000 })
  try {
    const [rows] = await connection.query({ sql: 'SELECT VERSION()', rowsAsArray: true })
    return JSON.stringify(rows).includes('MariaDB') ? 'MariaDB' : 'MySQL'
  } finally {
    connection.destroy()
  }
}

/** How a database is opened. */
export interface OpenOptions extends MySqlTaskExecutionsStorageOptions {
  readonly tableName?: string
  readonly pool?: PoolOptions
  /** Replaces statements on their way to the server, to break them. */
  readonly rewrite?: (text: string) => string
  /** A statement with which every connection begins. */
  readonly begin?: string
}

/** A pool of connections to a database, with a storage on it. */
export interface MySqlTestDatabase {
  readonly storage: MySqlTaskExecutionsStorage<unknown>
  readonly db: ReturnType<typeof openPool>['db']
  readonly all: (text: string, params?: readonly unknown[]) => Promise<unknown[][]>
  /** Every row of the table. */
  readonly rows: () => Promise<ExecutionRecord[]>
  /** A connection of its own, as a user has one. */
  readonly connect: () => Promise<Connection>
  readonly close: () => Promise<void>
}

/** Databases on one server, dropped at the end. */
export class MySqlDatabases {
  readonly server: MySqlServer
  private readonly names: string[] = []
  private readonly pools: Pool[] = []

  constructor(server: MySqlServer) {
    this.server = server
  }

  /** Creates a database, and answers its URL. */
  async create(options = ''): Promise<string> {
    const name = `durable_execution_${process.pid}_${Math.random().toString(36).slice(2, 10)}`
    await this.admin(`CREATE DATABASE \`${name}\` ${options}`)
    this.names.push(name)
    const url = new URL(this.server.url)
    url.pathname = `/${name}`
    return url.href
  }

  /** Opens a database. */
  open(url: string, { pool, begin, rewrite, ...options }: OpenOptions = {}): MySqlTestDatabase {
    const opened = openPool(url, pool, begin)
    if (rewrite) {
      opened.pool.pool.on('connection', (connection: object) => rewriteTexts(connection, rewrite))
    }
    return this.over(url, opened, options)
  }

  private over(
    url: string,
    { pool, db }: ReturnType<typeof openPool>,
    { tableName, ...storageOptions }: Omit<OpenOptions, 'pool' | 'begin' | 'rewrite'>,
  ): MySqlTestDatabase {
    const all = async (text: string, params: readonly unknown[] = []) => {
      const [rows] = await pool.query({ sql: text, values: [...params], rowsAsArray: true })
      return toRows(rows).map((row) => Array.from(row))
    }
    const table = createMySqlTaskExecutionsTable(tableName)
    return {
      storage: createMySqlTaskExecutionsStorage(db, table, storageOptions),
      db,
      all,
      rows: async () =>
        (await all(`SELECT ${COLUMNS.join(', ')} FROM \`${tableName ?? 'task_executions'}\``)).map(
          fromRow,
        ),
      connect: () => createConnection({ uri: url }),
      close: () => pool.end(),
    }
  }

  /** A new database for several tables, one after the other, over one pool. */
  async openShared(
    begin?: string,
  ): Promise<
    (options?: Omit<OpenOptions, 'pool' | 'begin' | 'rewrite'>) => Promise<MySqlTestDatabase>
  > {
    const url = await this.create()
    const shared = openPool(url, {}, begin)
    this.pools.push(shared.pool)
    let count = 0
    return async (options = {}) => {
      const tableName = `table_${(count += 1)}`
      const database = this.over(url, shared, { ...options, tableName })
      await database.storage.migrate()
      const close = async () => {
        await database.all(`DROP TABLE \`${tableName}\`, \`${tableName}_schema\``)
      }
      return { ...database, close }
    }
  }

  /** A new database with its table. */
  async openMigrated(options?: OpenOptions): Promise<MySqlTestDatabase> {
    const database = this.open(await this.create(), options)
    await database.storage.migrate()
    return database
  }

  /** Executes a statement as the server's administrator. */
  async admin(text: string): Promise<void> {
    const connection = await createConnection({ uri: this.server.url })
    try {
      await connection.query(text)
    } finally {
      await connection.end()
    }
  }

  /** Drops all databases. */
  readonly drop = async (): Promise<void> => {
    for (const pool of this.pools.splice(0)) await pool.end()
    for (const name of this.names.splice(0)) {
      await this.admin(`DROP DATABASE IF EXISTS \`${name}\``)
    }
  }
}

interface Sent {
  readonly sql: string
}

/** Only what the storage sends by a connection: what a pool sends by itself comes as a command of mysql2, not as an object. */
function rewriteTexts(connection: object, rewrite: (text: string) => string): void {
  for (const name of ['execute', 'query'] as const) {
    const send = Reflect.get(connection, name) as (sent: Sent, ...others: unknown[]) => unknown
    Reflect.set(connection, name, (sent: Sent, ...others: unknown[]) => {
      const isPlain = Object.getPrototypeOf(sent) === Object.prototype
      const changed = isPlain ? { ...sent, sql: rewrite(sent.sql) } : sent
      return send.call(connection, changed, ...others)
    })
  }
}

/** Each table has statements of its own, and the server counts those of all: old ones are closed. */
function openPool(uri: string, options: PoolOptions = {}, begin?: string) {
  const pool = createPool({ uri, connectionLimit: 8, maxPreparedStatements: 200, ...options })
  if (begin !== undefined) {
    pool.pool.on('connection', (connection) => {
      connection.query(begin)
    })
  }
  return { pool, db: drizzle(pool) }
}
