/** Hints, by which a storage that can push tells executors what others do: the optional half of the storage contract. */

/**
 * Hints about what calls of others, and of the listener's own, changed. Every one may be late, come twice or be lost: who hears one
 * looks, and believes nothing else. None may throw.
 */
export interface StorageListener {
  /**
   * Something in these queues is due, or will be soon, in `inMs` milliseconds; `null`: in any queue. What is due later than
   * {@link SOON_MS} need not be told.
   */
  readonly onDue: (queues: readonly string[] | null, inMs: number) => void
  /** These executions finished; `null`: some did. Told only while they are awaited, see {@link StorageSubscription}. */
  readonly onFinished: (executionIds: readonly string[] | null) => void
  /** These executions were cancelled, and so finished; `null`: some were. */
  readonly onCancelled: (executionIds: readonly string[] | null) => void
  /**
   * Whether hints come from now on. Told when it changes; before the first time they do not. Whenever it becomes true, what was
   * missed before has to be looked for.
   */
  readonly onListening: (isListening: boolean) => void
}

/** What is due later than this, in milliseconds, is found by looking: executors look more often, and nobody has to be told. */
export const SOON_MS = 2000

/** How long finished executions stay awaited, in milliseconds. */
export const AWAITED_MS = 5000

/** A subscription to hints. */
export interface StorageSubscription {
  /**
   * Says that somebody waits for finished executions, for the next {@link AWAITED_MS}. A storage that can keep those hints to itself
   * while nobody does: a backlog is worked off without telling everybody of each execution.
   */
  awaitFinished(): void
  /** Ends the subscription. Nothing of it keeps the process alive afterwards. */
  close(): Promise<void>
}
