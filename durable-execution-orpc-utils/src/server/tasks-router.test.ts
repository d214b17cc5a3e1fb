import { createRouterClient, os } from '@orpc/server'
import {
  DurableExecutor,
  InMemoryTaskExecutionsStorage,
  TaskExecutionHandle,
} from 'durable-execution'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import type { TasksRouterOptions } from './options'
import { createTasksRouter } from './tasks-router'

function start(options: TasksRouterOptions<Record<never, never>> = {}) {
  const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage(), { logLevel: 'silent' })
  onTestFinished(() => executor.shutdown({ graceMs: 0 }))
  const echo = executor.task({
    id: 'echo_id',
    timeoutMs: 1000,
    run: (_ctx, input: unknown) => input,
  })
  const sleeper = executor.sleepingTask({ id: 'sleeper', timeoutMs: 60_000 })
  const router = createTasksRouter(os, executor, { echo, sleeper }, options)
  return { executor, client: createRouterClient(router) }
}

describe('a router of tasks', () => {
  it('shows authorize each call as it was made', async () => {
    const authorize = vi.fn(() => true)
    const { client } = start({ authorize, executionIdPrefix: () => 'acme:' })
    const target = { taskName: 'echo', executionId: 'a' }
    const options = { executionId: 'a', queue: 'slow' }
    await client.enqueueTask({ taskName: 'echo', input: 1, options })
    await client.getTaskExecution(target)
    const stream = await client.waitForTaskExecution(target)
    await stream.return?.()
    await client.cancelTaskExecution(target)
    await client.enqueueTask({ taskName: 'sleeper', input: 'order 1' })
    const outcome = { status: 'completed', output: 2 } as const
    await client.wakeupSleepingTaskExecution({ taskName: 'sleeper', uniqueId: 'order 1', outcome })
    const call = { ...target, context: {}, input: undefined }
    expect(authorize.mock.calls.map(([shown]: unknown[]) => shown)).toEqual([
      { ...call, action: 'enqueueTask', input: 1, options },
      { ...call, action: 'getTaskExecution' },
      { ...call, action: 'waitForTaskExecution' },
      { ...call, action: 'cancelTaskExecution' },
      {
        ...call,
        action: 'enqueueTask',
        taskName: 'sleeper',
        executionId: undefined,
        input: 'order 1',
        options: undefined,
      },
      {
        ...call,
        action: 'wakeupSleepingTaskExecution',
        taskName: 'sleeper',
        executionId: undefined,
        uniqueId: 'order 1',
        input: outcome,
        outcome,
      },
    ])
  })

  it('says now and again that a wait goes on', async () => {
    const { client } = start({ heartbeatMs: 1 })
    await client.enqueueTask({ taskName: 'echo', input: 1, options: { executionId: 'a' } })
    const stream = await client.waitForTaskExecution({ taskName: 'echo', executionId: 'a' })
    for (let beats = 0; beats < 3; beats += 1) {
      expect(await stream.next()).toEqual({
        done: false,
        value: { type: 'waiting', heartbeatMs: 1 },
      })
    }
    await stream.return?.()
  })

  it('ends the stream of a wait with an error when the executor is shut down', async () => {
    const { executor, client } = start()
    await client.enqueueTask({ taskName: 'echo', input: 1, options: { executionId: 'a' } })
    const stream = await client.waitForTaskExecution({ taskName: 'echo', executionId: 'a' })
    const next = stream.next()
    await executor.shutdown()
    await expect(next).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', status: 503 })
  })

  it('gives a wait up the moment its caller is gone', async () => {
    const { client } = start()
    const wait = vi.spyOn(TaskExecutionHandle.prototype, 'waitAndGetFinishedExecution')
    onTestFinished(() => {
      wait.mockRestore()
    })
    const target = { taskName: 'echo', executionId: 'a' }
    await client.enqueueTask({ taskName: 'echo', options: { executionId: 'a' } })
    const controller = new AbortController()
    const stream = await client.waitForTaskExecution(target, { signal: controller.signal })
    const next = stream.next()
    await vi.waitFor(() => {
      expect(wait).toHaveBeenCalledOnce()
    })
    controller.abort(new Error('Gone'))
    expect(wait.mock.calls[0]?.[0]?.signal?.aborted).toBe(true)
    expect(await next).toEqual({ done: true, value: undefined })
  })

  it('begins nothing for a caller who is gone', async () => {
    const authorize = vi.fn(() => true)
    const { client } = start({ authorize })
    const reason = new Error('Gone')
    const call = client.enqueueTask({ taskName: 'echo' }, { signal: AbortSignal.abort(reason) })
    await expect(call).rejects.toThrow()
    expect(authorize).not.toHaveBeenCalled()
  })

  it('lets go of a caller who goes while the storage is away', async () => {
    const { executor, client } = start()
    const enqueueTask = vi.spyOn(executor, 'enqueueTask').mockReturnValue(new Promise(() => {}))
    const controller = new AbortController()
    const call = client.enqueueTask({ taskName: 'echo' }, { signal: controller.signal })
    await vi.waitFor(() => {
      expect(enqueueTask).toHaveBeenCalled()
    })
    controller.abort(new Error('Gone'))
    await expect(call).rejects.toThrow()
  })

  it.each<[unknown, string]>([
    [
      { authorise: () => true },
      'unknown key "authorise", expected only authorize, executionIdPrefix, heartbeatMs, longestStreamMs',
    ],
    [{ authorize: null }, 'authorize: expected a function, got null'],
    [{ executionIdPrefix: 'acme:' }, 'executionIdPrefix: expected a function, got string'],
    [{ heartbeatMs: 0 }, 'heartbeatMs: expected a number from 1 to 60000, got 0'],
    [
      { heartbeatMs: 50, longestStreamMs: 20 },
      'longestStreamMs: expected a number from 50 to 86400000, got 20',
    ],
  ])('refuses wrong options: %o', (options, problem) => {
    const create = (): unknown => start(options as TasksRouterOptions<Record<never, never>>)
    expect(create).toThrow(`Invalid options of the tasks router: ${problem}`)
    expect(create).toThrow(expect.objectContaining({ code: 'invalid_options' }))
  })

  it('refuses a task of another executor', () => {
    const { executor } = start()
    const other = new DurableExecutor(new InMemoryTaskExecutionsStorage(), { logLevel: 'silent' })
    const task = other.task({ id: 'of_another', timeoutMs: 1, run: () => 1 })
    expect(() => createTasksRouter(os, executor, { task })).toThrow('Task of_another not found')
  })
})
