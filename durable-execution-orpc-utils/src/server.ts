/**
 * What runs in a service: durable tasks and oRPC.
 *
 * @packageDocumentation
 */

// Remote procedures as tasks
export { keepFailedResponses } from './keep-failed-responses'
export { convertProcedureClientToTask } from './server/remote-task'
export type {
  RemoteCallArguments,
  RemoteCallOptions,
  RemoteCallOptionsSource,
} from './server/remote-task'

// Tasks for clients far away
export { createTasksRouter } from './server/tasks-router'
export type { TasksBuilder, TasksRouter, TasksRouterErrors } from './server/tasks-router'
export type { Tasks } from './server/admission'
export type { TaskCall, TasksRouterAction, TasksRouterOptions } from './server/options'
export type {
  ErrorPath,
  WireEnqueue,
  WireEnqueueOptions,
  WireExecution,
  WireOutcome,
  WireTarget,
  WireTask,
  WireWaitEvent,
  WireWakeup,
} from './wire'
