/**
 * The seam between the executor and a database: few verbs, each a batch, each atomic.
 *
 * All verbs but `claim` may be repeated when their answer was lost, and the repeat gives the answer that was lost. What a lost
 * claim took comes back by `recover`. `InMemoryTaskExecutionsStorage` is the executable meaning of every verb; the guide
 * "Writing a storage" says what locks a database has to take.
 *
 * A storage throws a non-retryable `DurableExecutionError` for what can never succeed (a value too large, a missing table);
 * anything else it throws counts as "away": the executor tries again. What waits for somebody's open transaction is no outage: see
 * `InsertRequest.failsWhenHeldUp`.
 */
import type { StoredError } from '../errors'
import type { Claim, ExecutionRecord, NewExecution } from '../execution/record'
import type { Settlement } from '../execution/settlement'
import type { TaskExecutionStatus } from '../execution/status'
import type { StorageListener, StorageSubscription } from './listener'

/** What every call may carry. */
export interface StorageCall {
  /** Stands for the storage's clock (milliseconds since the epoch). For tests and simulations. */
  readonly now?: number | undefined
  /**
   * Aborted when the caller gives the call up: a connection that hangs in it should be destroyed. Other calls may share it: who
   * listens to it stops when the call has ended.
   */
  readonly signal?: AbortSignal | undefined
}

/** What every answer carries. */
export interface StorageAnswer {
  /** The storage's time when it answered, in milliseconds since the epoch. */
  readonly now: number
}

/** Who calls, and how long a claim it makes lasts. */
export interface Claimant {
  /** The executor's id with its incarnation. */
  readonly executorId: string
  /** Length of a lease, in milliseconds. */
  readonly leaseMs: number
}

/** To whom a parent goes whose last child finished. `null`: nobody, it is made due now. */
export type HandOver = { readonly queues: readonly string[] } | null

/** Whether a guarded write applied now, had applied before (the answer was lost), or its claim is lost. */
export type GuardedOutcome = 'applied' | 'repeated' | 'lost'

/** Adds rows. */
export interface InsertRequest<TTransaction> extends StorageCall, Claimant {
  /**
   * Rows, parents before their children. A row whose parent is in the same call is inserted only if its parent is. A sleeping row
   * whose key is taken is inserted `failed` if it has a parent, and answers `exists` if it has none.
   */
  readonly executions: readonly NewExecution[]
  /** `true`: if one of the rows exists already, none is inserted. @default false */
  readonly allOrNothing?: boolean | undefined
  /**
   * `true`: where another transaction that is still open holds the id or the key of one of the rows, the call writes nothing and
   * throws a `StorageHeldUpError` soon, rather than wait until that ends. A storage that cannot tell waits. @default false
   */
  readonly failsWhenHeldUp?: boolean | undefined
  /** A transaction of the user: the rows become visible with its commit, and nothing is retried. */
  readonly transaction?: TTransaction | undefined
}

/** What became of one row of an insert. */
export type InsertOutcome =
  | { readonly kind: 'inserted' }
  /** Not inserted: another row of an `allOrNothing` call, or its own parent, was not. */
  | { readonly kind: 'skipped' }
  | {
      readonly kind: 'exists'
      readonly conflict: 'execution_id' | 'sleeping_key'
      readonly existing: ExistingExecution
    }

/** The row that was there already. */
export interface ExistingExecution {
  readonly executionId: string
  readonly taskId: string
  readonly status: TaskExecutionStatus
  readonly executorId: string | null
  readonly claimCount: number
}

/**
 * Whether a claim takes what other executors hold by a lapsed lease: not at all, beside what is due, or nothing else (so that it
 * need not stand in line behind a backlog).
 */
export type TakeOver = 'never' | 'also' | 'only'

/** Takes due rows of one queue, by the storage's clock. */
export interface ClaimRequest extends StorageCall, Claimant {
  readonly queue: string
  readonly limit: number
  /** Executions of these tasks are left for others. */
  readonly exceptTaskIds?: readonly string[] | undefined
  readonly takeOver: TakeOver
  /** Executions that may kill their process: leave them, or take at most one of only them. */
  readonly suspects: 'exclude' | 'only'
  /** Nothing due before this moment is looked for: a low-water mark that spares the scan of dead index entries. */
  readonly from?: number | undefined
}

/** What a claim took. */
export interface ClaimAnswer extends StorageAnswer {
  /** In the order of the `claimAt` they had before. */
  readonly records: readonly ExecutionRecord[]
  /** The smallest `claimAt` the rows had before; `null` if none was taken. */
  readonly dueFrom: number | null
}

/** Writes the ends of runs. An execution never comes twice in a call, nor together with one of its children. */
export interface SettleRequest extends StorageCall, Claimant {
  readonly settlements: readonly Settlement[]
  readonly handOver: HandOver
}

/** What became of one settlement. */
export interface SettleOutcome {
  readonly outcome: GuardedOutcome
  /** Ids of the rows inserted as claimed that are (still) the caller's own. */
  readonly claimedInsertions: readonly string[]
}

/** What became of the settlements, in their order. */
export interface SettleAnswer extends StorageAnswer {
  readonly outcomes: readonly SettleOutcome[]
  /** Parents that have nothing to wait for any more, claimed by the caller. */
  readonly parents: readonly ExecutionRecord[]
}

/** Extends leases, never shortens one. */
export interface RenewRequest extends StorageCall {
  readonly claims: readonly Claim[]
  readonly leaseMs: number
}

/** Whether a lease was extended, belongs to another now, or its row is locked at this moment. */
export type RenewOutcome = 'renewed' | 'lost' | 'busy'

/** A claim that is not held any more. */
export interface LostClaim {
  readonly executionId: string
  /** The status its row has now; `null` if there is no row. */
  readonly status: TaskExecutionStatus | null
}

/**
 * Finds rows held by this executor that it does not know of: those whose lease ends from `from` on, and at most `leaseMs` from now.
 * It reads that range of the claim index, and nothing of what is due or delayed for longer.
 */
export interface RecoverRequest extends StorageCall, Claimant {
  readonly queues: readonly string[]
  readonly exceptExecutionIds: readonly string[]
  /** No lease that ends before this moment is looked for, on the storage's clock. @default the beginning */
  readonly from?: number | undefined
}

/** Gives claimed rows back, with no attempt burned and no takeover counted. */
export interface ReleaseRequest extends StorageCall {
  readonly claims: readonly (Claim & {
    /** Milliseconds until it is due again. */
    readonly dueInMs: number
  })[]
}

/** How a sleeping execution is woken. */
export type WakeOutcome =
  | { readonly status: 'completed'; readonly output: string | null }
  | { readonly status: 'failed'; readonly error: StoredError }

/** Finishes a sleeping execution from outside. */
export interface WakeRequest extends StorageCall, Claimant {
  readonly sleepingKey: string
  readonly outcome: WakeOutcome
  readonly handOver: HandOver
}

/** What a wake found. */
export interface WakeAnswer extends StorageAnswer {
  /** The finished row: the active one just woken, else the newest finished one, else none. */
  readonly record: ExecutionRecord | null
  /** The woken execution's parent, if it has nothing to wait for any more: claimed by the caller. */
  readonly parent: ExecutionRecord | null
}

/** Cancels executions with all their active descendants. */
export interface CancelRequest extends StorageCall {
  readonly executionIds: readonly string[]
  readonly error: StoredError
}

/** What a cancel found: cancelled (now or before), ended otherwise, or not there. */
export type CancelOutcome = 'cancelled' | 'finished' | 'missing'

/** When the next row of a queue is due. */
export interface NextClaim {
  readonly queue: string
  /** Its `claimAt`; `null` if there is none. */
  readonly claimAt: number | null
  /** Milliseconds until then, 0 if it is due. */
  readonly dueInMs: number | null
}

/** Deletes whole finished trees. */
export interface PruneRequest extends StorageCall {
  /** Roots that finished before this moment, in milliseconds since the epoch. */
  readonly finishedBefore: number
  /** The most rows one call deletes (at least one tree is looked at). */
  readonly limit: number
  /** Where the call before stopped. */
  readonly cursor?: string | undefined
}

/** What a prune did. */
export interface PruneAnswer extends StorageAnswer {
  readonly prunedCount: number
  /** Where to go on; `null` when the end was reached. */
  readonly cursor: string | null
}

/**
 * Where executions live.
 *
 * @typeParam TTransaction - The user's own transaction that an insert may join; `never` where there is none.
 */
export interface TaskExecutionsStorage<TTransaction = never> {
  /** Answers one outcome per row, in their order. With a transaction of a synchronous driver it does all before it returns. */
  insert(
    request: InsertRequest<TTransaction>,
  ): Promise<StorageAnswer & { readonly outcomes: readonly InsertOutcome[] }>

  /** Rows in the order asked, `null` for those that are not there. */
  get(
    request: StorageCall & { readonly executionIds: readonly string[] },
  ): Promise<StorageAnswer & { readonly records: readonly (ExecutionRecord | null)[] }>

  /** A page of children in order; the finalize stands apart and comes with every page. */
  getChildren(
    request: StorageCall & {
      readonly parentExecutionId: string
      /** The index after which the page begins. @default -1 */
      readonly after?: number | undefined
      readonly limit: number
    },
  ): Promise<
    StorageAnswer & {
      readonly children: readonly ExecutionRecord[]
      readonly finalize: ExecutionRecord | null
    }
  >

  /** The one verb that must not be repeated. Skips rows that others have locked. */
  claim(request: ClaimRequest): Promise<ClaimAnswer>

  settle(request: SettleRequest): Promise<SettleAnswer>

  /** Answers one outcome per claim, in their order. */
  renew(
    request: RenewRequest,
  ): Promise<StorageAnswer & { readonly outcomes: readonly RenewOutcome[] }>

  /** Reads which claims are not held any more. */
  lostClaims(
    request: StorageCall & { readonly claims: readonly Claim[] },
  ): Promise<StorageAnswer & { readonly lost: readonly LostClaim[] }>

  /** Changes nothing. Called only while no claim, insert or settle of this executor is under way. */
  recover(
    request: RecoverRequest,
  ): Promise<StorageAnswer & { readonly records: readonly ExecutionRecord[] }>

  /** Answers one outcome per claim, in their order. */
  release(
    request: ReleaseRequest,
  ): Promise<StorageAnswer & { readonly outcomes: readonly GuardedOutcome[] }>

  wake(request: WakeRequest): Promise<WakeAnswer>

  /** Targets may be related to one another. Answers one outcome per id, in their order. */
  cancel(
    request: CancelRequest,
  ): Promise<StorageAnswer & { readonly outcomes: readonly CancelOutcome[] }>

  nextClaimAt(
    request: StorageCall & { readonly queues: readonly string[] },
  ): Promise<StorageAnswer & { readonly next: readonly NextClaim[] }>

  prune(request: PruneRequest): Promise<PruneAnswer>

  /**
   * Subscribes to hints, where the database can push. Resolves at once: the storage connects, and connects again, by itself, and
   * says so by `onListening`. Everything works without: a subscription only lets executors look sooner, and less often.
   */
  listen?(listener: StorageListener): Promise<StorageSubscription>
}
