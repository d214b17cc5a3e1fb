/**
 * What runs in a service: durable tasks and oRPC.
 *
 * @packageDocumentation
 */

// Remote procedures as tasks
export { keepFailedResponses } from './server/keep-failed-responses'
export { convertProcedureClientToTask } from './server/remote-task'
export type {
  RemoteCallArguments,
  RemoteCallOptions,
  RemoteCallOptionsSource,
} from './server/remote-task'
