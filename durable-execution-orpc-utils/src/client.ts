/**
 * What runs far away from the tasks, in a browser too: typed handles of remote tasks. It pulls in no server, no storage and no task
 * code.
 *
 * @packageDocumentation
 */

// Handles
export { createTaskClientHandles } from './client/handles'
export type {
  SleepingTaskClientHandle,
  TaskClientHandle,
  TaskClientHandleFor,
  TaskClientHandles,
} from './client/handles'
export type { TaskClientOptions } from './client/options'
export type { CallOptions, RemoteEnqueueOptions, TasksRouterClient } from './client/router-client'
export type { ClientEnvironment } from './lib/environment'

// Links
export { keepFailedResponses } from './keep-failed-responses'

// What goes over the wire
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
