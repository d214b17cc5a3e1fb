/** The reference storage: the executable meaning of every verb. Each runs in one turn of the event loop, so each is atomic. */
import { DurableExecutionError } from '../errors'
import { applyChange } from '../execution/change'
import type { Claim, ExecutionRecord } from '../execution/record'
import { isFinished } from '../execution/status'
import * as transitions from '../execution/transitions'
import { systemEnvironment } from '../lib/environment'
import { readOptions, show } from '../lib/validation'
import { Hints } from './in-memory-hints'
import { Rows } from './in-memory-rows'
import * as writes from './in-memory-writes'
import type { StorageListener, StorageSubscription } from './listener'
import { fitsTakeOver, isHeld } from './requests'
import type {
  CancelOutcome,
  CancelRequest,
  ClaimAnswer,
  ClaimRequest,
  GuardedOutcome,
  InsertOutcome,
  InsertRequest,
  LostClaim,
  NextClaim,
  PruneAnswer,
  PruneRequest,
  RecoverRequest,
  ReleaseRequest,
  RenewOutcome,
  RenewRequest,
  SettleAnswer,
  SettleRequest,
  StorageAnswer,
  StorageCall,
  TaskExecutionsStorage,
  WakeAnswer,
  WakeRequest,
} from './storage'

/** Keeps executions in this process: for tests, and for work that need not outlive it. */
export class InMemoryTaskExecutionsStorage implements TaskExecutionsStorage {
  private readonly rows = new Rows()
  private readonly hints = new Hints()
  private readonly clock: () => number

  /** @param options - `now`: a clock, in milliseconds since the epoch. */
  constructor(options: { now?: (() => number) | undefined } = {}) {
    this.clock = readClock(options)
    this.rows.onPut = (before, after) => {
      this.hints.note(before, after)
    }
  }

  /** All rows, ordered by execution id: for tests. */
  dump(): readonly ExecutionRecord[] {
    return this.rows.all()
  }

  insert(request: InsertRequest<never>): Promise<StorageAnswer & { outcomes: InsertOutcome[] }> {
    const { executions, allOrNothing, transaction } = request
    return this.answer(request, (now) => {
      if (transaction !== undefined) throw noTransactions()
      const at = { ...request, now }
      return { outcomes: writes.insertNew(this.rows, executions, allOrNothing === true, at) }
    })
  }

  get(
    request: StorageCall & { executionIds: readonly string[] },
  ): Promise<StorageAnswer & { records: (ExecutionRecord | null)[] }> {
    return this.answer(request, () => ({
      records: request.executionIds.map((executionId) => this.rows.get(executionId) ?? null),
    }))
  }

  getChildren(
    request: StorageCall & { parentExecutionId: string; after?: number | undefined; limit: number },
  ): Promise<StorageAnswer & { children: ExecutionRecord[]; finalize: ExecutionRecord | null }> {
    return this.answer(request, () => {
      const all = this.rows.childrenOf(request.parentExecutionId)
      const after = request.after ?? -1
      const children = all
        .filter(({ parent }) => parent?.isFinalize === false && parent.indexInParent > after)
        .slice(0, request.limit)
      return { children, finalize: all.find(({ parent }) => parent?.isFinalize) ?? null }
    })
  }

  claim(request: ClaimRequest): Promise<ClaimAnswer> {
    return this.answer(request, (now) => {
      const limit = request.suspects === 'only' ? Math.min(request.limit, 1) : request.limit
      const due = this.rows
        .due(request.queue, request.from ?? -Infinity, now)
        .filter((record) => mayClaim(record, request))
        .slice(0, limit)
      const records = due.map((record) => transitions.claim(record, { ...request, now }))
      for (const record of records) this.rows.put(record)
      return { records, dueFrom: due[0]?.claimAt ?? null }
    })
  }

  settle(request: SettleRequest): Promise<SettleAnswer> {
    const { settlements, handOver } = request
    return this.answer(request, (now) =>
      writes.settleAll(this.rows, settlements, handOver, { ...request, now }),
    )
  }

  renew(request: RenewRequest): Promise<StorageAnswer & { outcomes: RenewOutcome[] }> {
    return this.answer(request, (now) => ({
      outcomes: request.claims.map((claim): RenewOutcome => {
        const row = this.rows.get(claim.executionId)
        if (row === undefined || !isHeld(row, claim)) return 'lost'
        const claimAt = Math.max(row.claimAt ?? 0, now + request.leaseMs)
        this.rows.put({ ...row, claimAt, updatedAt: now })
        return 'renewed'
      }),
    }))
  }

  lostClaims(
    request: StorageCall & { claims: readonly Claim[] },
  ): Promise<StorageAnswer & { lost: LostClaim[] }> {
    return this.answer(request, () => ({
      lost: request.claims.flatMap((claim) => {
        const row = this.rows.get(claim.executionId)
        if (isHeld(row, claim)) return []
        return { executionId: claim.executionId, status: row?.status ?? null }
      }),
    }))
  }

  recover(request: RecoverRequest): Promise<StorageAnswer & { records: ExecutionRecord[] }> {
    const known = new Set(request.exceptExecutionIds)
    const { from = -Infinity, leaseMs } = request
    return this.answer(request, (now) => ({
      records: request.queues
        .flatMap((queue) => this.rows.due(queue, from, now + leaseMs))
        .filter((row) => row.executorId === request.executorId && !known.has(row.executionId)),
    }))
  }

  release(request: ReleaseRequest): Promise<StorageAnswer & { outcomes: GuardedOutcome[] }> {
    return this.answer(request, (now) => ({
      outcomes: request.claims.map((claim): GuardedOutcome => {
        const row = this.rows.get(claim.executionId)
        if (row?.claimCount !== claim.claimCount || isFinished(row.status)) return 'lost'
        if (!isHeld(row, claim)) return 'repeated'
        const { activeChildrenCount } = row
        const change = transitions.release(row, claim.dueInMs)
        this.rows.put(applyChange(row, change, { now, activeChildrenCount }))
        return 'applied'
      }),
    }))
  }

  wake(request: WakeRequest): Promise<WakeAnswer> {
    return this.answer(request, (now) => {
      const at = { ...request, now }
      const sleeper = this.rows.activeSleeper(request.sleepingKey)
      if (sleeper === undefined) {
        const record = this.rows.finishedSleeper(request.sleepingKey) ?? null
        const parent = record?.parent && this.rows.get(record.parent.executionId)
        return { record, parent: parent && writes.isHandedOverTo(parent, at) ? parent : null }
      }
      const change = transitions.wakeUp(sleeper, request.outcome)
      const record = applyChange(sleeper, change, { now, activeChildrenCount: 0 })
      this.rows.put(record)
      const parentId = record.parent?.executionId
      if (parentId === undefined) return { record, parent: null }
      writes.bringDown(this.rows, parentId, 1, now)
      return { record, parent: writes.claimIfDone(this.rows, parentId, request.handOver, at) }
    })
  }

  cancel(request: CancelRequest): Promise<StorageAnswer & { outcomes: CancelOutcome[] }> {
    const { executionIds, error } = request
    return this.answer(request, (now) => {
      for (const executionId of executionIds) {
        writes.cancelTarget(this.rows, executionId, error, now)
      }
      return { outcomes: executionIds.map((executionId) => this.cancelOutcome(executionId)) }
    })
  }

  nextClaimAt(
    request: StorageCall & { queues: readonly string[] },
  ): Promise<StorageAnswer & { next: NextClaim[] }> {
    return this.answer(request, (now) => ({
      next: request.queues.map((queue): NextClaim => {
        const claimAt = this.rows.firstDueAt(queue)
        return { queue, claimAt, dueInMs: claimAt === null ? null : Math.max(0, claimAt - now) }
      }),
    }))
  }

  prune(request: PruneRequest): Promise<PruneAnswer> {
    const { finishedBefore, limit, cursor = '' } = request
    return this.answer(request, () => {
      const following = this.rows.all().filter(({ executionId }) => executionId > cursor)
      const page = following.slice(0, limit)
      let prunedCount = 0
      let passed: string | null = cursor
      for (const record of page) {
        const isOld = record.finishedAt !== null && record.finishedAt < finishedBefore
        if (record.parent === null && isOld) {
          const { count, isGone } = writes.pruneTree(this.rows, record, limit - prunedCount)
          prunedCount += count
          if (!isGone || prunedCount >= limit) {
            return { prunedCount, cursor: isGone ? record.executionId : passed }
          }
        }
        passed = record.executionId
      }
      return { prunedCount, cursor: page.length < limit ? null : passed }
    })
  }

  listen(listener: StorageListener): Promise<StorageSubscription> {
    return Promise.resolve(this.hints.listen(listener))
  }

  private cancelOutcome(executionId: string): CancelOutcome {
    const row = this.rows.get(executionId)
    if (!row) return 'missing'
    return row.status === 'cancelled' ? 'cancelled' : 'finished'
  }

  private answer<T>(request: StorageCall, verb: (now: number) => T): Promise<T & StorageAnswer> {
    try {
      const now = request.now ?? this.clock()
      const answer = { ...verb(now), now }
      this.hints.tell(now)
      return Promise.resolve(answer)
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

function readClock(options: unknown): () => number {
  const read = readOptions(options, ['now'])
  if (!read.isValid) throw invalid(read.problem)
  const { now = () => systemEnvironment.now() } = read.value
  if (typeof now === 'function') return now as () => number
  throw invalid(`now: expected a function, got ${show(now)}`)
}

function invalid(problem: string): DurableExecutionError {
  return DurableExecutionError.nonRetryable(`Invalid options: ${problem}`, {
    code: 'invalid_options',
  })
}

/** It would be there before the commit, and also after a rollback. */
function noTransactions(): DurableExecutionError {
  return DurableExecutionError.nonRetryable(
    'The storage in memory has no transactions: enqueue without one, or use the storage of a database',
    { code: 'invalid_options' },
  )
}

function mayClaim(record: ExecutionRecord, request: ClaimRequest): boolean {
  if (request.exceptTaskIds?.includes(record.taskId) === true) return false
  if (!fitsTakeOver(record, request.takeOver)) return false
  return transitions.isSuspect(record) === (request.suspects === 'only')
}
