/** The session of `@libsql/client`, which answers later: a pool of connections to a file, or a server. */
import type { Environment } from 'durable-execution'

import type { SqlRow, SqlValue } from '../row'
import { number } from '../values'
import { runAsync, type BulkText, type Program, type Step, type WriteStep } from './program'
import {
  assertStorableStep,
  type JoinedTransaction,
  type OwnTransaction,
  type Session,
  type SessionOptions,
} from './session'
import { SAVEPOINT, toDrizzleSql, toRows, type UserTransaction } from './user-transaction'
import { BUSY_TIMEOUT_MS, lineOf, PATIENCE_MS, untilFree, type Line } from './waiting'

interface LibsqlStatement {
  readonly sql: string
  readonly args: SqlValue[]
}

/** A transaction of `@libsql/client`, which holds a connection until it is closed. */
interface LibsqlTransaction {
  execute(statement: LibsqlStatement): Promise<{ readonly rows: readonly SqlRow[] }>
  batch(statements: LibsqlStatement[]): Promise<readonly { readonly rowsAffected: number }[]>
  executeMultiple(text: string): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
  close(): void
}

/** A client of `@libsql/client`. */
export interface LibsqlClient {
  readonly protocol: string
  transaction(mode: 'write' | 'read' | 'deferred'): Promise<LibsqlTransaction>
}

/** Whether this is a client of `@libsql/client`. */
export function isLibsqlClient(client: unknown): client is LibsqlClient {
  return (
    typeof client === 'object' &&
    client !== null &&
    typeof Reflect.get(client, 'transaction') === 'function' &&
    typeof Reflect.get(client, 'executeMultiple') === 'function' &&
    typeof Reflect.get(client, 'protocol') === 'string'
  )
}

/** Runs each program on a connection of its own; of those that write, one at a time. */
export class LibsqlSession implements Session {
  private readonly client: LibsqlClient
  private readonly environment: Environment
  private readonly line: Line

  constructor(client: LibsqlClient, { environment }: SessionOptions) {
    this.client = client
    this.environment = environment
    this.line = lineOf(client)
  }

  run<T>(own: OwnTransaction<T>): Promise<T> {
    const { environment } = this
    const until = environment.monotonic() + PATIENCE_MS
    const attempt = (): Promise<T> =>
      this.client.protocol === 'file' ? this.runInFile(own) : this.runOnServer(own)
    const call = (): Promise<T> => untilFree(attempt, { environment, until, signal: own.signal })
    return own.mode === 'write' ? this.line.join(call) : call()
  }

  async join<T>({ transaction, lock, program }: JoinedTransaction<T>): Promise<T> {
    await transaction.run(SAVEPOINT.begin)
    try {
      await transaction.run(toDrizzleSql(lock, []))
      const answer = await runAsync(program(), (step) => executeInUsers(transaction, step))
      await transaction.run(SAVEPOINT.release)
      return answer
    } catch (error) {
      await undo(transaction)
      throw error
    }
  }

  /**
   * The transaction begins without a lock, so that the connection's busy time-out can be shortened before it waits for one, and
   * set back in the statement that ends it. What may meet a lock goes through `executeMultiple`: a prepared statement of this
   * driver that met one is left unfinished, and no transaction of its connection can commit until it is garbage-collected.
   */
  private async runInFile<T>({ mode, lock, program }: OwnTransaction<T>): Promise<T> {
    const transaction = await this.client.transaction('deferred')
    let setBack = ''
    try {
      const usersTimeoutMs = await busyTimeout(transaction)
      if (usersTimeoutMs > BUSY_TIMEOUT_MS) {
        setBack = `; PRAGMA busy_timeout = ${usersTimeoutMs}`
        await transaction.executeMultiple(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
      }
      if (mode === 'write') await transaction.executeMultiple(lock)
      const answer = await drive(transaction, program())
      await transaction.executeMultiple(`COMMIT${setBack}`)
      return answer
    } catch (error) {
      await transaction.executeMultiple(`ROLLBACK${setBack}`).catch(() => undefined)
      throw error
    } finally {
      transaction.close()
    }
  }

  private async runOnServer<T>({ mode, program }: OwnTransaction<T>): Promise<T> {
    const transaction = await this.client.transaction(mode)
    try {
      const answer = await drive(transaction, program())
      await transaction.commit()
      return answer
    } finally {
      // Rolls back what was not committed.
      transaction.close()
    }
  }
}

async function busyTimeout(transaction: LibsqlTransaction): Promise<number> {
  const { rows } = await transaction.execute({ sql: 'PRAGMA busy_timeout', args: [] })
  return number(rows[0]?.[0])
}

function drive<T>(transaction: LibsqlTransaction, program: Program<T>): Promise<T> {
  return runAsync(program, (step) => {
    if (step.kind === 'read') return readRows(transaction, step.text, step.params)
    assertStorableStep(step)
    return step.bulk ? writeInBulk(transaction, step, step.bulk) : writeEach(transaction, step)
  })
}

async function readRows(
  transaction: LibsqlTransaction,
  text: string,
  params: readonly SqlValue[],
): Promise<readonly SqlRow[]> {
  const { rows } = await transaction.execute({ sql: text, args: [...params] })
  return rows
}

async function writeEach(
  transaction: LibsqlTransaction,
  { text, paramsOfEach }: Pick<WriteStep, 'text' | 'paramsOfEach'>,
): Promise<readonly SqlRow[]> {
  const results = await transaction.batch(
    paramsOfEach.map((params) => ({ sql: text, args: [...params] })),
  )
  return results.map(({ rowsAffected }) => [rowsAffected])
}

/** This driver prepares a statement each time it executes it: that takes as long as several rows. */
async function writeInBulk(
  transaction: LibsqlTransaction,
  { text, paramsOfEach }: WriteStep,
  bulk: BulkText,
): Promise<readonly SqlRow[]> {
  const counts: SqlRow[] = []
  let start = 0
  for (; start + bulk.size <= paramsOfEach.length; start += bulk.size) {
    const group = paramsOfEach.slice(start, start + bulk.size)
    const rows = await readRows(transaction, bulk.text, group.flat())
    const changed = new Set(Array.from(rows, (row) => row[0]))
    for (const params of group) counts.push([Number(changed.has(params[bulk.keyAt]))])
  }
  const rest = { text, paramsOfEach: paramsOfEach.slice(start) }
  return [...counts, ...(await writeEach(transaction, rest))]
}

async function executeInUsers(
  transaction: UserTransaction,
  step: Step,
): Promise<readonly SqlRow[]> {
  if (step.kind === 'read') {
    return toRows(await transaction.values(toDrizzleSql(step.text, step.params)))
  }
  assertStorableStep(step)
  for (const params of step.paramsOfEach) await transaction.run(toDrizzleSql(step.text, params))
  return []
}

async function undo(transaction: UserTransaction): Promise<void> {
  try {
    await transaction.run(SAVEPOINT.undo)
    await transaction.run(SAVEPOINT.release)
  } catch {
    // Some errors (a full disk) end the whole transaction, and the savepoint with it.
  }
}
