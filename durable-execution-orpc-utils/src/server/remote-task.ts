/** A remote procedure as a local durable task: what is called is far away, what is stored, retried and waited for is here. */
import type { Client, ClientContext, FriendlyClientOptions } from '@orpc/client'
import {
  DurableExecutionError,
  systemEnvironment,
  type CommonTaskOptions,
  type DurableExecutor,
  type Task,
  type TaskRunContext,
  type ValidatedTaskBuilder,
} from 'durable-execution'

import { toDurableError } from '../errors'

/** oRPC's options of a call, such as `context`. The `signal` is the task's. */
export type RemoteCallOptions<TContext extends ClientContext> = Omit<
  FriendlyClientOptions<TContext>,
  'signal'
>

/** The options of each call, or a function that makes them for each run: of a fresh token, or an idempotency key. */
export type RemoteCallOptionsSource<TContext extends ClientContext> =
  | RemoteCallOptions<TContext>
  | ((
      context: TaskRunContext,
    ) => RemoteCallOptions<TContext> | Promise<RemoteCallOptions<TContext>>)

/** The client options may be left out exactly when the client needs no context. */
export type RemoteCallArguments<TContext extends ClientContext> =
  Record<never, never> extends TContext
    ? [clientOptions?: RemoteCallOptionsSource<TContext>]
    : [clientOptions: RemoteCallOptionsSource<TContext>]

/**
 * Makes a remote procedure a local durable task. Each run is one call with the task's input; cancel, time-out and a lost claim abort
 * it. A call may be made more than once (after a crash, a retry): make the procedure idempotent, by `executionId` for example.
 *
 * What a failed call does to the task:
 *
 * | the call | the task |
 * | --- | --- |
 * | 404, `NOT_FOUND` | fails with a `DurableExecutionNotFoundError` |
 * | 408, 429, 500, 502, 503, 504 | is retried as its `retryOptions` say, no sooner than a `Retry-After` asks, at most a day later |
 * | any other status | fails, with the message of the remote error |
 * | a failure of the network | is retried |
 * | anything else | fails |
 *
 * `Retry-After` is seen where the link has the plugin {@link keepFailedResponses}. Of a remote error only its message is stored.
 *
 * @param executor - Where the task is defined: an executor, or a builder with a checked input (`executor.inputSchema(…)`).
 * @param taskOptions - Options of `executor.task`, without `run`.
 * @param procedure - A procedure of an oRPC client (`createORPCClient`, `createRouterClient`).
 * @param rest - The options of the call, or a function of the task's context that makes them. What that throws fails the run as any
 * error of a task function does: it is retried.
 * @throws A non-retryable `DurableExecutionError` that names the task and the option.
 *
 * @example
 * ```ts
 * const charge = convertProcedureClientToTask(
 *   executor,
 *   { id: 'charge', timeoutMs: 10_000, retryOptions: { maxAttempts: 5, baseDelayMs: 500, delayMultiplier: 2 } },
 *   client.billing.charge,
 *   ({ executionId }) => ({ context: { idempotencyKey: executionId } }),
 * )
 * ```
 */
export function convertProcedureClientToTask<
  TContext extends ClientContext,
  TInput,
  TOutput,
  TError,
>(
  executor: Pick<DurableExecutor, 'task'>,
  taskOptions: CommonTaskOptions,
  procedure: Client<TContext, TInput, TOutput, TError>,
  ...rest: RemoteCallArguments<TContext>
): Task<TInput, TOutput>
export function convertProcedureClientToTask<
  TTaskInput,
  TValid extends TInput,
  TContext extends ClientContext,
  TInput,
  TOutput,
  TError,
>(
  executor: Pick<ValidatedTaskBuilder<TTaskInput, TValid>, 'task'>,
  taskOptions: CommonTaskOptions,
  procedure: Client<TContext, TInput, TOutput, TError>,
  ...rest: RemoteCallArguments<TContext>
): Task<TTaskInput, TOutput>
export function convertProcedureClientToTask(
  executor: Pick<DurableExecutor, 'task'>,
  taskOptions: CommonTaskOptions,
  procedure: UntypedProcedure,
  clientOptions: RemoteCallOptionsSource<ClientContext> = {},
): Task<unknown> {
  checkArguments(taskOptions, procedure, clientOptions)
  return executor.task({
    ...taskOptions,
    run: async (context: TaskRunContext, input: unknown) => {
      const options =
        typeof clientOptions === 'function' ? await clientOptions(context) : clientOptions
      const signal = context.cancelSignal
      return callProcedure(() => procedure(input, { ...options, signal }), signal)
    },
  })
}

/** A procedure as it is called: the overloads above say which input and options fit. */
type UntypedProcedure = (
  input: unknown,
  options: FriendlyClientOptions<ClientContext>,
) => Promise<unknown>

/** @throws The signal's reason if the call ended by it, else a `DurableExecutionError`. */
async function callProcedure(call: () => Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  try {
    signal.throwIfAborted()
    return await refuseStream(await call())
  } catch (error) {
    signal.throwIfAborted()
    throw toDurableError(error, systemEnvironment.now())
  }
}

/** An event iterator is no value that can be stored. Its connection is closed. */
async function refuseStream(output: unknown): Promise<unknown> {
  if (!isAsyncIterator(output)) return output
  await output.return?.()
  throw DurableExecutionError.nonRetryable(
    'The remote procedure answered with an event iterator, which cannot be stored as an output: use a procedure that answers with one value',
    { code: 'not_serializable' },
  )
}

function isAsyncIterator(value: unknown): value is AsyncIterableIterator<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, Symbol.asyncIterator) === 'function' &&
    typeof Reflect.get(value, 'next') === 'function'
  )
}

/** Also of users without types. The options of the task are checked where it is defined. */
function checkArguments(
  taskOptions: CommonTaskOptions,
  procedure: unknown,
  clientOptions: unknown,
): void {
  const invalid = (problem: string): DurableExecutionError =>
    DurableExecutionError.nonRetryable(`Invalid options for task ${taskOptions.id}: ${problem}`, {
      code: 'invalid_task',
    })
  if (typeof procedure !== 'function') {
    throw invalid(`procedure: expected a procedure of an oRPC client, got ${typeof procedure}`)
  }
  const isOptions = typeof clientOptions === 'object' && clientOptions !== null
  if (!isOptions && typeof clientOptions !== 'function') {
    const got = clientOptions === null ? 'null' : typeof clientOptions
    throw invalid(`clientOptions: expected an object or a function, got ${got}`)
  }
}
