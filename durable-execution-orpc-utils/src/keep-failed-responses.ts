/** A plugin of oRPC's links that lets a task see the response behind a failed call. */
import type { ClientContext } from '@orpc/client'
import type { StandardLinkPlugin } from '@orpc/client/standard'

import { isFailedStatus } from './errors'
import { headOf, rememberResponse, type ResponseHead } from './response'

/** The last response to one call, as its inner interceptor saw it. */
class LastResponse {
  head: ResponseHead | null = null
}

/** Under this the {@link LastResponse} travels with the options of a call, from the outer interceptor to the inner one. */
const LAST_RESPONSE = Symbol('last response')

/**
 * A plugin for the link of a client whose procedures are tasks (`RPCLink`, and every other link of oRPC with plugins). oRPC makes
 * an error from the body of a response alone; with this plugin the task sees the rest as well:
 *
 * - a `Retry-After` of an error that the remote procedure threw: the next attempt starts no sooner;
 * - the status of a response that oRPC cannot read (a gateway's, the `404` of a server without that procedure);
 * - a redirect, which links don't follow: without the plugin the call succeeds with `undefined`.
 *
 * It never waits and never repeats a call. oRPC's own `RetryAfterPlugin` and `ClientRetryPlugin` do, within one run of the task;
 * with them it sees the last response.
 *
 * @example
 * ```ts
 * const link = new RPCLink({ url: 'https://billing.example.org/rpc', plugins: [keepFailedResponses()] })
 * ```
 */
export function keepFailedResponses<
  TContext extends ClientContext = ClientContext,
>(): StandardLinkPlugin<TContext> {
  return {
    // New arrays: those given may serve another link too.
    init: (options) => {
      options.interceptors = [
        ...(options.interceptors ?? []),
        (call) => watch((last) => call.next(Object.assign({ ...call }, { [LAST_RESPONSE]: last }))),
      ]
      options.clientInterceptors = [
        ...(options.clientInterceptors ?? []),
        async (call) => {
          const last = lastResponseOf(call)
          if (last) last.head = null
          const response = await call.next()
          if (last) last.head = headOf(response)
          return response
        },
      ]
    },
  }
}

/** Goes around a whole call: sending, receiving, and making a value or an error of what was received. */
async function watch(makeCall: (last: LastResponse) => Promise<unknown>): Promise<unknown> {
  const last = new LastResponse()
  try {
    const output = await makeCall(last)
    // oRPC takes a redirect for a success.
    if (output === undefined && last.head && isFailedStatus(last.head.status)) {
      throw new Error(`Expected an answer of oRPC, got a response with status ${last.head.status}`)
    }
    return output
  } catch (error) {
    if (last.head) rememberResponse(error, last.head)
    throw error
  }
}

function lastResponseOf(call: object): LastResponse | undefined {
  const last: unknown = Reflect.get(call, LAST_RESPONSE)
  return last instanceof LastResponse ? last : undefined
}
