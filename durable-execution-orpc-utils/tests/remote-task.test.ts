/** Remote procedures as tasks, over HTTP: what comes back, and what a failure does. */
import { describe, expect, it, vi } from 'vitest'

import { convertProcedureClientToTask } from '../src/server'
import type { Failure, Order } from './support/shop'
import { clientAt, createWorld, until, type World } from './support/world'

// Longer than what `until` waits for.
vi.setConfig({ testTimeout: 60_000 })

const options = { id: 'remote', timeoutMs: 30_000 }
const oneRetry = { ...options, retryOptions: { maxAttempts: 1 } }

/** Enqueues `fail` as a task that is retried once. */
async function enqueueFailing({ executor, client }: Pick<World, 'executor' | 'client'>) {
  return executor.enqueueTask(convertProcedureClientToTask(executor, oneRetry, client.fail))
}

describe('a remote procedure as a task', () => {
  it('takes and gives back values of every kind that both sides can write', async () => {
    const { executor, client } = await createWorld()
    const ship = convertProcedureClientToTask(executor, options, client.ship)
    const placedAt = new Date('2030-05-05T12:00:00Z')
    const order: Order = { id: 'o1', placedAt, items: new Map([['tea', 2]]) }
    const handle = await executor.enqueueTask(ship, order)
    expect(await handle.waitAndGetOutput()).toEqual({
      shippedAt: new Date('2030-05-05T12:00:01Z'),
      parcels: new Map([['tea', new Set(['o1'])]]),
    })
  })

  it('composes with other tasks', async () => {
    const { executor, client } = await createWorld()
    const ship = convertProcedureClientToTask(executor, options, client.ship)
    const order = executor.task({
      id: 'order',
      timeoutMs: 1000,
      run: (_context, id: string): Order => ({
        id,
        placedAt: new Date(0),
        items: new Map([['tea', 1]]),
      }),
    })
    const both = executor.sequentialTasks('order_and_ship', [order, ship])
    const handle = await executor.enqueueTask(both, 'o2')
    expect((await handle.waitAndGetOutput()).parcels).toEqual(new Map([['tea', new Set(['o2'])]]))
  })

  it('asks anew for the client options of each run, and the link sees them', async () => {
    const { executor, server, seen } = await createWorld()
    const client = clientAt<{ token: string; key: string }>(server.url, {
      headers: ({ context }) => ({
        authorization: `Bearer ${context.token}`,
        'idempotency-key': context.key,
      }),
    })
    const report = convertProcedureClientToTask(
      executor,
      oneRetry,
      client.report,
      async ({ attempt, executionId }) => ({
        context: { token: `token-${attempt}`, key: executionId },
      }),
    )
    const handle = await executor.enqueueTask(report)
    await handle.waitAndGetOutput()
    const key = handle.getExecutionId()
    expect(seen.reports).toMatchObject([
      { authorization: 'Bearer token-0', 'idempotency-key': key },
      { authorization: 'Bearer token-1', 'idempotency-key': key },
    ])
  })

  it('cannot answer with a stream: it fails, and the stream is closed', async () => {
    const { executor, client, seen } = await createWorld()
    const count = convertProcedureClientToTask(executor, oneRetry, client.count)
    const handle = await executor.enqueueTask(count)
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({ status: 'failed', error: { code: 'not_serializable' } })
    await until('the stream is closed', () => seen.closedStreams === 1)
  })
})

describe('an error of the remote procedure', () => {
  it.each([408, 429, 500, 502, 503, 504])('with status %i is retried', async (status) => {
    const world = await createWorld({ failures: [{ status }] })
    const handle = await enqueueFailing(world)
    expect(await handle.waitAndGetOutput()).toBe('well')
    expect(world.server.requests).toHaveLength(2)
  })

  it.each([400, 401, 402, 403, 405, 406, 409, 410, 412, 413, 415, 418, 422, 451, 499, 501, 505])(
    'with status %i fails the task at once, with its message',
    async (status) => {
      const world = await createWorld({ failures: [{ status, message: 'Not like this' }] })
      const handle = await enqueueFailing(world)
      const execution = await handle.waitAndGetFinishedExecution()
      expect(execution).toMatchObject({
        status: 'failed',
        error: { code: 'generic', isRetryable: false, message: 'Not like this' },
      })
      expect(world.server.requests).toHaveLength(1)
    },
  )

  it.each<Failure>([
    { status: 404, message: 'No such order' },
    { status: 410, code: 'NOT_FOUND', message: 'No such order' },
  ])('that nothing was found fails the task at once: $status $code', async (failure) => {
    const world = await createWorld({ failures: [failure] })
    const handle = await enqueueFailing(world)
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({
      status: 'failed',
      error: { name: 'DurableExecutionNotFoundError', code: 'not_found', message: 'No such order' },
    })
    expect(world.server.requests).toHaveLength(1)
  })

  it('after the last retry is the error of the task', async () => {
    const failure = { status: 503, message: 'Closed today' }
    const handle = await enqueueFailing(await createWorld({ failures: [failure, failure] }))
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { isRetryable: true, message: 'Closed today' },
    })
  })

  it('that its contract defines fails the task with its message; its data is not stored', async () => {
    const { executor, storage, client } = await createWorld()
    const pay = convertProcedureClientToTask(executor, oneRetry, client.pay)
    const handle = await executor.enqueueTask(pay)
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({
      status: 'failed',
      error: { isRetryable: false, message: 'The card was declined' },
    })
    expect(storage.dump()[0]?.error).toEqual({
      errorType: 'generic',
      code: 'generic',
      message: 'The card was declined',
      isRetryable: false,
      isInternal: false,
    })
    expect(JSON.stringify(storage.dump())).not.toContain('4242')
  })

  it('that it did not mean to throw stays on its side', async () => {
    const { executor, storage, client } = await createWorld()
    const crash = convertProcedureClientToTask(executor, options, client.crash)
    const handle = await executor.enqueueTask(crash)
    const execution = await handle.waitAndGetFinishedExecution()
    expect(execution).toMatchObject({ error: { message: 'Internal server error' } })
    expect(JSON.stringify(storage.dump())).not.toContain('swordfish')
  })
})

describe('Retry-After', () => {
  /** How long the retry waits, as it is stored. */
  async function storedDelayMs(world: World): Promise<number> {
    const handle = await enqueueFailing(world)
    await until('it waits for its retry', async () => {
      const { status, attempt } = await handle.getExecution()
      return status === 'ready' && attempt === 1
    })
    const execution = await handle.getExecution()
    if (execution.status !== 'ready') throw new Error(`It is ${execution.status}`)
    return execution.startAt.getTime() - execution.updatedAt.getTime()
  }

  it.each([429, 503])('in seconds, of status %i, puts the retry off', async (status) => {
    const headers = { 'retry-after': '7200' }
    const world = await createWorld({ failures: [{ status, headers }] })
    expect(await storedDelayMs(world)).toBe(7_200_000)
  })

  it('as a date puts the retry off, by the clock of the server', async () => {
    const date = 'Sun, 05 May 2030 12:00:00 GMT'
    const headers = { date, 'retry-after': 'Sun, 05 May 2030 13:30:00 GMT' }
    const world = await createWorld({ failures: [{ status: 503, headers }] })
    expect(await storedDelayMs(world)).toBe(5_400_000)
  })

  it('is forgotten where the link does not keep responses', async () => {
    const headers = { 'retry-after': '7200' }
    const world = await createWorld({ failures: [{ status: 503, headers }] })
    const handle = await enqueueFailing({
      ...world,
      client: clientAt(world.server.url, { plugins: [] }),
    })
    expect(await handle.waitAndGetOutput()).toBe('well')
  })
})
