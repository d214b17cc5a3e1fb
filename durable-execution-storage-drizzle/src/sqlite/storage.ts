/** The storage on SQLite. */
import { getTableName, type TablesRelationalConfig } from 'drizzle-orm'
import type { BaseSQLiteDatabase, SQLiteTransaction } from 'drizzle-orm/sqlite-core'
import {
  DurableExecutionError,
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
import { toStorageError } from './errors'
import { isLibsqlClient, LibsqlSession } from './libsql-session'
import { migrationOf } from './migrate'
import type { Program } from './program'
import type { Session, SessionOptions } from './session'
import { createStatements, type Statements } from './statements'
import { isSyncClient, SyncSession } from './sync-session'
import type { SQLiteTaskExecutionsTable } from './table'
import { toUserTransaction } from './user-transaction'
import { cancel } from './verbs/cancel'
import { claim, release, renew } from './verbs/claims'
import { insert } from './verbs/insert'
import { prune } from './verbs/prune'
import * as reads from './verbs/reads'
import { settle } from './verbs/settle'
import { wake } from './verbs/wake'

/** Options of {@link createSQLiteTaskExecutionsStorage}. */
export interface SQLiteTaskExecutionsStorageOptions {
  /**
   * The storage's clock, in milliseconds since the epoch. SQLite has none of its own: all processes share the machine's.
   *
   * @default the machine's clock
   */
  readonly now?: (() => number) | undefined
  /** Whether statements are kept prepared. `@libsql/client` prepares each statement itself, always. @default true */
  readonly preparedStatements?: boolean | undefined
}

/**
 * The storage on SQLite, for what `drizzle()` of `drizzle-orm/better-sqlite3` or `drizzle-orm/libsql` returned.
 *
 * @param table - What `createSQLiteTaskExecutionsTable` returned.
 * @throws A non-retryable `DurableExecutionError` if the database is of another driver.
 * @example
 * const storage = createSQLiteTaskExecutionsStorage(drizzle('app.db'), createSQLiteTaskExecutionsTable())
 * await storage.migrate()
 */
export function createSQLiteTaskExecutionsStorage<
  TResultKind extends 'sync' | 'async',
  TRunResult,
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
>(
  db: BaseSQLiteDatabase<TResultKind, TRunResult, TFullSchema, TSchema>,
  table: SQLiteTaskExecutionsTable,
  options: SQLiteTaskExecutionsStorageOptions = {},
): SQLiteTaskExecutionsStorage<SQLiteTransaction<TResultKind, TRunResult, TFullSchema, TSchema>> {
  return new SQLiteTaskExecutionsStorage(db, table, options)
}

function createSession(db: object, options: SessionOptions): Session {
  const client: unknown = Reflect.get(db, '$client')
  if (isSyncClient(client)) return new SyncSession(client, options)
  if (isLibsqlClient(client)) return new LibsqlSession(client, options)
  throw DurableExecutionError.nonRetryable(
    'Invalid database for a SQLite storage: expected what drizzle() of drizzle-orm/better-sqlite3 or drizzle-orm/libsql returned',
    { code: 'invalid_options' },
  )
}

/**
 * Executions in a table of a SQLite database.
 *
 * @typeParam TTransaction - The transactions of the Drizzle database, which an insert may join.
 */
export class SQLiteTaskExecutionsStorage<
  TTransaction,
> implements TaskExecutionsStorage<TTransaction> {
  private readonly session: Session
  private readonly statements: Statements
  private readonly clock: () => number

  /** Use {@link createSQLiteTaskExecutionsStorage}, which knows the type of the transactions. */
  constructor(
    db: object,
    table: SQLiteTaskExecutionsTable,
    options: SQLiteTaskExecutionsStorageOptions,
  ) {
    const environment = systemEnvironment
    const { now = () => environment.now(), preparedStatements = true } = options
    this.session = createSession(db, { environment, preparedStatements })
    this.statements = createStatements(checkTableName(getTableName(table)))
    this.clock = now
  }

  /**
   * Creates the table, or brings it to the version of this library. Safe to call at every start, by several processes at once.
   * Not needed where drizzle-kit makes the migrations.
   *
   * @throws A `DurableExecutionError`: retryable if the database is locked or away.
   */
  migrate(): Promise<void> {
    const { lock, program } = migrationOf(this.statements.tableName)
    return this.explained(() => this.session.run({ mode: 'write', lock, program }))
  }

  /** With a transaction of a synchronous driver all is done when this returns, and a failure is thrown. */
  insert(
    request: InsertRequest<TTransaction>,
  ): Promise<StorageAnswer & { outcomes: readonly InsertOutcome[] }> {
    const program = this.withTime(request, (now) =>
      insert(this.statements, request, { ...request, now }),
    )
    const { transaction, signal } = request
    const { lock } = this.statements
    return this.explained(() =>
      transaction === undefined
        ? this.session.run({ mode: 'write', lock, program, signal })
        : this.session.join({ transaction: toUserTransaction(transaction), lock, program }),
    )
  }

  get(
    request: StorageCall & { executionIds: readonly string[] },
  ): Promise<StorageAnswer & { records: (ExecutionRecord | null)[] }> {
    return this.run('read', request, () => reads.get(this.statements, request))
  }

  getChildren(
    request: StorageCall & { parentExecutionId: string; after?: number | undefined; limit: number },
  ): Promise<StorageAnswer & { children: ExecutionRecord[]; finalize: ExecutionRecord | null }> {
    return this.run('read', request, () => reads.getChildren(this.statements, request))
  }

  claim(request: ClaimRequest): Promise<ClaimAnswer> {
    return this.run('write', request, (now) => claim(this.statements, request, now))
  }

  settle(request: SettleRequest): Promise<SettleAnswer> {
    return this.run('write', request, (now) =>
      settle(this.statements, request, { ...request, now }),
    )
  }

  renew(request: RenewRequest): Promise<StorageAnswer & { outcomes: RenewOutcome[] }> {
    return this.run('write', request, (now) => renew(this.statements, request, now))
  }

  lostClaims(
    request: StorageCall & { claims: readonly Claim[] },
  ): Promise<StorageAnswer & { lost: LostClaim[] }> {
    return this.run('read', request, () => reads.lostClaims(this.statements, request))
  }

  recover(request: RecoverRequest): Promise<StorageAnswer & { records: ExecutionRecord[] }> {
    return this.run('read', request, (now) => reads.recover(this.statements, request, now))
  }

  release(request: ReleaseRequest): Promise<StorageAnswer & { outcomes: GuardedOutcome[] }> {
    return this.run('write', request, (now) => release(this.statements, request, now))
  }

  wake(request: WakeRequest): Promise<WakeAnswer> {
    return this.run('write', request, (now) => wake(this.statements, request, { ...request, now }))
  }

  cancel(request: CancelRequest): Promise<StorageAnswer & { outcomes: CancelOutcome[] }> {
    return this.run('write', request, (now) => cancel(this.statements, request, now))
  }

  nextClaimAt(
    request: StorageCall & { queues: readonly string[] },
  ): Promise<StorageAnswer & { next: NextClaim[] }> {
    return this.run('read', request, (now) => reads.nextClaimAt(this.statements, request, now))
  }

  prune(request: PruneRequest): Promise<PruneAnswer> {
    return this.run('write', request, () => prune(this.statements, request))
  }

  private run<T extends object>(
    mode: 'read' | 'write',
    request: StorageCall,
    verb: (now: number) => Program<T>,
  ): Promise<T & StorageAnswer> {
    const program = this.withTime(request, verb)
    const { lock } = this.statements
    const { signal } = request
    return this.explained(() => this.session.run({ mode, lock, program, signal }))
  }

  /** The program of a verb, which reads the clock when it begins: after the wait for the lock. */
  private withTime<T extends object>(
    request: StorageCall,
    verb: (now: number) => Program<T>,
  ): () => Program<T & StorageAnswer> {
    const { clock } = this
    return function* () {
      const now = request.now ?? clock()
      return { ...(yield* verb(now)), now }
    }
  }

  /** Passes errors on as those of the storage, thrown or rejected as they came. */
  private explained<T>(call: () => Promise<T>): Promise<T> {
    const { tableName } = this.statements
    try {
      return call().catch((error: unknown) => {
        throw toStorageError(error, tableName)
      })
    } catch (error) {
      throw toStorageError(error, tableName)
    }
  }
}
