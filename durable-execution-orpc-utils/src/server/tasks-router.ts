/** The router by which clients far away enqueue tasks, look at executions, wait for them, cancel and wake them. */
import type {
  Builder,
  BuilderWithMiddlewares,
  Context,
  DecoratedProcedure,
  ErrorMap,
  MergedErrorMap,
  Meta,
  Route,
  Schema,
} from '@orpc/server'
import type { DurableExecutor } from 'durable-execution'

import type { WireEnqueue, WireExecution, WireTarget, WireWaitEvent, WireWakeup } from '../wire'
import { Admission, type Tasks } from './admission'
import { resolveRouterOptions, type TasksRouterOptions } from './options'
import { enqueuedSchema, ERRORS, executionSchema, INPUTS, waitEventsSchema } from './schemas'
import { TaskCalls, type TasksExecutor } from './task-calls'

/** A builder of procedures: `os`, or what its `$context`, `use`, `errors`, … return, before any input. */
export type TasksBuilder<
  TInitialContext extends Context,
  TCurrentContext extends Context,
  TErrorMap extends ErrorMap,
  TMeta extends Meta,
> =
  | Builder<TInitialContext, TCurrentContext, AnyBuilderSchema, AnyBuilderSchema, TErrorMap, TMeta>
  | BuilderWithMiddlewares<
      TInitialContext,
      TCurrentContext,
      AnyBuilderSchema,
      AnyBuilderSchema,
      TErrorMap,
      TMeta
    >

type AnyBuilderSchema = Schema<unknown, unknown>

/** The errors of every procedure. Middleware of the builder may throw others. */
export type TasksRouterErrors = typeof ERRORS

type TasksProcedure<
  TInput,
  TOutput,
  TInitialContext extends Context,
  TCurrentContext extends Context,
  TErrorMap extends ErrorMap,
  TMeta extends Meta,
> = DecoratedProcedure<
  TInitialContext,
  TCurrentContext,
  Schema<TInput, TInput>,
  Schema<TOutput, TOutput>,
  MergedErrorMap<TErrorMap, TasksRouterErrors>,
  TMeta
>

/** What {@link createTasksRouter} makes: part of a router of yours, or one of its own. An alias: oRPC's routers have an index. */
export type TasksRouter<
  TInitialContext extends Context = Context,
  TCurrentContext extends Context = Context,
  TErrorMap extends ErrorMap = ErrorMap,
  TMeta extends Meta = Meta,
> = {
  /** Enqueues an execution, once for each execution id, and answers the id. */
  enqueueTask: TasksProcedure<
    WireEnqueue,
    { executionId: string },
    TInitialContext,
    TCurrentContext,
    TErrorMap,
    TMeta
  >
  /** The execution as it is now. */
  getTaskExecution: TasksProcedure<
    WireTarget,
    WireExecution,
    TInitialContext,
    TCurrentContext,
    TErrorMap,
    TMeta
  >
  /** A stream of events, which ends with the finished execution. */
  waitForTaskExecution: TasksProcedure<
    WireTarget,
    AsyncIteratorObject<WireWaitEvent, void, void>,
    TInitialContext,
    TCurrentContext,
    TErrorMap,
    TMeta
  >
  /** Cancels the execution with all its active descendants. Has no effect on one that has finished. */
  cancelTaskExecution: TasksProcedure<
    WireTarget,
    void,
    TInitialContext,
    TCurrentContext,
    TErrorMap,
    TMeta
  >
  /** Wakes a sleeping execution by its unique id; one that has finished is answered unchanged. */
  wakeupSleepingTaskExecution: TasksProcedure<
    WireWakeup,
    WireExecution,
    TInitialContext,
    TCurrentContext,
    TErrorMap,
    TMeta
  >
}

/**
 * Makes an oRPC router by which clients enqueue tasks and follow their executions, on a builder of yours: its context, middleware and
 * errors apply. `createTaskClientHandles` is the other side.
 *
 * What callers get of an error: `NOT_FOUND` for an unknown task or execution, `BAD_REQUEST` for what is wrong with the call,
 * `FORBIDDEN` where `authorize` refuses, `SERVICE_UNAVAILABLE` once the executor is shut down, else `INTERNAL_SERVER_ERROR` without
 * what happened; interceptors of the server see that as the `cause`.
 *
 * @param osBuilder - Such as `os.$context<{ tenant: string }>()`, with your authentication as middleware.
 * @param executor - Started or not: one that isn't leaves the work to others on the same storage.
 * @param tasks - The tasks that clients may use, by the names they call them by.
 * @throws A non-retryable `DurableExecutionError` for wrong options, `DurableExecutionNotFoundError` for a task of another executor.
 *
 * @example
 * ```ts
 * export const tasks = { resize, publish }
 * const router = createTasksRouter(os.$context<{ user: User }>().use(requireUser), executor, tasks, {
 *   authorize: ({ context, taskName }) => context.user.mayRun(taskName),
 *   executionIdPrefix: ({ user }) => `${user.tenantId}:`,
 * })
 * ```
 */
export function createTasksRouter<
  TInitialContext extends Context,
  TCurrentContext extends Context,
  TErrorMap extends ErrorMap,
  TMeta extends Meta,
  TTransaction,
>(
  osBuilder: TasksBuilder<TInitialContext, TCurrentContext, TErrorMap, TMeta>,
  executor: DurableExecutor<TTransaction>,
  tasks: Tasks,
  options: TasksRouterOptions<TCurrentContext> = {},
): TasksRouter<TInitialContext, TCurrentContext, TErrorMap, TMeta> {
  const resolved = resolveRouterOptions(options)
  // Of a transaction the router knows nothing, so the type of the storage's is no matter here.
  const untyped = executor as unknown as TasksExecutor
  for (const task of Object.values(tasks)) untyped.isSleepingTask(task)
  const calls = new TaskCalls(untyped, new Admission(tasks, resolved), resolved)
  return buildRouter(osBuilder, calls) as unknown as TasksRouter<
    TInitialContext,
    TCurrentContext,
    TErrorMap,
    TMeta
  >
}

const TAGS = ['Tasks']

/** For those who serve the router as OpenAPI. What only reads is a GET. */
const ROUTES = {
  enqueueTask: {
    method: 'POST',
    path: '/tasks/{taskName}/executions',
    summary: 'Enqueue an execution of a task',
    tags: TAGS,
  },
  getTaskExecution: {
    method: 'GET',
    path: '/tasks/{taskName}/executions/{executionId}',
    summary: 'Get an execution',
    tags: TAGS,
  },
  waitForTaskExecution: {
    method: 'GET',
    path: '/tasks/{taskName}/executions/{executionId}/events',
    summary: 'Wait for an execution to finish',
    tags: TAGS,
  },
  cancelTaskExecution: {
    method: 'POST',
    path: '/tasks/{taskName}/executions/{executionId}/cancel',
    summary: 'Cancel an execution with its descendants',
    tags: TAGS,
  },
  wakeupSleepingTaskExecution: {
    method: 'POST',
    path: '/tasks/{taskName}/wakeups',
    summary: 'Wake a sleeping execution',
    tags: TAGS,
  },
} satisfies Record<string, Route>

/** Types of a context that isn't known make nothing of oRPC's builder: here any context is one, and the border above says which. */
function buildRouter(osBuilder: unknown, calls: TaskCalls<Context>) {
  const base = (
    osBuilder as BuilderWithMiddlewares<
      Context,
      Context,
      AnyBuilderSchema,
      AnyBuilderSchema,
      Record<never, never>,
      Meta
    >
  ).errors(ERRORS)
  return {
    enqueueTask: base
      .route(ROUTES.enqueueTask)
      .input(INPUTS.enqueueTask)
      .output(enqueuedSchema)
      .handler((received) => calls.enqueue(received)),
    getTaskExecution: base
      .route(ROUTES.getTaskExecution)
      .input(INPUTS.getTaskExecution)
      .output(executionSchema)
      .handler((received) => calls.get(received)),
    waitForTaskExecution: base
      .route(ROUTES.waitForTaskExecution)
      .input(INPUTS.waitForTaskExecution)
      .output(waitEventsSchema)
      .handler((received) => calls.wait(received)),
    cancelTaskExecution: base
      .route(ROUTES.cancelTaskExecution)
      .input(INPUTS.cancelTaskExecution)
      .handler((received) => calls.cancel(received)),
    wakeupSleepingTaskExecution: base
      .route(ROUTES.wakeupSleepingTaskExecution)
      .input(INPUTS.wakeupSleepingTaskExecution)
      .output(executionSchema)
      .handler((received) => calls.wakeup(received)),
  }
}
