/** Waiting for an execution: how soon, at what cost, and what ends it. */
import { describe, expect, it } from 'vitest'

import {
  DurableExecutionCancelledError,
  DurableExecutionError,
  type Serializer,
  type TaskExecutionHandle,
} from '../src/index'
import { createControlledRun } from './support/controlled-run'
import { fails } from './support/storage-connection'
import { createWorld } from './support/world'

const LONG = 600_000

/** A worker that runs one task, and a client that has its handle. */
async function startWorkerAndClient() {
  const world = createWorld()
  const worker = await world.start()
  const client = world.add()
  const controlled = createControlledRun()
  worker.executor.task({ id: 'task', timeoutMs: LONG, run: controlled.run })
  const task = client.executor.task({ id: 'task', timeoutMs: LONG, run: () => '' })
  const handle = await client.executor.enqueueTask(task)
  await world.environment.untilTrue(() => controlled.calls.length === 1)
  return { world, worker, client, task, handle, ...controlled }
}

describe('a wait', () => {
  it('ends at once when this process finishes the execution', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const controlled = createControlledRun()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: controlled.run })
    const handle = await executor.enqueueTask(task)
    const waiting = handle.waitAndGetOutput()
    await world.environment.advanceBy(60_000)
    const before = world.environment.monotonic()
    const looks = connection.countOf('get')
    controlled.call(0).returns('done')
    await world.environment.turn()
    await expect(waiting).resolves.toBe('done')
    expect(world.environment.monotonic()).toBe(before)
    expect(connection.countOf('get')).toBe(looks)
  })

  it('for an output reads no more than that', async () => {
    const world = createWorld()
    const json: Serializer = {
      serialize: (value) => JSON.stringify(value),
      deserialize: (text) => JSON.parse(text) as unknown,
    }
    const serializer: Serializer = {
      ...json,
      deserialize: (text) => {
        if (text === '"old"') throw new Error('no longer known')
        return json.deserialize(text)
      },
    }
    const worker = await world.start({ serializer: json })
    worker.executor.task({ id: 'task', timeoutMs: LONG, run: () => 'done' })
    const client = world.add({ serializer })
    const task = client.executor.task({
      id: 'task',
      timeoutMs: LONG,
      run: (_, input: string) => input,
    })
    const handle = await client.executor.enqueueTask(task, 'old')
    await world.until(handle.waitAndGetFinishedExecution().catch(() => undefined))
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('done')
    await expect(handle.getExecution()).rejects.toThrow('no longer known')
  })

  it('ends at once for what has finished before', async () => {
    const { world, handle, call } = await startWorkerAndClient()
    call(0).returns('done')
    await world.environment.advanceBy(1000)
    const before = world.environment.monotonic()
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('done')
    expect(world.environment.monotonic()).toBe(before)
  })

  it('by id for what has finished is one look', async () => {
    const { world, client, task, handle, call } = await startWorkerAndClient()
    call(0).returns('done')
    await world.environment.advanceBy(1000)
    const looks = client.connection.countOf('get')
    const found = await client.executor.getTaskExecutionHandle(task, handle.getExecutionId())
    await expect(found.waitAndGetOutput()).resolves.toBe('done')
    await expect(found.waitAndGetOutput()).resolves.toBe('done')
    expect(client.connection.countOf('get') - looks).toBe(1)
  })

  it('by id for what runs in this process costs no look', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const controlled = createControlledRun()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: controlled.run })
    const other = executor.task({ id: 'other', timeoutMs: LONG, run: () => '' })
    const executionId = (await executor.enqueueTask(task)).getExecutionId()
    await world.environment.untilTrue(() => controlled.calls.length === 1)
    const looks = connection.countOf('get')
    const waiting = (await executor.getTaskExecutionHandle(task, executionId)).waitAndGetOutput()
    await expect(executor.getTaskExecutionHandle(other, executionId)).rejects.toThrow(
      `Execution ${executionId} of task other not found: it is one of another task`,
    )
    controlled.call(0).returns('done')
    await expect(world.until(waiting)).resolves.toBe('done')
    expect(connection.countOf('get')).toBe(looks)
  })

  it('that began at another moment than others is looked for together with them', async () => {
    const { world, client, handle, call } = await startWorkerAndClient()
    const waits: Promise<unknown>[] = []
    for (let count = 0; count < 50; count += 1) {
      waits.push(handle.waitAndGetOutput())
      await world.environment.advanceBy(3)
    }
    await world.environment.advanceBy(10_000)
    const before = client.connection.countOf('get')
    await world.environment.advanceBy(10_000)
    // Every 200 ms, as for one.
    expect(client.connection.countOf('get') - before).toBeLessThanOrEqual(51)
    call(0).returns('done')
    await world.until(Promise.all(waits))
  })

  it('notices within the poll interval what another process finished', async () => {
    const { world, handle, call } = await startWorkerAndClient()
    const waiting = handle.waitAndGetOutput()
    await world.environment.advanceBy(60_000)
    const before = world.environment.monotonic()
    call(0).returns('done')
    await expect(world.until(waiting)).resolves.toBe('done')
    expect(world.environment.monotonic() - before).toBeLessThanOrEqual(200)
  })

  it('looks soon at first, then less and less often', async () => {
    const { world, client, handle } = await startWorkerAndClient()
    void handle.waitAndGetFinishedExecution().catch(() => undefined)
    await world.environment.advanceBy(150)
    expect(client.connection.countOf('get')).toBeGreaterThanOrEqual(4)
    await world.environment.advanceBy(10_000)
    const before = client.connection.countOf('get')
    await world.environment.advanceBy(10_000)
    expect(client.connection.countOf('get') - before).toBeLessThanOrEqual(51)
  })

  it('looks as seldom as it is told to', async () => {
    const { world, client, handle } = await startWorkerAndClient()
    void handle.waitAndGetFinishedExecution({ pollingIntervalMs: 5000 }).catch(() => undefined)
    await world.environment.advanceBy(20_000)
    const before = client.connection.countOf('get')
    await world.environment.advanceBy(50_000)
    expect(client.connection.countOf('get') - before).toBeLessThanOrEqual(11)
  })

  it('shares its looks with other waits', async () => {
    const { world, client, task } = await startWorkerAndClient()
    const handles: TaskExecutionHandle<string>[] = []
    for (let count = 0; count < 50; count += 1) {
      handles.push(await client.executor.enqueueTask(task, undefined, { sleepMsBeforeRun: LONG }))
    }
    for (const handle of handles) {
      for (let twice = 0; twice < 2; twice += 1) {
        void handle.waitAndGetFinishedExecution().catch(() => undefined)
      }
    }
    await world.environment.advanceBy(1000)
    // One waiter alone looks nine times in a second.
    expect(client.connection.countOf('get')).toBeLessThanOrEqual(12)
  })

  it('resolves for every finished status', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({
      id: 'task',
      timeoutMs: LONG,
      run: (_ctx, error: DurableExecutionError | null) => {
        if (error) throw error
        return 'done'
      },
    })
    const errors = [
      null,
      DurableExecutionError.nonRetryable('no'),
      new DurableExecutionCancelledError(),
    ]
    const statuses = []
    for (const error of errors) {
      const handle = await executor.enqueueTask(task, error)
      statuses.push((await world.until(handle.waitAndGetFinishedExecution())).status)
    }
    expect(statuses).toEqual(['completed', 'failed', 'cancelled'])
  })

  it('for an output throws the error of the execution, in its class', async () => {
    const { world, handle, call } = await startWorkerAndClient()
    call(0).throws(DurableExecutionError.nonRetryable('no such user', { code: 'invalid_input' }))
    const error: unknown = await world.until(handle.waitAndGetOutput()).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(DurableExecutionError)
    expect(error).toMatchObject({ message: 'no such user', code: 'invalid_input' })
  })

  it('goes on while the storage is away', async () => {
    const { world, client, handle, call } = await startWorkerAndClient()
    const waiting = handle.waitAndGetOutput()
    client.connection.cut(fails())
    await world.environment.advanceBy(60_000)
    call(0).returns('done')
    client.connection.mend()
    await expect(world.until(waiting, 10_000)).resolves.toBe('done')
  })

  it('is given up by its signal, with its reason, and the execution goes on', async () => {
    const { world, handle, call, client } = await startWorkerAndClient()
    const controller = new AbortController()
    const reason = new Error('no time')
    const waiting = handle.waitAndGetOutput({ signal: controller.signal })
    const other = handle.waitAndGetOutput()
    await world.environment.advanceBy(1000)
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'running' })
    call(0).returns('done')
    await expect(world.until(other)).resolves.toBe('done')
    const looks = client.connection.countOf('get')
    await world.environment.advanceBy(10_000)
    expect(client.connection.countOf('get')).toBe(looks)
  })

  it('does not begin if its signal was aborted before', async () => {
    const { handle, client } = await startWorkerAndClient()
    const looks = client.connection.countOf('get')
    await expect(handle.waitAndGetOutput({ signal: AbortSignal.abort('enough') })).rejects.toThrow(
      'enough',
    )
    expect(client.connection.countOf('get')).toBe(looks)
  })

  it.each([0, -1, NaN, '5', null])('refuses to look every %j ms', async (pollingIntervalMs) => {
    const { handle } = await startWorkerAndClient()
    const options = { pollingIntervalMs: pollingIntervalMs as number }
    await expect((async () => handle.waitAndGetFinishedExecution(options))()).rejects.toMatchObject(
      { code: 'invalid_options' },
    )
  })

  it('ends when this process cancels, although another one runs the execution', async () => {
    const { world, handle } = await startWorkerAndClient()
    const waiting = handle.waitAndGetFinishedExecution()
    await world.environment.advanceBy(60_000)
    const before = world.environment.monotonic()
    await handle.cancel()
    await expect(world.until(waiting)).resolves.toMatchObject({ status: 'cancelled' })
    expect(world.environment.monotonic()).toBe(before)
  })
})
