/** What a case works with: a fresh storage, a clock that only the case moves, and the verbs with sensible arguments. */
import type {
  CancelOutcome,
  Claim,
  ClaimAnswer,
  ClaimRequest,
  ExecutionRecord,
  GuardedOutcome,
  InsertOutcome,
  InsertRequest,
  LostClaim,
  NewExecution,
  NextClaim,
  PruneAnswer,
  PruneRequest,
  RecoverRequest,
  RenewOutcome,
  RenewRequest,
  SettleAnswer,
  Settlement,
  SettleRequest,
  StoredError,
  TaskExecutionsStorage,
  WakeAnswer,
  WakeRequest,
} from 'durable-execution'

import { CANCELLED, EXECUTOR, LEASE_MS, START } from './factory'
import { findViolations } from './invariants'
import { present, same } from './lib/same'
import { insertedIds, readRows, settledInsertionIds } from './rows'
import type { StorageUnderTest } from './storage-under-test'

/** A claim, or the record that holds it. */
type Claimed = Claim | ExecutionRecord

/** The claim of a record. */
export function claimOf({ executionId, claimCount }: Claimed): Claim {
  return { executionId, claimCount }
}

/** A storage and its clock, for one case. Every call carries the case's time. */
export class ConformanceContext {
  /** The storage's time, in milliseconds since the epoch. */
  now = START
  readonly storage: TaskExecutionsStorage
  private readonly underTest: StorageUnderTest
  private readonly knownIds = new Set<string>()

  constructor(underTest: StorageUnderTest) {
    this.underTest = underTest
    this.storage = underTest.storage
  }

  /** Moves the storage's clock on. */
  advance(ms: number): void {
    this.now += ms
  }

  /** All rows, or those the case has named if the storage has no `dump`; ordered by id. */
  rows(): Promise<ExecutionRecord[]> {
    return readRows(this.underTest, this.knownIds)
  }

  /** One row, or `null`. */
  async find(executionId: string): Promise<ExecutionRecord | null> {
    const { records } = await this.storage.get({ executionIds: [executionId], now: this.now })
    return records[0] ?? null
  }

  /** One row, which must be there. */
  async row(executionId: string): Promise<ExecutionRecord> {
    return present(await this.find(executionId), `row ${executionId}`)
  }

  /** Throws unless the row has these values. */
  async expectRow(executionId: string, expected: Partial<ExecutionRecord>): Promise<void> {
    const row = await this.row(executionId)
    const found = Object.entries(row).filter(([field]) => field in expected)
    same(Object.fromEntries(found), expected, `row ${executionId}`)
  }

  /** Throws where rows are in a state that must never be. */
  async expectInvariants(): Promise<void> {
    same(findViolations(await this.rows()), [], 'invariants of all rows')
  }

  /** Runs the call and throws unless it leaves every row as it was. */
  async expectNoChange<T>(call: () => Promise<T>): Promise<T> {
    const before = await this.rows()
    const answer = await call()
    same(await this.rows(), before, 'all rows, which the call must not change')
    return answer
  }

  async insert(
    executions: readonly NewExecution[],
    parts: Partial<InsertRequest<never>> = {},
  ): Promise<readonly InsertOutcome[]> {
    for (const executionId of insertedIds(executions)) this.knownIds.add(executionId)
    const { outcomes } = await this.storage.insert({
      executions,
      executorId: EXECUTOR,
      leaseMs: LEASE_MS,
      now: this.now,
      ...parts,
    })
    return outcomes
  }

  /** Claims, and throws unless the records answered are those that are stored now. */
  async claim(parts: Partial<ClaimRequest> = {}): Promise<ClaimAnswer> {
    const answer = await this.storage.claim({
      executorId: EXECUTOR,
      leaseMs: LEASE_MS,
      queue: 'default',
      limit: 100,
      takeOver: 'also',
      suspects: 'exclude',
      now: this.now,
      ...parts,
    })
    await this.expectStored(answer.records, 'records of a claim')
    return answer
  }

  /** Settles, and throws unless the parents answered are those that are stored now. */
  async settle(
    settlements: readonly Settlement[],
    parts: Partial<SettleRequest> = {},
  ): Promise<SettleAnswer> {
    for (const executionId of settledInsertionIds(settlements)) this.knownIds.add(executionId)
    const answer = await this.storage.settle({
      settlements,
      executorId: EXECUTOR,
      leaseMs: LEASE_MS,
      handOver: { queues: ['default'] },
      now: this.now,
      ...parts,
    })
    await this.expectStored(answer.parents, 'parents of a settle')
    return answer
  }

  async renew(
    claims: readonly Claimed[],
    parts: Partial<RenewRequest> = {},
  ): Promise<readonly RenewOutcome[]> {
    const request = { claims: claims.map(claimOf), leaseMs: LEASE_MS, now: this.now, ...parts }
    return (await this.storage.renew(request)).outcomes
  }

  async lostClaims(claims: readonly Claimed[]): Promise<readonly LostClaim[]> {
    return (await this.storage.lostClaims({ claims: claims.map(claimOf), now: this.now })).lost
  }

  /** Recovers, and throws unless the records answered are those that are stored now. */
  async recover(parts: Partial<RecoverRequest> = {}): Promise<readonly ExecutionRecord[]> {
    const { records } = await this.storage.recover({
      executorId: EXECUTOR,
      leaseMs: LEASE_MS,
      queues: ['default'],
      exceptExecutionIds: [],
      now: this.now,
      ...parts,
    })
    await this.expectStored(records, 'records of recover')
    return records
  }

  async release(claims: readonly Claimed[], dueInMs = 0): Promise<readonly GuardedOutcome[]> {
    const { outcomes } = await this.storage.release({
      claims: claims.map((claim) => ({ ...claimOf(claim), dueInMs })),
      now: this.now,
    })
    return outcomes
  }

  /** Wakes, and throws unless the record and the parent answered are those that are stored now. */
  async wake(sleepingKey: string, parts: Partial<WakeRequest> = {}): Promise<WakeAnswer> {
    const answer = await this.storage.wake({
      sleepingKey,
      outcome: { status: 'completed', output: '"woken"' },
      executorId: EXECUTOR,
      leaseMs: LEASE_MS,
      handOver: { queues: ['default'] },
      now: this.now,
      ...parts,
    })
    const records = [answer.record, answer.parent].filter((record) => record !== null)
    await this.expectStored(records, 'records of a wake')
    return answer
  }

  async cancel(
    executionIds: readonly string[],
    error: StoredError = CANCELLED,
  ): Promise<readonly CancelOutcome[]> {
    return (await this.storage.cancel({ executionIds, error, now: this.now })).outcomes
  }

  async nextClaimAt(queues: readonly string[]): Promise<readonly NextClaim[]> {
    return (await this.storage.nextClaimAt({ queues, now: this.now })).next
  }

  prune(parts: Partial<PruneRequest> = {}): Promise<PruneAnswer> {
    return this.storage.prune({ finishedBefore: this.now, limit: 1000, now: this.now, ...parts })
  }

  private async expectStored(records: readonly ExecutionRecord[], what: string): Promise<void> {
    if (records.length === 0) return
    const executionIds = records.map(({ executionId }) => executionId)
    const stored = await this.storage.get({ executionIds, now: this.now })
    same(records, stored.records, `${what}, and what is stored`)
  }
}
