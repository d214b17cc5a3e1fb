/** Remote procedures as tasks, when what lies between is the trouble: gateways, broken connections, aborted calls. */
import type { RequestListener } from 'node:http'

import { BatchLinkPlugin } from '@orpc/client/plugins'
import { describe, expect, it, vi } from 'vitest'

import { convertProcedureClientToTask, keepFailedResponses } from '../src/server'
import { answerBy, listen } from './support/server'
import { createShop, Seen } from './support/shop'
import { clientAt, createWorld, startExecutor, until } from './support/world'

// Longer than what `until` waits for.
vi.setConfig({ testTimeout: 60_000 })

const options = { id: 'remote', timeoutMs: 30_000 }
const oneRetry = { ...options, retryOptions: { maxAttempts: 1 } }

/** Answers the first request itself; the shop answers the others. */
function answerFirst(first: RequestListener): RequestListener {
  const shop = answerBy(createShop(new Seen()))
  let isFirst = true
  return (request, response) => {
    const answer = isFirst ? first : shop
    isFirst = false
    answer(request, response)
  }
}

async function runAgainst(first: RequestListener, plugins = [keepFailedResponses()]) {
  const server = await listen(answerFirst(first))
  const { executor } = await startExecutor()
  const { fail } = clientAt(server.url, { plugins })
  const handle = await executor.enqueueTask(convertProcedureClientToTask(executor, oneRetry, fail))
  return { server, handle }
}

describe('an answer that is not of oRPC', () => {
  it.each<[string, RequestListener]>([
    [
      'a page',
      (_, response) => response.writeHead(503, { 'content-type': 'text/html' }).end('<p>'),
    ],
    ['nothing', (_, response) => response.writeHead(502).end()],
    ['text of no declared type', (_, response) => response.writeHead(504).end('Gateway time-out')],
  ])('is retried by its status: %s', async (_name, first) => {
    const { server, handle } = await runAgainst(first)
    expect(await handle.waitAndGetOutput()).toBe('well')
    expect(server.requests).toHaveLength(2)
  })

  it('has its Retry-After honoured even where the link keeps no responses', async () => {
    const headers = { 'content-type': 'text/html', 'retry-after': '7200' }
    const { handle } = await runAgainst(
      (_, response) => response.writeHead(503, headers).end('<h1>Down</h1>'),
      [],
    )
    await until('it waits for its retry', async () => {
      const execution = await handle.getExecution()
      const isPutOff = execution.status === 'ready' && execution.attempt === 1
      return isPutOff && execution.startAt.getTime() - execution.updatedAt.getTime() === 7_200_000
    })
  })

  it('is a not-found error where the server does not know the procedure', async () => {
    const server = await listen(answerBy({}))
    const { executor } = await startExecutor()
    const { fail } = clientAt(server.url)
    const task = convertProcedureClientToTask(executor, oneRetry, fail)
    const handle = await executor.enqueueTask(task)
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({ status: 'failed', error: { code: 'not_found' } })
  })

  it('fails the task if it is a redirect', async () => {
    const { server, handle } = await runAgainst((_, response) =>
      response.writeHead(302, { location: '/login' }).end(),
    )
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({ status: 'failed', error: { isRetryable: false } })
    expect(server.requests).toHaveLength(1)
  })
})

describe('a connection', () => {
  it('that is refused is tried again until the server is back', async () => {
    const gone = await listen(answerBy(createShop(new Seen())))
    await gone.close()
    const { executor } = await startExecutor()
    const retryOptions = { maxAttempts: 10_000, baseDelayMs: 20 }
    const task = convertProcedureClientToTask(
      executor,
      { ...options, retryOptions },
      clientAt(gone.url).fail,
    )
    const handle = await executor.enqueueTask(task)
    await until('it was tried in vain', async () => (await handle.getExecution()).attempt > 1)
    const waiting = await handle.getExecution()
    expect(waiting).toMatchObject({
      prevError: {
        isRetryable: true,
        message: 'The connection to the remote procedure failed: fetch failed (ECONNREFUSED)',
      },
    })
    await listen(answerBy(createShop(new Seen())), gone.port)
    expect(await handle.waitAndGetOutput()).toBe('well')
  })

  it.each<[string, RequestListener]>([
    ['before the answer', (request) => request.socket.destroy()],
    ['by a reset', (request) => request.socket.resetAndDestroy()],
    [
      'within the headers',
      (request) =>
        request.socket.write('HTTP/1.1 200 OK\r\ncontent-', () => request.socket.destroy()),
    ],
    [
      'within the body',
      (request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 })
        response.write('{"json":', () => request.socket.destroy())
      },
    ],
    [
      'within a body of unknown length',
      (request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.write('{"json":', () => request.socket.destroy())
      },
    ],
  ])('that breaks is made again: %s', async (_name, first) => {
    const { server, handle } = await runAgainst(first)
    expect(await handle.waitAndGetOutput()).toBe('well')
    expect(server.requests).toHaveLength(2)
  })
})

describe('a call under way', () => {
  it('is aborted by the time-out of the task, on the remote side too', async () => {
    const { executor, client, seen } = await createWorld()
    const task = convertProcedureClientToTask(
      executor,
      { ...options, timeoutMs: 1000 },
      client.wait,
    )
    const handle = await executor.enqueueTask(task)
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({ status: 'timed_out', error: { code: 'timed_out' } })
    await until('the remote side is told', () => seen.waits === 1 && seen.aborts === 1)
  })

  it('is aborted by a cancel, on the remote side too', async () => {
    const { executor, client, seen } = await createWorld()
    const task = convertProcedureClientToTask(executor, oneRetry, client.wait)
    const handle = await executor.enqueueTask(task)
    await until('the call is under way', () => seen.waits === 1)
    await handle.cancel()
    expect(await handle.getExecution()).toMatchObject({ status: 'cancelled' })
    await until('the remote side is told', () => seen.aborts === 1)
    expect(seen.waits).toBe(1)
  })

  it('is aborted at the end of a shutdown, and burns no attempt', async () => {
    const { executor, storage, client, seen } = await createWorld()
    const task = convertProcedureClientToTask(executor, options, client.wait)
    await executor.enqueueTask(task)
    await until('the call is under way', () => seen.waits === 1)
    await executor.shutdown({ graceMs: 0 })
    await until('the remote side is told', () => seen.aborts === 1)
    expect(storage.dump()).toMatchObject([{ status: 'ready', attempt: 0, error: null }])
  })
})

describe('calls that travel in one batch', () => {
  it('each have a Retry-After of their own', async () => {
    const { executor, server } = await createWorld({
      failures: [
        { status: 503, headers: { 'retry-after': '3600' } },
        { status: 503, headers: { 'retry-after': '7200' } },
      ],
    })
    const batch = new BatchLinkPlugin({ groups: [{ condition: () => true, context: {} }] })
    const { fail } = clientAt(server.url, { plugins: [batch, keepFailedResponses()] })
    const task = convertProcedureClientToTask(executor, oneRetry, fail)
    const handles = await executor.enqueueTasks([{ task }, { task }])
    await until('both wait for their retry', async () => {
      const executions = await Promise.all(handles.map((handle) => handle.getExecution()))
      const delays = executions.map((execution) =>
        execution.status === 'ready'
          ? execution.startAt.getTime() - execution.updatedAt.getTime()
          : 0,
      )
      return delays.includes(3_600_000) && delays.includes(7_200_000)
    })
    expect(server.requests).toHaveLength(1)
  })
})
