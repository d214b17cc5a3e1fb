/** The storage on PostgreSQL. */
import { getTableName, type TablesRelationalConfig } from 'drizzle-orm'
import type { PgDatabase, PgQueryResultHKT, PgTransaction } from 'drizzle-orm/pg-core'
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
  type SettleOutcome,
  type SettleRequest,
  type StorageAnswer,
  type StorageCall,
  type StorageListener,
  type StorageSubscription,
  type TaskExecutionsStorage,
  type WakeAnswer,
  type WakeRequest,
} from 'durable-execution'

import { standAlone } from '../insertions'
import { isPlain } from '../settling'
import { checkTableName } from '../table-name'
import type { Driver } from './driver'
import { driverOf } from './driver-of'
import { breaksConstraint, toStorageError } from './errors'
import { migrateNext } from './migrate'
import type { Program } from './program'
import { Push } from './push'
import { Session, type Work } from './session'
import { createStatements, impatient, type Statements } from './statements'
import type { PgTaskExecutionsTable } from './table'
import { joinTransaction } from './user-transaction'
import { cancel } from './verbs/cancel'
import { claim, release, renew } from './verbs/claims'
import { insert, insertAtOnce } from './verbs/insert'
import { prune } from './verbs/prune'
import * as reads from './verbs/reads'
import { settle, settlePlain } from './verbs/settle'
import { settleTogether } from './verbs/settle-together'
import { wake } from './verbs/wake'

/** Options of {@link createPgTaskExecutionsStorage}. */
export interface PgTaskExecutionsStorageOptions {
  /**
   * Whether statements are prepared once a connection. Where that cannot be (behind a pooler in transaction mode) the storage
   * finds out and goes on without.
   *
   * @default true
   */
  readonly preparedStatements?: boolean | undefined
  /**
   * Whether executors on several processes tell one another of new work, ends and cancels by LISTEN and NOTIFY. It takes one connection
   * more, of its own. Where it cannot be (behind a pooler in transaction mode) the storage finds out, and executors poll.
   *
   * @default true
   */
  readonly notify?: boolean | undefined
}

/**
 * The storage on PostgreSQL, for what `drizzle()` of `drizzle-orm/node-postgres`, `drizzle-orm/postgres-js` or
 * `drizzle-orm/pglite` returned.
 *
 * @param table - What `createPgTaskExecutionsTable` returned.
 * @throws A non-retryable `DurableExecutionError` if the database is of another driver.
 * @example
 * const storage = createPgTaskExecutionsStorage(drizzle(pool), createPgTaskExecutionsTable())
 * await storage.migrate()
 */
export function createPgTaskExecutionsStorage<
  TQueryResult extends PgQueryResultHKT,
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
>(
  db: PgDatabase<TQueryResult, TFullSchema, TSchema>,
  table: PgTaskExecutionsTable,
  options: PgTaskExecutionsStorageOptions = {},
): PgTaskExecutionsStorage<PgTransaction<TQueryResult, TFullSchema, TSchema>> {
  return new PgTaskExecutionsStorage(db, table, options)
}

/**
 * Executions in a table of a PostgreSQL database.
 *
 * @typeParam TTransaction - The transactions of the Drizzle database, which an insert may join.
 */
export class PgTaskExecutionsStorage<TTransaction> implements TaskExecutionsStorage<TTransaction> {
  private readonly driver: Driver
  private readonly session: Session
  private readonly statements: Statements
  private readonly impatient: Statements
  private readonly push: Push | null
  /** How many rows the last claim of what stands in line found. */
  private lastClaimed = 0
  /** Hints of what others do; missing with `notify: false`. */
  readonly listen?: (listener: StorageListener) => Promise<StorageSubscription>

  /** Use {@link createPgTaskExecutionsStorage}, which knows the type of the transactions. */
  constructor(db: object, table: PgTaskExecutionsTable, options: PgTaskExecutionsStorageOptions) {
    const { preparedStatements = true, notify = true } = options
    const environment = systemEnvironment
    const tableName = checkTableName(getTableName(table))
    this.driver = driverOf(db)
    const { driver } = this
    const push = notify
      ? new Push({ driver, environment, tableName, session: () => this.session })
      : null
    this.push = push
    if (push) this.listen = (listener) => push.listen(listener)
    this.session = new Session(driver, {
      environment,
      preparedStatements,
      onHints: (hints) => push?.written(hints),
    })
    this.statements = createStatements(tableName)
    this.impatient = impatient(this.statements)
  }

  /**
   * Creates the table, or brings it to the version of this library. Safe to call at every start, by several processes at once.
   * An upgrade keeps nobody waiting for long: executors, also of the version before, may go on working on the table.
   * Not needed where drizzle-kit makes the migrations.
   *
   * @throws A `DurableExecutionError`: retryable if the database is away, or a long transaction stays in the way.
   */
  async migrate(): Promise<void> {
    const program = (): Program<boolean> => migrateNext(this.statements.tableName)
    let hasMore = true
    while (hasMore) hasMore = await this.run({ program, isTransaction: true, isRepeatable: true })
  }

  /** With a transaction of the user the rows are there for others when that commits, and others are waited for. */
  async insert(
    request: InsertRequest<TTransaction>,
  ): Promise<StorageAnswer & { outcomes: readonly InsertOutcome[] }> {
    const { transaction, now = null, failsWhenHeldUp: isImpatient = false, signal } = request
    const statements = isImpatient ? this.impatient : this.statements
    const program = (): ReturnType<typeof insert> => insert(statements, request, now)
    if (transaction !== undefined) {
      return this.explained(async () =>
        joinTransaction(transaction, program, this.driver.textForm, this.push),
      )
    }
    const how = { isRepeatable: true, isImpatient, signal }
    const isAlone = standAlone(request)
    // Whose ids may be others' too are looked for, lest the server log an error for each.
    if (isAlone && isImpatient) return this.run({ program, isTransaction: false, ...how })
    const inserted = await this.together({
      program: () =>
        insertAtOnce(statements, isAlone ? 'insertNew' : 'insertTogether', request, now),
      ...how,
    })
    return inserted ?? this.run({ program, isTransaction: !isAlone, ...how })
  }

  get(
    request: StorageCall & { executionIds: readonly string[] },
  ): Promise<StorageAnswer & { records: (ExecutionRecord | null)[] }> {
    return this.ask(request, () => reads.get(this.statements, request))
  }

  getChildren(
    request: StorageCall & { parentExecutionId: string; after?: number | undefined; limit: number },
  ): Promise<StorageAnswer & { children: ExecutionRecord[]; finalize: ExecutionRecord | null }> {
    return this.ask(request, () => reads.getChildren(this.statements, request))
  }

  async claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const program = (): Program<ClaimAnswer> => claim(this.statements, request, this.lastClaimed)
    const { signal } = request
    // What a lost claim took comes back by `recover`: repeated, it would take as much again.
    const answer = await this.run({
      program,
      isTransaction: false,
      isRepeatable: false,
      signal,
    })
    const isInLine = request.takeOver !== 'only' && request.suspects === 'exclude'
    if (isInLine) this.lastClaimed = answer.records.length
    return answer
  }

  async settle(request: SettleRequest): Promise<SettleAnswer> {
    const { settlements } = request
    assertOneWritePerRow(settlements)
    if (settlements.length === 0) return this.settleAll(request)
    if (!settlements.every(isPlain)) return this.settleTogether(request)
    const { others, now } = await this.ask(request, () => settlePlain(this.statements, request))
    if (now !== null && others.length === 0) {
      return { outcomes: settlements.map(() => APPLIED), parents: [], now }
    }
    const rest = await this.settleAll({ ...request, settlements: others })
    const outcomeOf = new Map(
      others.map(({ executionId }, index) => [executionId, rest.outcomes[index]]),
    )
    const outcomes = settlements.map(({ executionId }) => outcomeOf.get(executionId) ?? APPLIED)
    return { ...rest, outcomes }
  }

  renew(request: RenewRequest): Promise<StorageAnswer & { outcomes: RenewOutcome[] }> {
    return this.ask(request, () => renew(this.statements, request))
  }

  lostClaims(
    request: StorageCall & { claims: readonly Claim[] },
  ): Promise<StorageAnswer & { lost: LostClaim[] }> {
    return this.ask(request, () => reads.lostClaims(this.statements, request))
  }

  recover(request: RecoverRequest): Promise<StorageAnswer & { records: ExecutionRecord[] }> {
    return this.ask(request, () => reads.recover(this.statements, request))
  }

  release(request: ReleaseRequest): Promise<StorageAnswer & { outcomes: GuardedOutcome[] }> {
    return this.transact(request, () => release(this.statements, request))
  }

  wake(request: WakeRequest): Promise<WakeAnswer> {
    return this.transact(request, () => wake(this.statements, request))
  }

  cancel(request: CancelRequest): Promise<StorageAnswer & { outcomes: CancelOutcome[] }> {
    return this.transact(request, () => cancel(this.statements, request, request.now ?? null))
  }

  nextClaimAt(
    request: StorageCall & { queues: readonly string[] },
  ): Promise<StorageAnswer & { next: NextClaim[] }> {
    return this.ask(request, () => reads.nextClaimAt(this.statements, request))
  }

  prune(request: PruneRequest): Promise<PruneAnswer> {
    return this.transact(request, () => prune(this.statements, request))
  }

  private async settleTogether(request: SettleRequest): Promise<SettleAnswer> {
    const program = (): Program<SettleAnswer | null> => settleTogether(this.statements, request)
    const { signal } = request
    return (await this.together({ program, isRepeatable: true, signal })) ?? this.settleAll(request)
  }

  private settleAll(request: SettleRequest): Promise<SettleAnswer> {
    return this.transact(request, () => settle(this.statements, request))
  }

  /** Single statements that may be repeated. */
  private ask<T>({ signal }: StorageCall, program: () => Program<T>): Promise<T> {
    return this.run({ program, isTransaction: false, isRepeatable: true, signal })
  }

  /** One statement that writes all or answers `null`. What it met there, another call sees in turn, and says what it means. */
  private together<T>(work: Omit<Work<T | null>, 'isTransaction'>): Promise<T | null> {
    return this.explained(async () => {
      try {
        return await this.session.run({ ...work, isTransaction: false })
      } catch (error) {
        if (breaksConstraint(error)) return null
        throw error
      }
    })
  }

  /** Statements that belong together and may be repeated. */
  private transact<T>({ signal }: StorageCall, program: () => Program<T>): Promise<T> {
    return this.run({ program, isTransaction: true, isRepeatable: true, signal })
  }

  private run<T>(work: Work<T>): Promise<T> {
    return this.explained(() => this.session.run(work))
  }

  private async explained<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw toStorageError(error, this.statements.tableName)
    }
  }
}

const APPLIED: SettleOutcome = Object.freeze({ outcome: 'applied', claimedInsertions: [] })
