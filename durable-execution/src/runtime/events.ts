/**
 * Everything the executor tells: a small, typed list, emitted in one place. The logger, metrics and tests listen; nothing else in
 * the runtime logs.
 */
import { messageOf } from '../errors'
import type { TaskExecutionStatus } from '../execution/status'
import { callAside } from '../lib/aside'
import { createLeveledLogger, type Logger, type LogLevel } from '../logger'

interface OfExecution {
  readonly taskId: string
  readonly executionId: string
}

/** Why a claimed execution was given back. */
export type ReleaseReason = 'unknown_task' | 'shutdown' | 'too_late'

/** What an executor tells of itself and its executions. */
export type ExecutorEvent =
  | { readonly type: 'executor_started'; readonly executorId: string }
  | { readonly type: 'executor_stopping'; readonly runningCount: number }
  | { readonly type: 'executor_stopped'; readonly executorId: string }
  | ({ readonly type: 'execution_started'; readonly attempt: number } & OfExecution)
  /** A change was stored: finished, waiting, or `ready` again for a retry. */
  | ({ readonly type: 'execution_settled'; readonly status: TaskExecutionStatus } & OfExecution)
  | ({
      readonly type: 'execution_retried'
      readonly attempt: number
      readonly delayMs: number
      readonly message: string
    } & OfExecution)
  /** Another executor had it and let its lease lapse. */
  | ({ readonly type: 'execution_taken_over'; readonly takeovers: number } & OfExecution)
  | ({ readonly type: 'execution_released'; readonly reason: ReleaseReason } & OfExecution)
  /** It was cancelled or taken over while it ran here; its function sees its signal. */
  | ({ readonly type: 'claim_lost'; readonly reason: string } & OfExecution)
  /** Its function ended after its claim was lost: what it returned is not stored. */
  | ({ readonly type: 'result_dropped' } & OfExecution)
  /** The storage refused the result for good: the execution fails instead. */
  | ({ readonly type: 'result_refused'; readonly message: string } & OfExecution)
  /** An execution of a task that this executor does not know is left for others. Once per task. */
  | { readonly type: 'unknown_task'; readonly taskId: string }
  /** Once per outage. */
  | { readonly type: 'storage_away'; readonly message: string }
  | { readonly type: 'storage_back'; readonly awayMs: number }
  /** A background job failed and will be tried again. */
  | { readonly type: 'background_error'; readonly job: string; readonly message: string }

/** The type of an event. */
export type ExecutorEventType = ExecutorEvent['type']

const LEVELS: Record<ExecutorEventType, Exclude<LogLevel, 'silent'>> = {
  executor_started: 'info',
  executor_stopping: 'info',
  executor_stopped: 'info',
  execution_started: 'debug',
  execution_settled: 'debug',
  execution_retried: 'debug',
  execution_taken_over: 'warn',
  execution_released: 'debug',
  claim_lost: 'info',
  result_dropped: 'warn',
  result_refused: 'error',
  unknown_task: 'warn',
  storage_away: 'error',
  storage_back: 'info',
  background_error: 'error',
}

/** An event in words. */
export function describeEvent(event: ExecutorEvent): string {
  const subject = 'executionId' in event ? `Execution ${event.executionId} of ${event.taskId}` : ''
  switch (event.type) {
    case 'executor_started':
      return `Executor ${event.executorId} started`
    case 'executor_stopping':
      return `Executor stopping with ${event.runningCount} executions running`
    case 'executor_stopped':
      return `Executor ${event.executorId} stopped`
    case 'execution_started':
      return `${subject} started attempt ${event.attempt}`
    case 'execution_settled':
      return `${subject} is ${event.status}`
    case 'execution_retried':
      return `${subject} failed and starts attempt ${event.attempt} in ${event.delayMs} ms: ${event.message}`
    case 'execution_taken_over':
      return `${subject} lost its executor and was taken over (${event.takeovers} in this attempt)`
    case 'execution_released':
      return `${subject} was given back: ${event.reason}`
    case 'claim_lost':
      return `${subject} is no longer ours: ${event.reason}`
    case 'result_dropped':
      return `${subject} ended after its claim was lost: its result is dropped`
    case 'result_refused':
      return `${subject} has a result that the storage refuses: ${event.message}`
    case 'unknown_task':
      return `Task ${event.taskId} is not defined on this executor: its executions are left for others`
    case 'storage_away':
      return `Storage is away, trying again until it answers: ${event.message}`
    case 'storage_back':
      return `Storage answers again after ${Math.round(event.awayMs)} ms`
    case 'background_error':
      return `${event.job} failed and is tried again: ${event.message}`
  }
}

/** Hands events to the logger and to the user's listener. Neither can fail what emits. */
export class Events {
  private readonly logger: Logger
  private readonly level: LogLevel
  private readonly listeners: ((event: ExecutorEvent) => void)[] = []
  private readonly onListenerError = (error: unknown, { type }: ExecutorEvent): void => {
    this.logger.error(`onEvent failed on ${type}: ${messageOf(error)}`)
  }

  constructor(logger: Logger, level: LogLevel, onEvent: ((event: ExecutorEvent) => void) | null) {
    this.logger = createLeveledLogger(logger, level)
    this.level = level
    if (onEvent) this.listeners.push(onEvent)
  }

  /** Adds a listener of the runtime's own. */
  listen(listener: (event: ExecutorEvent) => void): void {
    this.listeners.push(listener)
  }

  emit(event: ExecutorEvent): void {
    const level = LEVELS[event.type]
    // Most events are of the level `debug` and come with every task: their text is made only where it is read.
    if (level !== 'debug' || this.level === 'debug') this.logger[level](describeEvent(event))
    for (const listener of this.listeners) {
      callAside(listener, event, this.onListenerError)
    }
  }
}
