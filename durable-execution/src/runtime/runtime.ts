/** What the stages of the flow share. */
import type { ExecutionRecord } from '../execution/record'
import type { Environment } from '../lib/environment'
import type { ResolvedOptions } from '../options'
import type { Codec } from '../serializer'
import type { Claimant, HandOver } from '../storage/storage'
import type { TaskRegistry } from '../task/registry'
import type { Events } from './events'
import type { Gate } from './gate'
import type { HeldClaims } from './held-claims'
import type { KnownFamilies } from './known-families'
import type { Push } from './push'
import type { Slots } from './slots'
import type { StorageCalls } from './storage-calls'
import type { StorageHealth } from './storage-health'

/** From its making to its end. Without `start()` an executor stays a client: it enqueues, waits and cancels. */
export type Lifecycle = 'client' | 'started' | 'stopping' | 'stopped'

/** What the stages share. */
export interface Runtime<TTransaction = never> {
  readonly options: ResolvedOptions
  readonly environment: Environment
  readonly createId: (prefix: string) => string
  readonly registry: TaskRegistry
  readonly codec: Codec
  readonly storage: StorageCalls<TTransaction>
  readonly health: StorageHealth
  readonly events: Events
  readonly slots: Slots
  readonly held: HeldClaims
  readonly families: KnownFamilies
  readonly gate: Gate
  readonly push: Push
  /** Who claims: the executor's id with its incarnation. */
  readonly claimant: Claimant
  /** Aborted when the shutdown begins. */
  readonly shutdownSignal: AbortSignal
  lifecycle: Lifecycle
}

/** Where a stage sends work on. The executor wires it. */
export interface Flow {
  /**
   * Runs a claimed execution for which a slot was taken, unless its claim is old by now: others may be about to take it over.
   * `sentAt`: when the claim was sent, on the monotonic clock.
   */
  start(record: ExecutionRecord, sentAt: number): void
  /**
   * Resolves when what was started by now has begun, and what followed from that at once has happened; sooner, once `isEnough` says so
   * after a turn.
   */
  whenBegun(isEnough?: () => boolean): Promise<void>
  /** Claims are held that were sent then, on the monotonic clock: a hint of a cancel since may have been about one of them. */
  held(sentAt: number): void
  /** Resumes a claimed parent that has nothing to wait for any more. `last`: the only child that it waited for, as it ended here. */
  resume(record: ExecutionRecord, last?: ExecutionRecord): void
  /** Something in this queue will be due. */
  due(queue: string, inMs: number): void
  /** Something in this queue will be due once a transaction of the user commits. */
  committing(queue: string, inMs: number): void
  /** Whether no more due work is known in this queue: new work need not stand in line. */
  isDrained(queue: string): boolean
  /** A claim under way that will tell whether a queue is drained; `null` if nothing is about to tell. */
  whenKnown(queue: string): Promise<void> | null
  /** How long work stands in the longest line of all queues, as far as is known, in milliseconds: 0 where they are drained. */
  longestLineMs(): number
  /** An execution finished, by this process. Its row is asked for only if somebody waits for it. */
  finished(executionId: string, row: () => ExecutionRecord): void
  /** The answer of a call sent then (on the monotonic clock) was lost: there may be rows under our name that we don't know of. */
  answerLost(sentAt: number): void
}

/** To whom parents go: to this executor while it takes work. */
export function handOverOf(runtime: Pick<Runtime, 'lifecycle' | 'options'>): HandOver {
  return runtime.lifecycle === 'started' ? { queues: runtime.options.queues } : null
}

/** A claim is used only while less than this share of its lease has passed since it was sent. */
const USABLE_SHARE = 2 / 3

/** Whether a claim sent at `sentAt` may still be started: others can't have taken it over yet. */
export function isFresh(
  runtime: Pick<Runtime, 'environment' | 'claimant'>,
  sentAt: number,
): boolean {
  const age = runtime.environment.monotonic() - sentAt
  return age < runtime.claimant.leaseMs * USABLE_SHARE
}
