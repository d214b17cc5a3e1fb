/** The storage on MySQL and MariaDB. */
import {
  getTableName,
  type ExtractTablesWithRelations,
  type TablesRelationalConfig,
} from 'drizzle-orm'
import type { MySqlTransaction } from 'drizzle-orm/mysql-core'
import type {
  MySql2Database,
  MySql2PreparedQueryHKT,
  MySql2QueryResultHKT,
} from 'drizzle-orm/mysql2'
import {
  assertOneWritePerRow,
  systemEnvironment,
  type CancelOutcome,
  type CancelRequest,
  type Claim,
  type ClaimAnswer,
  type ClaimRequest,
  type ExecutionRecord,
  type GuardedOutcome,
  type InsertOutcome,
  type InsertRequest,
  type LostClaim,
  type NextClaim,
  type PruneAnswer,
  type PruneRequest,
  type RecoverRequest,
  type ReleaseRequest,
  type RenewOutcome,
  type RenewRequest,
  type SettleAnswer,
  type SettleRequest,
  type StorageAnswer,
  type StorageCall,
  type TaskExecutionsStorage,
  type WakeAnswer,
  type WakeRequest,
} from 'durable-execution'

import { checkTableName } from '../table-name'
import { clientOf } from './driver'
import { toStorageError } from './errors'
import { migrate } from './migrate'
import { readTime } from './server'
import { Session, type Connection, type Program, type Time } from './session'
import { createStatements, type Statements } from './statements'
import type { MySqlTaskExecutionsTable } from './table'
import { UserConnection } from './user-transaction'
import { insertAtOnce, mayInsertAtOnce, maySettleAtOnce, settleAtOnce } from './verbs/at-once'
import { cancel } from './verbs/cancel'
import { claim, release, renew } from './verbs/claims'
import { insert, insertInUsers } from './verbs/insert'
import { prune } from './verbs/prune'
import * as reads from './verbs/reads'
import { settle } from './verbs/settle'
import { wake } from './verbs/wake'

/** Options of {@link createMySqlTaskExecutionsStorage}. */
export interface MySqlTaskExecutionsStorageOptions {
  /**
   * The storage's clock, in milliseconds since the epoch.
   *
   * @default the server's clock
   */
  readonly now?: (() => number) | undefined
  /**
   * Whether statements are prepared on the server, and kept so by mysql2 for each connection. Turn it off for proxies that
   * cannot. @default true
   */
  readonly preparedStatements?: boolean | undefined
}

/** A verb on a connection, with the time of its call or how to find it out. */
type Verb<TRequest, TTime, T> = (
  connection: Connection,
  statements: Statements,
  request: TRequest,
  time: TTime,
) => Promise<T>

/** The transactions of a Drizzle database on mysql2. */
type TransactionOf<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> = MySqlTransaction<MySql2QueryResultHKT, MySql2PreparedQueryHKT, TFullSchema, TSchema>

/**
 * The storage on MySQL and MariaDB, for what `drizzle()` of `drizzle-orm/mysql2` returned, over a pool or one connection.
 *
 * @param table - What `createMySqlTaskExecutionsTable` returned.
 * @throws A non-retryable `DurableExecutionError` if the database is of another driver.
 * @example
 * const storage = createMySqlTaskExecutionsStorage(drizzle('mysql://root@127.0.0.1/app'), createMySqlTaskExecutionsTable())
 * await storage.migrate()
 */
export function createMySqlTaskExecutionsStorage<TSchema extends Record<string, unknown>>(
  db: MySql2Database<TSchema>,
  table: MySqlTaskExecutionsTable,
  options: MySqlTaskExecutionsStorageOptions = {},
): MySqlTaskExecutionsStorage<TransactionOf<TSchema, ExtractTablesWithRelations<TSchema>>> {
  return new MySqlTaskExecutionsStorage(db, table, options)
}

/**
 * Executions in a table of a MySQL or MariaDB database.
 *
 * @typeParam TTransaction - The transactions of the Drizzle database, which an insert may join.
 */
export class MySqlTaskExecutionsStorage<
  TTransaction,
> implements TaskExecutionsStorage<TTransaction> {
  private readonly session: Session
  private readonly statements: Statements
  private readonly clock: (() => number) | undefined

  /** Use {@link createMySqlTaskExecutionsStorage}, which knows the type of the transactions. */
  constructor(
    db: object,
    table: MySqlTaskExecutionsTable,
    options: MySqlTaskExecutionsStorageOptions,
  ) {
    const { now, preparedStatements = true } = options
    const environment = systemEnvironment
    this.session = new Session(clientOf(db), { environment, preparedStatements })
    this.statements = createStatements(checkTableName(getTableName(table)))
    this.clock = now
  }

  /**
   * Creates the table, or brings it to the version of this library. Safe to call at every start, by several processes at once.
   * Not needed where drizzle-kit makes the migrations.
   *
   * @throws A `DurableExecutionError`: retryable if the database is away, or another process has been at it for a minute.
   */
  migrate(): Promise<void> {
    const { tableName } = this.statements
    return this.explained(
      this.session.use((connection) => migrate(connection, tableName), {
        mode: 'write',
        isRepeatable: true,
      }),
    )
  }

  async insert(
    request: InsertRequest<TTransaction>,
  ): Promise<StorageAnswer & { outcomes: readonly InsertOutcome[] }> {
    if (request.transaction !== undefined) return this.explained(this.join(request))
    return this.write(request, mayInsertAtOnce(request) ? insertAtOnce : null, insert)
  }

  get(
    request: StorageCall & { executionIds: readonly string[] },
  ): Promise<StorageAnswer & { records: (ExecutionRecord | null)[] }> {
    return this.run('read', request, (connection) =>
      reads.get(connection, this.statements, request),
    )
  }

  getChildren(
    request: StorageCall & { parentExecutionId: string; after?: number | undefined; limit: number },
  ): Promise<StorageAnswer & { children: ExecutionRecord[]; finalize: ExecutionRecord | null }> {
    return this.run('read', request, (connection) =>
      reads.getChildren(connection, this.statements, request),
    )
  }

  claim(request: ClaimRequest): Promise<ClaimAnswer> {
    return this.run('claim', request, (connection, time) =>
      claim(connection, this.statements, request, time),
    )
  }

  async settle(request: SettleRequest): Promise<SettleAnswer> {
    assertOneWritePerRow(request.settlements)
    return this.write<SettleRequest, Omit<SettleAnswer, 'now'>>(
      request,
      maySettleAtOnce(request) ? settleAtOnce : null,
      settle,
    )
  }

  renew(request: RenewRequest): Promise<StorageAnswer & { outcomes: RenewOutcome[] }> {
    return this.run('write', request, (connection, time) =>
      renew(connection, this.statements, request, time),
    )
  }

  lostClaims(
    request: StorageCall & { claims: readonly Claim[] },
  ): Promise<StorageAnswer & { lost: LostClaim[] }> {
    return this.run('read', request, (connection) =>
      reads.lostClaims(connection, this.statements, request),
    )
  }

  recover(request: RecoverRequest): Promise<StorageAnswer & { records: ExecutionRecord[] }> {
    return this.run('read', request, (connection, time) =>
      reads.recover(connection, this.statements, request, time),
    )
  }

  release(request: ReleaseRequest): Promise<StorageAnswer & { outcomes: GuardedOutcome[] }> {
    return this.run('write', request, (connection, time) =>
      release(connection, this.statements, request, time),
    )
  }

  wake(request: WakeRequest): Promise<WakeAnswer> {
    return this.run('write', request, (connection, time) =>
      wake(connection, this.statements, request, time),
    )
  }

  cancel(request: CancelRequest): Promise<StorageAnswer & { outcomes: CancelOutcome[] }> {
    return this.run('write', request, (connection, time) =>
      cancel(connection, this.statements, request, time),
    )
  }

  nextClaimAt(
    request: StorageCall & { queues: readonly string[] },
  ): Promise<StorageAnswer & { next: NextClaim[] }> {
    return this.run('read', request, (connection, time) =>
      reads.nextClaimAt(connection, this.statements, request, time),
    )
  }

  prune(request: PruneRequest): Promise<PruneAnswer> {
    return this.run('write', request, (connection) => prune(connection, this.statements, request))
  }

  private async run<T extends object>(
    mode: 'read' | 'write' | 'claim',
    request: StorageCall,
    verb: (connection: Connection, time: Time) => Promise<T>,
  ): Promise<T & StorageAnswer> {
    const program: Program<T & StorageAnswer> = async (connection) => {
      const time = this.timeOf(connection, request)
      const answer = await verb(connection, time)
      return { ...answer, now: await time() }
    }
    return this.explained(
      this.session.run(program, {
        mode: mode === 'read' ? 'read' : 'write',
        isRepeatable: mode !== 'claim',
        signal: request.signal,
      }),
    )
  }

  /** In one statement, where that may do and does; else in a transaction of several. */
  private async write<TRequest extends StorageCall, T extends object>(
    request: TRequest,
    atOnce: Verb<TRequest, number | null, (T & StorageAnswer) | null> | null,
    verb: Verb<TRequest, Time, T>,
  ): Promise<T & StorageAnswer> {
    const { statements } = this
    if (atOnce !== null) {
      const program: Program<(T & StorageAnswer) | null> = (connection) =>
        atOnce(connection, statements, request, request.now ?? this.clock?.() ?? null)
      const written = await this.explained(this.session.runAtOnce(program, request.signal))
      if (written !== null) return written
    }
    return this.run('write', request, (...on) => verb(on[0], statements, request, on[1]))
  }

  /** `insert` in a transaction of the user. */
  private async join(
    request: InsertRequest<TTransaction>,
  ): Promise<StorageAnswer & { outcomes: readonly InsertOutcome[] }> {
    const connection = await UserConnection.open(request.transaction)
    const now = await this.timeOf(connection, request)()
    const inserted = await insertInUsers(connection, this.statements, request, { ...request, now })
    return { ...inserted, now }
  }

  /** The time of a call: the moment at which its verb asks first. */
  private timeOf(connection: Connection, request: StorageCall): Time {
    let now = request.now
    return async () => {
      now ??= this.clock?.() ?? (await readTime(connection))
      return now
    }
  }

  /** Passes errors on as those of the storage. */
  private async explained<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (error) {
      throw toStorageError(error, this.statements.tableName)
    }
  }
}
