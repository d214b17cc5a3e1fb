/** An execution as the storage holds it: one row. */
import type { StoredError } from '../errors'
import type { ResolvedRetryOptions } from './retry'
import type { TaskExecutionStatus } from './status'

/** Names an execution and its task. */
export interface ExecutionReference {
  readonly taskId: string
  readonly executionId: string
}

/** The place of a child under its parent. */
export interface ParentReference extends ExecutionReference {
  /** 0 for the first child. A finalize has 0 too. */
  readonly indexInParent: number
  readonly isFinalize: boolean
}

/**
 * What is fixed when an execution is made.
 */
export interface ExecutionIdentity extends ExecutionReference {
  readonly queue: string
  /** The execution at the top of the tree; its own reference for that one. */
  readonly root: ExecutionReference
  readonly parent: ParentReference | null
  readonly retryOptions: ResolvedRetryOptions
  /** Delay before the first run, in milliseconds. */
  readonly sleepMsBeforeRun: number
  /** The longest one run may take, in milliseconds. `null` where nothing runs (sequences, loops). */
  readonly timeoutMs: number | null
  /** Serialized input. `null` stands for `undefined`, and for the input of a finalize (put together when it runs). */
  readonly input: string | null
}

/** A stored execution. Times are milliseconds since the epoch on the storage's clock. */
export interface ExecutionRecord extends ExecutionIdentity {
  readonly status: TaskExecutionStatus
  /** Serialized output of a parent's `runParent`. */
  readonly runOutput: string | null
  /** Serialized output. `null` stands for `undefined`. */
  readonly output: string | null
  /** Why it ended, or why the run before this one failed. */
  readonly error: StoredError | null
  /** 0 for the first run, 1 for the first retry, … */
  readonly attempt: number
  /** How often executors were lost under the present attempt. */
  readonly takeovers: number
  /** How often it was claimed: the fencing number of a claim. */
  readonly claimCount: number
  /** The executor (its id and incarnation) that holds it. */
  readonly executorId: string | null
  /** The moment at which some executor should pick it up, or null. */
  readonly claimAt: number | null
  /** When it may start, or did. */
  readonly startAt: number
  /** When its present run started. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
  /** Children (or the finalize) that have not finished yet. */
  readonly activeChildrenCount: number
  /** Set on sleeping executions: what wakes them. See `sleepingKey`. */
  readonly sleepingKey: string | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** How a new execution begins. */
export type ExecutionStart =
  /** `ready`, due after its `sleepMsBeforeRun` */
  | 'ready'
  /** `running`, claimed by the executor that inserts it */
  | 'claimed'
  /** `running`, waiting for a wake until its time-out */
  | 'asleep'
  /** `waiting_for_children`: a sequence or a loop, whose first step is inserted beside it */
  | 'waiting'

/** An execution to be inserted. */
export interface NewExecution extends ExecutionIdentity {
  readonly sleepingKey: string | null
  readonly start: ExecutionStart
}

/** A claim on an execution: what fences its writes. */
export interface Claim {
  readonly executionId: string
  readonly claimCount: number
}
