import * as transitions from './execution/transitions'

// Errors
export {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  DurableExecutionTimedOutError,
  fromStoredError,
  toStoredError,
} from './errors'
export type {
  DurableExecutionErrorCode,
  DurableExecutionErrorOptions,
  StoredError,
  StoredErrorType,
} from './errors'

// Executions
export {
  ACTIVE_TASK_EXECUTION_STATUSES,
  ALL_TASK_EXECUTION_STATUSES,
  ERRORED_TASK_EXECUTION_STATUSES,
  FINISHED_TASK_EXECUTION_STATUSES,
} from './execution/status'
export type {
  ActiveTaskExecutionStatus,
  ErroredTaskExecutionStatus,
  FinishedTaskExecutionStatus,
  TaskExecutionStatus,
} from './execution/status'
export type { ResolvedRetryOptions, RetryOptions } from './execution/retry'
export type {
  CompletedTaskExecution,
  ErroredTaskExecution,
  FinishedTaskExecution,
  ReadyTaskExecution,
  RunningTaskExecution,
  TaskExecution,
  TaskExecutionBase,
  TaskExecutionParent,
  WaitingForChildrenTaskExecution,
  WaitingForFinalizeTaskExecution,
} from './execution/execution'

// The executor
export { DurableExecutor } from './executor'
export type { EnqueueOptions, ShutdownOptions, TaskExecutionHandles } from './executor'
export { TaskExecutionHandle } from './handle'
export type { WaitOptions } from './runtime/wait'
export type { WakeupOptions } from './runtime/wake'
export type { DurableExecutorOptions } from './options'
export type { Logger, LogLevel } from './logger'
export { createSuperjsonSerializer } from './serializer'
export type { Serializer } from './serializer'
export type { ExecutorEvent, ExecutorEventType, ReleaseReason } from './runtime/events'
export type { ExecutorStats } from './runtime/stats'
export type { VerbStats } from './runtime/storage-calls'
export type { Environment, Timer } from './lib/environment'

// Tasks
export type { ValidatedTaskBuilder } from './task/builder'
export { childTask } from './task/children'
export type {
  AnyChildren,
  ChildTask,
  CompletedChild,
  ErroredChild,
  ExecutionOptions,
  FinishedChild,
  FinishedChildren,
  InputArguments,
  ParentOutput,
  ParentRun,
} from './task/children'
export type { TaskRunContext } from './task/context'
export type {
  Finalize,
  FinalizedParentTaskOptions,
  FinalizeFunction,
  LoopIteration,
  LoopIterationOutput,
  LoopOutput,
  ParentTaskRunOptions,
  SequenceInput,
  SequenceOutput,
  SequentialTasks,
  SleepingTaskOptions,
  TaskOptions,
  UnfinalizedParentTaskOptions,
} from './task/define'
export type { CommonTaskOptions } from './task/options'
export type {
  ChainDefinition,
  FunctionDefinition,
  LoopDefinition,
  ParentDefinition,
  SequenceDefinition,
  SleepingDefinition,
  TaskDefinition,
  ValidateInput,
} from './task/definition'
export type { AnyTask, InferTaskInput, InferTaskOutput, Task } from './task/task'

// Storages: what is needed to use one
export { StorageHeldUpError } from './storage/held-up'
export { InMemoryTaskExecutionsStorage } from './storage/in-memory'
export type { TaskExecutionsStorage } from './storage/storage'

// Storages: what is needed to write one
export type {
  Claim,
  ExecutionRecord,
  ExecutionReference,
  ExecutionStart,
  NewExecution,
  ParentReference,
} from './execution/record'
export { countActiveInsertions, parentDelta, settlementOf } from './execution/settlement'
export type { Settlement } from './execution/settlement'
export { applyChange, changedTimes } from './execution/change'
export type { ChangedAt, ChangedTimes, ExecutionChange } from './execution/change'
export { transitions }
export { isFinished, isWaiting } from './execution/status'
export { AWAITED_MS, SOON_MS } from './storage/listener'
export type { StorageListener, StorageSubscription } from './storage/listener'
export { assertOneWritePerRow, fitsTakeOver, guardSettlement, isHeld } from './storage/requests'
export { Backoff } from './lib/backoff'
export { delay, systemEnvironment } from './lib/environment'
export type {
  CancelOutcome,
  CancelRequest,
  Claimant,
  ClaimAnswer,
  ClaimRequest,
  ExistingExecution,
  GuardedOutcome,
  HandOver,
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
  SettleOutcome,
  SettleRequest,
  StorageAnswer,
  StorageCall,
  TakeOver,
  WakeAnswer,
  WakeOutcome,
  WakeRequest,
} from './storage/storage'
