/** The SQLite database of the demo: the storage of the executors, and what the demo itself asks about the executions. */
import { pathToFileURL } from 'node:url'

import { and, count, eq, inArray, like } from 'drizzle-orm'
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core'
import type { TaskExecutionStatus } from 'durable-execution'
import {
  createSQLiteTaskExecutionsStorage,
  createSQLiteTaskExecutionsTable,
} from 'durable-execution-storage-drizzle'

/** The table is an ordinary Drizzle table. Here it is the only one; it can just as well stand in your own schema. */
const taskExecutions = createSQLiteTaskExecutionsTable()

/** How many executions of one task have one status. */
export interface StatusCount {
  readonly taskId: string
  readonly status: TaskExecutionStatus
  readonly executions: number
}

/** An execution that has begun and not ended, or has yet to begin. */
export interface PendingExecution {
  readonly executionId: string
  readonly attempt: number
  readonly status: TaskExecutionStatus
  /** Whose claim it is: the worker's name and a suffix, made anew at each of its starts. */
  readonly executorId: string | null
}

export type DemoDatabase = Awaited<ReturnType<typeof openDatabase>>

/** Opens the database, and makes the table where it is missing. */
export async function openDatabase(file: string) {
  const { driver, db, close } = (await openBetterSqlite(file)) ?? (await openLibsql(file))
  const storage = createSQLiteTaskExecutionsStorage(db, taskExecutions)
  await storage.migrate()
  return {
    driver,
    storage,
    close,
    [Symbol.dispose]: close,

    countByStatus: async (): Promise<StatusCount[]> =>
      db
        .select({
          taskId: taskExecutions.taskId,
          status: taskExecutions.status,
          executions: count(),
        })
        .from(taskExecutions)
        .groupBy(taskExecutions.taskId, taskExecutions.status),

    findPending: async (): Promise<PendingExecution[]> =>
      db
        .select({
          executionId: taskExecutions.executionId,
          attempt: taskExecutions.attempt,
          status: taskExecutions.status,
          executorId: taskExecutions.executorId,
        })
        .from(taskExecutions)
        .where(inArray(taskExecutions.status, ['ready', 'running'])),

    /** How many executions a worker has claimed, alive or dead. */
    countClaimedBy: async (worker: string): Promise<number> => {
      const [row] = await db
        .select({ executions: count() })
        .from(taskExecutions)
        .where(
          and(eq(taskExecutions.status, 'running'), like(taskExecutions.executorId, `${worker}:%`)),
        )
      return row?.executions ?? 0
    },
  }
}

interface OpenDatabase {
  readonly driver: string
  readonly db: BaseSQLiteDatabase<'sync' | 'async', unknown>
  readonly close: () => void
}

/**
 * With a write-ahead log the client reads while a worker writes. `NORMAL`: what is committed outlives any end of the process; a
 * power cut may cost the last commits. Where that is too much, take `FULL`, SQLite's default.
 */
const SETTINGS = ['PRAGMA journal_mode = WAL', 'PRAGMA synchronous = NORMAL']

/** The faster driver, where it is: it is an optional dependency, for not every machine has a binary of it or a compiler. */
async function openBetterSqlite(file: string): Promise<OpenDatabase | null> {
  if (process.env['DEMO_DRIVER'] === 'libsql' || !(await hasBetterSqlite())) return null
  const { default: Database } = await import('better-sqlite3')
  const { drizzle } = await import('drizzle-orm/better-sqlite3')
  const client = new Database(file)
  for (const setting of SETTINGS) client.exec(setting)
  return { driver: 'better-sqlite3', db: drizzle(client), close: () => client.close() }
}

async function hasBetterSqlite(): Promise<boolean> {
  try {
    const { default: Database } = await import('better-sqlite3')
    // The binary is loaded with the first database.
    new Database(':memory:').close()
    return true
  } catch {
    return false
  }
}

async function openLibsql(file: string): Promise<OpenDatabase> {
  const { createClient } = await import('@libsql/client')
  const { drizzle } = await import('drizzle-orm/libsql')
  const client = createClient({ url: pathToFileURL(file).href })
  for (const setting of SETTINGS) await client.execute(setting)
  return { driver: '@libsql/client', db: drizzle(client), close: () => client.close() }
}
