/** A client of a router of tasks, as the handles use it: whatever the context and the errors of its procedures are. */
import type {
  WireEnqueue,
  WireEnqueueOptions,
  WireExecution,
  WireTarget,
  WireWaitEvent,
  WireWakeup,
} from '../wire'

/** oRPC's options of a call. */
export interface ProcedureOptions {
  signal?: AbortSignal | undefined
  /** The client context of the link. */
  context?: object
}

/**
 * What `createORPCClient` makes for the router. Methods, not properties: a client whose context is required fits too, it comes from
 * the options of the handles.
 */
export interface TasksRouterClient {
  enqueueTask(input: WireEnqueue, options: ProcedureOptions): Promise<{ executionId: string }>
  getTaskExecution(input: WireTarget, options: ProcedureOptions): Promise<WireExecution>
  waitForTaskExecution(
    input: WireTarget,
    options: ProcedureOptions,
  ): Promise<AsyncIterable<WireWaitEvent>>
  cancelTaskExecution(input: WireTarget, options: ProcedureOptions): Promise<void>
  wakeupSleepingTaskExecution(input: WireWakeup, options: ProcedureOptions): Promise<WireExecution>
}

/** Options of every call of a handle. */
export interface CallOptions {
  /** Gives the call up, with the signal's reason, on the server too. What the server did already stays done. */
  signal?: AbortSignal | undefined
}

/** Options of a remote enqueue: as those of `executor.enqueueTask`, but for the transaction. */
export interface RemoteEnqueueOptions extends WireEnqueueOptions, CallOptions {}
