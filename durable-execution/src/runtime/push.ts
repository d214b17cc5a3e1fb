/**
 * The executor's ear: hints of the storage about what others changed, where it can push. They only make looks sooner, and rarer:
 * everything that hears one asks the storage, and everything works without (see `claim`, `wait`, `cancel`).
 *
 * It begins with the start, or with the first wait of an executor that only enqueues, and ends with the shutdown.
 */
import { messageOf } from '../errors'
import type { Environment } from '../lib/environment'
import { AWAITED_MS, type StorageListener, type StorageSubscription } from '../storage/listener'
import type { TaskExecutionsStorage } from '../storage/storage'
import type { Events } from './events'

/** Executions are said to be awaited again after this share of the time for which it holds. */
const AWAIT_AGAIN_SHARE = 0.4

const DEAF: StorageListener = {
  onDue: () => undefined,
  onFinished: () => undefined,
  onCancelled: () => undefined,
  onListening: () => undefined,
}

/** One subscription of one executor. */
export class Push {
  private readonly storage: Pick<TaskExecutionsStorage, 'listen'>
  private readonly environment: Environment
  private readonly events: Events
  private listener: StorageListener = DEAF
  private subscribing: Promise<void> | null = null
  private subscription: StorageSubscription | null = null
  private isEnded = false
  /** When hints began to come, on the monotonic clock; `null` while they do not. */
  private hearingSince: number | null = null
  private saidAwaitedAt = -Infinity

  constructor(
    storage: Pick<TaskExecutionsStorage, 'listen'>,
    environment: Environment,
    events: Events,
  ) {
    this.storage = storage
    this.environment = environment
    this.events = events
  }

  /** Whether hints come at present. */
  get isListening(): boolean {
    return this.hearingSince !== null
  }

  /** Whether hints have come for so long, in milliseconds. */
  hasListenedFor(ms: number): boolean {
    const { hearingSince } = this
    return hearingSince !== null && this.environment.monotonic() - hearingSince >= ms
  }

  /** Who hears the hints. */
  wire(listener: StorageListener): void {
    this.listener = listener
  }

  /** Subscribes, where the storage can push. Idempotent. */
  begin(): void {
    if (this.isEnded || !this.storage.listen) return
    this.subscribing ??= this.subscribe(() => this.storage.listen?.(this.hearing()))
  }

  /** Unsubscribes. */
  async end(): Promise<void> {
    this.isEnded = true
    this.hearingSince = null
    await this.close()
  }

  /** Somebody waits for executions to finish: hints about them are wanted. */
  awaitFinished(): void {
    const now = this.environment.monotonic()
    if (!this.isListening || now - this.saidAwaitedAt < AWAITED_MS * AWAIT_AGAIN_SHARE) return
    this.saidAwaitedAt = now
    this.subscription?.awaitFinished()
  }

  private async subscribe(listen: () => Promise<StorageSubscription> | undefined): Promise<void> {
    try {
      this.subscription = (await listen()) ?? null
    } catch (error) {
      this.told(error)
    }
    if (this.isEnded) await this.close()
  }

  private async close(): Promise<void> {
    const { subscription } = this
    this.subscription = null
    try {
      await subscription?.close()
    } catch (error) {
      this.told(error)
    }
  }

  /** Without hints the executor polls. */
  private told(error: unknown): void {
    this.events.emit({ type: 'background_error', job: 'listen', message: messageOf(error) })
  }

  /** Nothing is heard any more after the end. */
  private hearing(): StorageListener {
    return {
      onDue: (queues, inMs) => {
        if (!this.isEnded) this.listener.onDue(queues, inMs)
      },
      onFinished: (executionIds) => {
        if (!this.isEnded) this.listener.onFinished(executionIds)
      },
      onCancelled: (executionIds) => {
        if (!this.isEnded) this.listener.onCancelled(executionIds)
      },
      onListening: (isListening) => {
        if (this.isEnded) return
        this.hearingSince = isListening ? this.environment.monotonic() : null
        // Whom a storage connects to anew does not know what is awaited.
        this.saidAwaitedAt = -Infinity
        this.listener.onListening(isListening)
      },
    }
  }
}
