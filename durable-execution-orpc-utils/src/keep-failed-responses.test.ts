import { createORPCClient, type NestedClient } from '@orpc/client'
import { RPCLink, type RPCLinkOptions } from '@orpc/client/fetch'
import { ClientRetryPlugin } from '@orpc/client/plugins'
import { describe, expect, it } from 'vitest'

import { keepFailedResponses } from './keep-failed-responses'
import { responseOf } from './response'

interface Context {
  name?: string
  retry?: number
  retryDelay?: number
}

type Options = Omit<RPCLinkOptions<Context>, 'url'>

function clientOf(options: Options): NestedClient<Context> {
  return createORPCClient(new RPCLink({ url: 'http://localhost/rpc', ...options }))
}

/** What a call of a client with these options throws. */
async function thrownBy(options: Options, context: Context = {}): Promise<unknown> {
  const client = clientOf(options)
  if (typeof client !== 'function') throw new Error('Expected a procedure')
  try {
    await client(undefined, { context })
  } catch (error) {
    return error
  }
  throw new Error('Expected the call to fail')
}

function answer(status: number, retryAfter?: string): Response {
  const json = { defined: false, code: 'BUSY', status, message: 'Busy' }
  const headers = retryAfter === undefined ? undefined : { 'retry-after': retryAfter }
  return Response.json({ json }, { status, headers })
}

describe('keepFailedResponses', () => {
  it('keeps status and Retry-After of an error of oRPC, which alone knows neither', async () => {
    const fetch = async (): Promise<Response> => answer(429, '7')
    expect(responseOf(await thrownBy({ fetch }))).toBeUndefined()
    const kept = responseOf(await thrownBy({ fetch, plugins: [keepFailedResponses()] }))
    expect(kept).toEqual({ status: 429, retryAfter: '7', date: undefined })
  })

  it('keeps the status of a response that oRPC cannot read', async () => {
    const fetch = async (): Promise<Response> =>
      new Response('{', { status: 502, headers: { 'content-type': 'application/json' } })
    expect(responseOf(await thrownBy({ fetch }))).toBeUndefined()
    const kept = responseOf(await thrownBy({ fetch, plugins: [keepFailedResponses()] }))
    expect(kept).toMatchObject({ status: 502 })
  })

  it('makes a redirect a failure', async () => {
    const fetch = async (): Promise<Response> =>
      new Response(null, { status: 302, headers: { location: '/login' } })
    const error = await thrownBy({ fetch, plugins: [keepFailedResponses()] })
    expect(responseOf(error)).toMatchObject({ status: 302 })
  })

  it('knows of no response where none came', async () => {
    const fetch = async (): Promise<Response> => {
      throw new TypeError('fetch failed')
    }
    const error = await thrownBy({ fetch, plugins: [keepFailedResponses()] })
    expect(error).toEqual(new TypeError('fetch failed'))
    expect(responseOf(error)).toBeUndefined()
  })

  it('keeps the last response where a plugin repeats the call', async () => {
    const answers = [answer(503, '1'), answer(429, '2')]
    const fetch = async (): Promise<Response> => {
      const next = answers.shift()
      if (next === undefined) throw new TypeError('fetch failed')
      return next
    }
    const plugins = [new ClientRetryPlugin<Context>(), keepFailedResponses<Context>()]
    const context = { retry: 1, retryDelay: 0 }
    expect(responseOf(await thrownBy({ fetch, plugins }, context))).toMatchObject({
      status: 429,
      retryAfter: '2',
    })
    answers.push(answer(503, '1'))
    expect(responseOf(await thrownBy({ fetch, plugins }, context))).toBeUndefined()
  })

  it('leaves the context of the caller and the interceptors of the link as they are', async () => {
    const seen: unknown[] = []
    const interceptors: RPCLinkOptions<Context>['interceptors'] = []
    const context = { name: 'mine' }
    const fetch: Options['fetch'] = async (_request, _init, options) => {
      seen.push(options.context)
      return answer(500)
    }
    await thrownBy({ fetch, interceptors, plugins: [keepFailedResponses()] }, context)
    expect(seen[0]).toBe(context)
    expect(Reflect.ownKeys(context)).toEqual(['name'])
    expect(interceptors).toEqual([])
  })
})
