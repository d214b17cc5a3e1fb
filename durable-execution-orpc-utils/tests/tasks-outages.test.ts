/** Remote tasks when the network or the server is the trouble: what was enqueued is enqueued once, and who waits gets the end. */
import { DurableExecutionError, InMemoryTaskExecutionsStorage } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { startProxy } from './support/proxy'
import { answerBy, listen } from './support/server'
import { Runs } from './support/tasks'
import { handlesOf, serveTasks } from './support/tasks-server'
import { until } from './support/world'

/** Enough for any outage of a test. */
const PATIENT = { maxRetries: 10_000, baseDelayMs: 5, maxDelayMs: 20 }

async function start(router = {}) {
  const runs = new Runs()
  const storage = new InMemoryTaskExecutionsStorage()
  const server = await serveTasks({ storage, runs, router })
  const proxy = await startProxy(server.port)
  return { runs, storage, server, proxy }
}

describe('a wait', () => {
  it('goes on after the server was restarted in the midst of it', async () => {
    const { runs, storage, server } = await start()
    const { hold } = handlesOf(server.url, PATIENT)
    const id = await hold.enqueue('a')
    await until('it runs', () => runs.held.has('a'))
    const wait = hold.waitAndGetOutput(id)
    await until('the server has the wait', () => server.requests.length === 2)
    await server.stop()
    runs.held.delete('a')
    const restarted = await serveTasks({ storage, runs, port: server.port })
    await until('it runs again', () => runs.held.has('a'))
    await until('the wait came back', () => restarted.requests.length > 0)
    runs.held.get('a')?.()
    expect(await wait).toBe('a was let go')
  })

  it('ends with what finished while the server was away', async () => {
    const { runs, storage, server } = await start()
    const { hold } = handlesOf(server.url, PATIENT)
    const id = await hold.enqueue('a')
    await until('it runs', () => runs.held.has('a'))
    const wait = hold.waitAndGetOutput(id)
    await until('the server has the wait', () => server.requests.length === 2)
    await server.stop()
    runs.held.delete('a')
    const worker = await serveTasks({ storage, runs })
    await until('it runs elsewhere', () => runs.held.has('a'))
    runs.held.get('a')?.()
    await (await worker.executor.getTaskExecutionHandle(worker.tasks.hold, id)).waitAndGetOutput()
    await worker.stop()
    await serveTasks({ storage, runs, port: server.port, isStarted: false })
    expect(await wait).toBe('a was let go')
  })

  it('goes on after its connection was cut, again and again', async () => {
    const { runs, proxy } = await start()
    const { hold } = handlesOf(proxy.url, PATIENT)
    const id = await hold.enqueue('a')
    await until('it runs', () => runs.held.has('a'))
    const wait = hold.waitAndGetOutput(id)
    for (let cuts = 1; cuts <= 3; cuts += 1) {
      const before = proxy.connections
      proxy.cut()
      await until('it connects anew', () => proxy.connections > before)
    }
    runs.held.get('a')?.()
    expect(await wait).toBe('a was let go')
  })

  it('notices a connection that went silent', async () => {
    const { runs, proxy } = await start({ heartbeatMs: 20 })
    const { hold } = handlesOf(proxy.url, { ...PATIENT, callTimeoutMs: 500 })
    const id = await hold.enqueue('a')
    await until('it runs', () => runs.held.has('a'))
    const wait = hold.waitAndGetOutput(id)
    await until('it listens', () => proxy.connections >= 1)
    proxy.mode = 'silent'
    const before = proxy.connections
    await until('it takes the connection for dead', () => proxy.connections > before)
    proxy.mode = 'open'
    runs.held.get('a')?.()
    expect(await wait).toBe('a was let go')
  })

  it('comes again when the server ends its stream', async () => {
    const { runs, server } = await start({ heartbeatMs: 5, longestStreamMs: 10 })
    const { hold } = handlesOf(server.url, PATIENT)
    const id = await hold.enqueue('a')
    const wait = hold.waitAndGetOutput(id)
    await until('it came again', () => server.requests.length > 5)
    runs.held.get('a')?.()
    expect(await wait).toBe('a was let go')
  })

  it('gives up when there was nobody for too long', async () => {
    const { proxy } = await start()
    proxy.mode = 'refusing'
    const { hold } = handlesOf(proxy.url, { ...PATIENT, longestOutageMs: 200 })
    const wait = hold.waitAndGetOutput('a')
    await expect(wait).rejects.toThrow(DurableExecutionError)
    await expect(wait).rejects.toMatchObject({
      isRetryable: true,
      message: expect.stringMatching(/^The connection to the remote procedure failed: /) as string,
    })
    expect(proxy.refused).toBeGreaterThan(1)
  })

  it('is given up in the midst of an outage', async () => {
    const { proxy } = await start()
    proxy.mode = 'refusing'
    const controller = new AbortController()
    const { hold } = handlesOf(proxy.url, { ...PATIENT, longestOutageMs: null })
    const wait = hold.waitAndGetOutput('a', { signal: controller.signal })
    await until('it tries', () => proxy.refused > 2)
    const reason = new Error('Enough of it')
    controller.abort(reason)
    await expect(wait).rejects.toBe(reason)
  })
})

describe('an enqueue', () => {
  it('whose answer was lost is repeated, and enqueues nothing twice', async () => {
    const { runs, storage, proxy } = await start()
    const { echo } = handlesOf(proxy.url, PATIENT)
    proxy.mode = 'swallowing'
    const enqueued = echo.enqueue('once')
    await until('the answer was lost more than once', () => proxy.swallowed > 2)
    expect(storage.dump()).toHaveLength(1)
    proxy.mode = 'open'
    expect(await echo.waitAndGetOutput(await enqueued)).toBe('once')
    expect(storage.dump()).toHaveLength(1)
    expect(runs.calls.get('echo')).toBe(1)
  })

  it('of a client without a network goes through when it is back', async () => {
    const { storage, proxy } = await start()
    proxy.mode = 'refusing'
    const { echo } = handlesOf(proxy.url, PATIENT)
    const enqueued = echo.enqueue(1)
    await until('it tried', () => proxy.refused > 3)
    expect(storage.dump()).toHaveLength(0)
    proxy.mode = 'open'
    expect(await echo.waitAndGetOutput(await enqueued)).toBe(1)
    expect(storage.dump()).toHaveLength(1)
  })

  it('is tried a bounded number of times', async () => {
    const { proxy } = await start()
    proxy.mode = 'refusing'
    const { echo } = handlesOf(proxy.url, { ...PATIENT, maxRetries: 3 })
    await expect(echo.enqueue(1)).rejects.toMatchObject({ isRetryable: true })
    expect(proxy.refused).toBe(4)
  })

  it('that nobody answers counts as failed, and is tried again', async () => {
    const { storage, proxy } = await start()
    proxy.mode = 'silent'
    const { echo } = handlesOf(proxy.url, { ...PATIENT, callTimeoutMs: 200 })
    const enqueued = echo.enqueue(1)
    await until('it tried again', () => proxy.connections > 1)
    proxy.mode = 'open'
    await enqueued
    expect(storage.dump()).toHaveLength(1)
  })

  it('is given up with its signal', async () => {
    const { proxy } = await start()
    proxy.mode = 'silent'
    const controller = new AbortController()
    const { echo } = handlesOf(proxy.url, PATIENT)
    const enqueued = echo.enqueue(1, { signal: controller.signal })
    await until('it is under way', () => proxy.connections > 0)
    const reason = new Error('Enough of it')
    controller.abort(reason)
    await expect(enqueued).rejects.toBe(reason)
    await expect(echo.enqueue(1, { signal: controller.signal })).rejects.toBe(reason)
  })

  it('waits for a server that is shutting down to be replaced', async () => {
    const { storage, server } = await start()
    const { echo } = handlesOf(server.url, PATIENT)
    await server.executor.shutdown()
    const enqueued = echo.enqueue(1)
    await until('it was put off', () => server.requests.length > 2)
    await server.stop()
    await serveTasks({ storage, port: server.port })
    expect(await echo.waitAndGetOutput(await enqueued)).toBe(1)
  })

  it('is not repeated where the server said no', async () => {
    const server = await listen((_, response) => {
      response.writeHead(500, { 'content-type': 'application/json' })
      const json = { code: 'INTERNAL_SERVER_ERROR', status: 500, message: 'Broken', defined: false }
      response.end(JSON.stringify({ json }))
    })
    const { echo } = handlesOf(server.url, PATIENT)
    await expect(echo.enqueue(1)).rejects.toMatchObject({ message: 'Broken', isRetryable: true })
    expect(server.requests).toHaveLength(1)
  })

  it('heeds a Retry-After, unless that asks for too much', async () => {
    const retryAfter = ['0', '3600']
    const server = await listen((_, response) => {
      response.writeHead(503, { 'retry-after': retryAfter.shift() ?? '0' }).end('Overloaded')
    })
    const { echo } = handlesOf(server.url, PATIENT)
    await expect(echo.enqueue(1)).rejects.toMatchObject({ retryAfterMs: 3_600_000 })
    expect(server.requests).toHaveLength(2)
  })

  it('says where there is no router', async () => {
    const server = await listen(answerBy({}))
    const { echo } = handlesOf(server.url, PATIENT)
    await expect(echo.enqueue(1)).rejects.toMatchObject({ code: 'not_found' })
  })
})
