/** Sleeping tasks: unique while active, woken from anywhere, free of cost, and ended by their time-out at the latest. */
import { describe, expect, it } from 'vitest'

import {
  childTask,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  type WakeupOptions,
} from '../src/index'
import { losesAnswer } from './support/storage-connection'
import { createWorld, eventsOf, type Member } from './support/world'

const HOUR_MS = 3_600_000

function define({ executor }: Member) {
  const sleeper = executor.sleepingTask<string>({ id: 'sleeper', timeoutMs: HOUR_MS })
  const other = executor.sleepingTask<string>({ id: 'other', timeoutMs: HOUR_MS })
  return { sleeper, other }
}

async function start() {
  const world = createWorld()
  const member = await world.start()
  return { world, ...member, member, ...define(member) }
}

const UP: WakeupOptions<string> = { status: 'completed', output: 'up' }

describe('a sleeping task', () => {
  it('is told from others', async () => {
    const { executor, sleeper } = await start()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => 1 })
    expect(executor.isSleepingTask(sleeper)).toBe(true)
    expect(executor.isSleepingTask(task)).toBe(false)
    const other = createWorld()
      .add()
      .executor.task({ id: 'of_another', timeoutMs: 1, run: () => 1 })
    expect(() => executor.isSleepingTask(other)).toThrow(DurableExecutionNotFoundError)
  })
})

describe('a sleeping execution', () => {
  it('is running, held by nobody, and takes no slot', async () => {
    const { world, executor, sleeper } = await start()
    const handle = await executor.enqueueTask(sleeper, 'key')
    const execution = await handle.getExecution()
    expect(execution).toMatchObject({ status: 'running', input: 'key' })
    expect(execution).not.toHaveProperty('executorId')
    await world.environment.advanceBy(60_000)
    expect(executor.getStats()).toMatchObject({ slots: { taken: 0 }, heldCount: 0 })
  })

  it('completes when it is woken, and the waker sees it', async () => {
    const { world, executor, sleeper } = await start()
    const handle = await executor.enqueueTask(sleeper, 'key')
    const waiting = handle.waitAndGetOutput()
    await world.environment.advanceBy(10_000)
    const before = world.environment.monotonic()
    const woken = await executor.wakeupSleepingTaskExecution(sleeper, 'key', UP)
    expect(woken).toMatchObject({
      status: 'completed',
      output: 'up',
      executionId: handle.getExecutionId(),
    })
    await expect(world.until(waiting)).resolves.toBe('up')
    expect(world.environment.monotonic()).toBe(before)
  })

  it('fails when it is woken so, with the error', async () => {
    const { executor, sleeper } = await start()
    const handle = await executor.enqueueTask(sleeper, 'key')
    const error = DurableExecutionError.retryable('refused', { code: 'invalid_input' })
    await executor.wakeupSleepingTaskExecution(sleeper, 'key', { status: 'failed', error })
    await expect(handle.getExecution()).resolves.toMatchObject({
      status: 'failed',
      error: { message: 'refused', code: 'invalid_input', isRetryable: false },
    })
  })

  it('may be woken with undefined', async () => {
    const { world, executor } = await start()
    const task = executor.sleepingTask<undefined>({ id: 'void', timeoutMs: HOUR_MS })
    const handle = await executor.enqueueTask(task, 'key')
    await executor.wakeupSleepingTaskExecution(task, 'key', {
      status: 'completed',
      output: undefined,
    })
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBeUndefined()
  })

  it('is woken by an executor that only enqueues, and by another process', async () => {
    const { world, executor, sleeper } = await start()
    const client = world.add()
    const atClient = define(client).sleeper
    const handle = await executor.enqueueTask(sleeper, 'key')
    await client.executor.wakeupSleepingTaskExecution(atClient, 'key', UP)
    await expect(world.until(handle.waitAndGetOutput(), 1000)).resolves.toBe('up')
  })

  it('is returned unchanged when it is woken again', async () => {
    const { world, executor, sleeper } = await start()
    await executor.enqueueTask(sleeper, 'key')
    const first = await executor.wakeupSleepingTaskExecution(sleeper, 'key', UP)
    await world.environment.advanceBy(1000)
    const again = await executor.wakeupSleepingTaskExecution(sleeper, 'key', {
      status: 'failed',
      error: new Error('too late'),
    })
    expect(again).toEqual(first)
  })

  it('is woken once by wakers that compete', async () => {
    const { world, executor, sleeper } = await start()
    const handle = await executor.enqueueTask(sleeper, 'key')
    const outputs = await Promise.all(
      ['a', 'b', 'c'].map(async (output) => {
        const woken = await executor.wakeupSleepingTaskExecution(sleeper, 'key', {
          status: 'completed',
          output,
        })
        return woken.status === 'completed' ? woken.output : woken.status
      }),
    )
    expect(new Set(outputs).size).toBe(1)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe(outputs[0])
  })

  it('is woken although the answers were lost, and says what it was woken with', async () => {
    const { world, executor, connection, sleeper } = await start()
    await executor.enqueueTask(sleeper, 'key')
    connection.disturb('wake', losesAnswer, { times: 2 })
    const woken = await world.until(executor.wakeupSleepingTaskExecution(sleeper, 'key', UP))
    expect(woken).toMatchObject({ status: 'completed', output: 'up' })
  })

  it('is unique by its text among the unfinished of its task', async () => {
    const { world, executor, sleeper, other } = await start()
    const first = await executor.enqueueTask(sleeper, 'key')
    const taken = executor.enqueueTask(sleeper, 'key')
    await expect(taken).rejects.toMatchObject({ code: 'already_exists', isRetryable: false })
    await expect(taken).rejects.toThrow(first.getExecutionId())
    await executor.enqueueTask(other, 'key')
    await executor.enqueueTask(sleeper, 'another key')
    await executor.wakeupSleepingTaskExecution(sleeper, 'key', UP)
    const second = await executor.enqueueTask(sleeper, 'key')
    expect(second.getExecutionId()).not.toBe(first.getExecutionId())
    await executor.wakeupSleepingTaskExecution(sleeper, 'key', {
      status: 'completed',
      output: 'second',
    })
    await expect(world.until(second.waitAndGetOutput())).resolves.toBe('second')
    await expect(first.waitAndGetOutput()).resolves.toBe('up')
  })

  it('frees its text however it ends', async () => {
    const { world, executor, sleeper } = await start()
    const ends = [
      () => executor.wakeupSleepingTaskExecution(sleeper, 'key', { status: 'failed', error: 'no' }),
      async () => {
        const [active] = world.storage.dump().filter(({ status }) => status === 'running')
        await (await executor.getTaskExecutionHandle(sleeper, active?.executionId ?? '')).cancel()
      },
      () => world.environment.advanceBy(HOUR_MS + 1000),
      () => executor.wakeupSleepingTaskExecution(sleeper, 'key', UP),
    ]
    const statuses = []
    for (const end of ends) {
      const handle = await executor.enqueueTask(sleeper, 'key')
      await end()
      statuses.push((await handle.getExecution()).status)
    }
    expect(statuses).toEqual(['failed', 'cancelled', 'timed_out', 'completed'])
  })

  it('shows the newest that had finished when it is woken too late', async () => {
    const { world, executor, sleeper } = await start()
    for (const output of ['old', 'new']) {
      await executor.enqueueTask(sleeper, 'key')
      await executor.wakeupSleepingTaskExecution(sleeper, 'key', { status: 'completed', output })
      await world.environment.advanceBy(10)
    }
    const woken = await executor.wakeupSleepingTaskExecution(sleeper, 'key', UP)
    expect(woken).toMatchObject({ output: 'new' })
  })

  it('times out, which is no takeover', async () => {
    const { world, executor, events, sleeper } = await start()
    const handle = await executor.enqueueTask(sleeper, 'key', { timeoutMs: 60_000 })
    await world.environment.advanceBy(59_999)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'running' })
    const execution = await world.until(handle.waitAndGetFinishedExecution(), 500)
    expect(execution).toMatchObject({
      status: 'timed_out',
      takeovers: 0,
      error: { message: 'Sleeping task execution was not woken within 60000 ms' },
    })
    expect(eventsOf(events, 'execution_taken_over')).toEqual([])
  })

  it('falls asleep after its delay, and its time-out begins then', async () => {
    const { world, executor, sleeper } = await start()
    const options = { sleepMsBeforeRun: 30_000, timeoutMs: 60_000 }
    const handle = await executor.enqueueTask(sleeper, 'key', options)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'ready' })
    await world.environment.advanceBy(31_000)
    const asleep = await handle.getExecution()
    expect(asleep).toMatchObject({ status: 'running', takeovers: 0 })
    expect(asleep).not.toHaveProperty('executorId')
    await world.environment.advanceBy(58_000)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'running' })
    await world.environment.advanceBy(3000)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'timed_out' })
  })

  it('may be woken before it fell asleep', async () => {
    const { world, executor, sleeper } = await start()
    const handle = await executor.enqueueTask(sleeper, 'key', { sleepMsBeforeRun: 30_000 })
    await executor.wakeupSleepingTaskExecution(sleeper, 'key', UP)
    await expect(world.until(handle.waitAndGetOutput(), 10)).resolves.toBe('up')
    await world.environment.advanceBy(60_000)
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'completed' })
  })

  it.each(['', 5, null, undefined])(
    'is not enqueued with %j, which is no unique text',
    async (text) => {
      const { executor, sleeper } = await start()
      await expect(executor.enqueueTask(sleeper, text as string)).rejects.toMatchObject({
        code: 'invalid_input',
      })
    },
  )
})

describe('a wake-up', () => {
  it('of what was never enqueued throws not-found', async () => {
    const { executor, sleeper } = await start()
    await expect(executor.wakeupSleepingTaskExecution(sleeper, 'key', UP)).rejects.toBeInstanceOf(
      DurableExecutionNotFoundError,
    )
  })

  it('of a task that is not a sleeping one is refused', async () => {
    const { executor } = await start()
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: (_ctx, text: string) => text })
    await expect(executor.wakeupSleepingTaskExecution(task, 'key', UP)).rejects.toThrow(
      'Task task is not a sleeping task',
    )
  })

  it.each([undefined, null, {}, { status: 'cancelled' }, 'completed'])(
    'with %j, which is no outcome, is refused and wakes nobody',
    async (options) => {
      const { executor, sleeper } = await start()
      const handle = await executor.enqueueTask(sleeper, 'key')
      await expect(
        executor.wakeupSleepingTaskExecution(sleeper, 'key', options as WakeupOptions<string>),
      ).rejects.toMatchObject({ code: 'invalid_input', isRetryable: false })
      await expect(handle.getExecution()).resolves.toMatchObject({ status: 'running' })
    },
  )

  it('with an output that is too large is refused and wakes nobody', async () => {
    const world = createWorld()
    const member = await world.start({ maxSerializedOutputDataSize: 50 })
    const { sleeper } = define(member)
    const handle = await member.executor.enqueueTask(sleeper, 'key')
    await expect(
      member.executor.wakeupSleepingTaskExecution(sleeper, 'key', {
        status: 'completed',
        output: 'x'.repeat(99),
      }),
    ).rejects.toMatchObject({ code: 'too_large' })
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'running' })
  })
})

describe('a sleeping child', () => {
  it('is woken as any other, and its parent goes on at once', async () => {
    const { world, executor, sleeper } = await start()
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({
        output: 1,
        children: [childTask(sleeper, 'a'), childTask(sleeper, 'b')],
      }),
      finalize: ({ children }) =>
        children.map((c) => (c.status === 'completed' ? c.output : c.status)),
    })
    const handle = await executor.enqueueTask(parent)
    await world.environment.untilTrue(() => world.storage.dump().length === 3)
    await executor.wakeupSleepingTaskExecution(sleeper, 'b', UP)
    const client = world.add()
    const before = world.environment.monotonic()
    await client.executor.wakeupSleepingTaskExecution(define(client).sleeper, 'a', {
      status: 'failed',
      error: new Error('no'),
    })
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual(['failed', 'up'])
    expect(world.environment.monotonic() - before).toBeLessThan(500)
  })

  it('has failed where its text is taken, and its parent does not wait for it', async () => {
    const { world, executor, events, sleeper } = await start()
    await executor.enqueueTask(sleeper, 'taken')
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: (_ctx, keys: string[]) => ({
        output: 1,
        children: keys.map((key) => childTask(sleeper, key)),
      }),
      finalize: ({ children }) =>
        children.map((c) => (c.status === 'completed' ? c.output : c.error.code)),
    })
    const alone = await executor.enqueueTask(parent, ['taken'])
    await expect(world.until(alone.waitAndGetOutput(), 1000)).resolves.toEqual(['already_exists'])
    const twice = await executor.enqueueTask(parent, ['taken', 'new', 'new'])
    await world.environment.advanceBy(1000)
    await expect(twice.getExecution()).resolves.toMatchObject({ activeChildrenCount: 1 })
    await executor.wakeupSleepingTaskExecution(sleeper, 'new', UP)
    await expect(world.until(twice.waitAndGetOutput(), 1000)).resolves.toEqual([
      'already_exists',
      'up',
      'already_exists',
    ])
    expect(eventsOf(events, 'execution_taken_over')).toEqual([])
  })

  it('is cancelled with its parent, and its text is free', async () => {
    const { world, executor, sleeper } = await start()
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({ output: 1, children: [childTask(sleeper, 'key')] }),
    })
    const handle = await executor.enqueueTask(parent)
    await world.environment.untilTrue(() => world.storage.dump().length === 2)
    await handle.cancel()
    await expect(executor.enqueueTask(sleeper, 'key')).resolves.toBeDefined()
  })
})
