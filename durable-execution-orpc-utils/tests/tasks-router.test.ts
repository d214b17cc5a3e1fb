/** Remote tasks over HTTP: every procedure, and every way an execution ends. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import {
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  DurableExecutionTimedOutError,
  InMemoryTaskExecutionsStorage,
} from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { createTaskClientHandles } from '../src/client'
import { clientOf, handlesOf, serveTasks } from './support/tasks-server'
import { until } from './support/world'

async function thrownBy(promise: Promise<unknown>): Promise<DurableExecutionError> {
  const thrown: unknown = await promise.then(
    () => new Error('Nothing was thrown'),
    (error: unknown) => error,
  )
  if (thrown instanceof DurableExecutionError) return thrown
  throw new Error('Not an error of the suite', { cause: thrown })
}

describe('an enqueue', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'text\n'],
    [
      'an object of many kinds',
      {
        at: new Date('2030-01-01T00:00:00.001Z'),
        map: new Map([['a', new Set([1n, 2n])]]),
        missing: undefined,
        nothing: null,
        list: [undefined, Number.NaN, /a/g],
      },
    ],
  ])('carries %s there and back', async (_name, value) => {
    const { url } = await serveTasks()
    const { echo } = handlesOf(url)
    const id = await echo.enqueue(value)
    expect(await echo.waitAndGetOutput(id)).toEqual(value)
    const execution = await echo.getExecution(id)
    expect(execution).toMatchObject({ status: 'completed', executionId: id })
    expect(execution.input).toEqual(value)
  })

  it('answers an id that nobody can guess, made by the client', async () => {
    const { url } = await serveTasks()
    const id = await handlesOf(url).echo.enqueue(1)
    expect(id).toMatch(/^te_[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  })

  it('gets an id of the router where the caller gives none', async () => {
    const { url } = await serveTasks()
    const client = clientOf(url)
    const { executionId } = await client.enqueueTask({ taskName: 'echo', input: 1 })
    expect(executionId).toMatch(/^te_/)
    expect(await handlesOf(url).echo.waitAndGetOutput(executionId)).toBe(1)
  })

  it('is done once for one id', async () => {
    const { url, runs } = await serveTasks()
    const { echo } = handlesOf(url)
    const options = { executionId: 'order:1' }
    const ids = await Promise.all([1, 2, 3].map(() => echo.enqueue('once', options)))
    expect(ids).toEqual(['order:1', 'order:1', 'order:1'])
    await echo.waitAndGetOutput('order:1')
    expect(await echo.enqueue('again', options)).toBe('order:1')
    expect(await echo.waitAndGetOutput('order:1')).toBe('once')
    expect(runs.calls.get('echo')).toBe(1)
  })

  it('heeds its options', async () => {
    const { url } = await serveTasks()
    const { echo } = handlesOf(url)
    const id = await echo.enqueue(1, {
      sleepMsBeforeRun: 3_600_000,
      timeoutMs: 1234,
      queue: 'slow',
      retryOptions: { maxAttempts: 7 },
    })
    const execution = await echo.getExecution(id)
    expect(execution).toMatchObject({
      status: 'ready',
      sleepMsBeforeRun: 3_600_000,
      timeoutMs: 1234,
      queue: 'slow',
      retryOptions: { maxAttempts: 7, jitter: 0 },
    })
    expect(execution.status === 'ready' && execution.startAt.getTime()).toBeGreaterThan(
      execution.createdAt.getTime(),
    )
  })

  it('carries an input as large as the executor takes, and is refused above', async () => {
    const { url } = await serveTasks({
      executor: {
        maxSerializedInputDataSize: 8 * 2 ** 20,
        maxSerializedOutputDataSize: 8 * 2 ** 20,
      },
    })
    const { echo } = handlesOf(url)
    const large = randomBytes(3 * 2 ** 20).toString('hex')
    const id = await echo.enqueue(large)
    expect(await echo.waitAndGetOutput(id)).toBe(large)
    const error = await thrownBy(echo.enqueue(large + large))
    expect(error).toMatchObject({ code: 'too_large', isRetryable: false })
    expect(error.message).toMatch(
      /^Input of task "echo" is too large: \d+ bytes, of which 8388608 are allowed; store it elsewhere and pass a reference$/,
    )
  })
})

describe('an execution that fails', () => {
  it.each<[kind: 'plain' | 'final' | 'not_found' | 'cancelled', status: string, error: object]>([
    ['plain', 'failed', { message: 'It broke', code: 'generic', isRetryable: true }],
    ['final', 'failed', { message: 'It is over', code: 'invalid_input', isRetryable: false }],
    ['not_found', 'failed', new DurableExecutionNotFoundError('No such order')],
    ['cancelled', 'cancelled', new DurableExecutionCancelledError('Enough')],
  ])('arrives with its error: %s', async (kind, status, error) => {
    const { url } = await serveTasks()
    const { fail } = handlesOf(url)
    const id = await fail.enqueue(kind)
    const execution = await fail.waitAndGetFinishedExecution(id)
    expect(execution).toMatchObject({ status, error })
    expect(execution.status !== 'completed' && execution.error).toBeInstanceOf(
      DurableExecutionError,
    )
    const thrown = await thrownBy(fail.waitAndGetOutput(id))
    expect(thrown).toMatchObject(error)
    expect(thrown.constructor).toBe(
      error instanceof DurableExecutionError ? error.constructor : DurableExecutionError,
    )
  })

  it('by its time-out arrives as timed out', async () => {
    const { url } = await serveTasks()
    const { slow } = handlesOf(url)
    const id = await slow.enqueue(undefined)
    expect(await thrownBy(slow.waitAndGetOutput(id))).toBeInstanceOf(DurableExecutionTimedOutError)
    expect(await slow.getExecution(id)).toMatchObject({ status: 'timed_out' })
  })

  it('in its finalize arrives as such', async () => {
    const { url } = await serveTasks()
    const { strict } = handlesOf(url)
    const id = await strict.enqueue(undefined)
    expect(await strict.waitAndGetFinishedExecution(id)).toMatchObject({
      status: 'finalize_failed',
      error: { message: 'It broke' },
    })
  })

  it('shows the errors of its children within its output', async () => {
    const { url } = await serveTasks()
    const { family } = handlesOf(url)
    const id = await family.enqueue(['plain', 'not_found', 'internal'])
    const { output, children } = await family.waitAndGetOutput(id)
    expect(output).toBe('parent')
    const errors = children.map((child) => (child.status === 'completed' ? null : child.error))
    expect(errors).toEqual([
      expect.any(DurableExecutionError),
      expect.any(DurableExecutionNotFoundError),
      expect.any(DurableExecutionError),
    ])
    expect(errors.map((error) => error?.message)).toEqual([
      'It broke',
      'No such order',
      'Internal error',
    ])
  })

  it('tells nothing of the inside of the server', async () => {
    const { url } = await serveTasks()
    const { fail } = handlesOf(url)
    const execution = await fail.waitAndGetFinishedExecution(await fail.enqueue('internal'))
    expect(execution).toMatchObject({ error: { message: 'Internal error', isInternal: true } })
  })

  it('and waits for its retry shows why', async () => {
    const { url } = await serveTasks()
    const { fail } = handlesOf(url)
    const retryOptions = { maxAttempts: 1, baseDelayMs: 3_600_000 }
    const id = await fail.enqueue('plain', { retryOptions })
    await until('it failed once', async () => (await fail.getExecution(id)).attempt === 1)
    const execution = await fail.getExecution(id)
    expect(execution).toMatchObject({ status: 'ready', prevError: { message: 'It broke' } })
  })
})

describe('a running execution', () => {
  it('is seen running, without who runs it, and cancelled down to its function', async () => {
    const { url, runs } = await serveTasks()
    const { hold } = handlesOf(url)
    const id = await hold.enqueue('a')
    await until('it runs', () => runs.held.has('a'))
    const running = await hold.getExecution(id)
    expect(running.status).toBe('running')
    expect(running).not.toHaveProperty('executorId')
    await hold.cancel(id)
    await until('its function was told', () => runs.aborted.includes('a'))
    expect(await thrownBy(hold.waitAndGetOutput(id))).toBeInstanceOf(DurableExecutionCancelledError)
    await hold.cancel(id)
  })

  it('is waited for by many at once', async () => {
    const { url, runs } = await serveTasks()
    const { hold } = handlesOf(url)
    const id = await hold.enqueue('a')
    const waits = Array.from({ length: 20 }, () => hold.waitAndGetOutput(id))
    await until('it runs', () => runs.held.has('a'))
    runs.held.get('a')?.()
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['a was let go']))
  })

  it('goes on when a wait for it is given up, and the server looks for it no more', async () => {
    const storage = new InMemoryTaskExecutionsStorage()
    const { url, runs } = await serveTasks({ storage })
    // It sees the storage, not the running execution.
    const watcher = await serveTasks({ storage, isStarted: false })
    const { hold } = handlesOf(url)
    const id = await hold.enqueue('a')
    await until('it runs', () => runs.held.has('a'))
    const looks = (): number => watcher.executor.getStats().storage.verbs['get']?.count ?? 0
    const reason = new Error('Enough of it')
    const controller = new AbortController()
    const wait = handlesOf(watcher.url).hold.waitAndGetOutput(id, { signal: controller.signal })
    await until('the server looks for it', () => looks() > 5)
    controller.abort(reason)
    await expect(wait).rejects.toBe(reason)
    let before = -1
    await until('it looks no more', async () => {
      before = looks()
      await sleep(200)
      return looks() === before
    })
    runs.held.get('a')?.()
    expect(await hold.waitAndGetOutput(id)).toBe('a was let go')
  })
})

describe('a sleeping execution', () => {
  it('is woken with an output', async () => {
    const { url } = await serveTasks()
    const { approval } = handlesOf(url)
    const id = await approval.enqueue('order 1')
    const wait = approval.waitAndGetOutput(id)
    const outcome = { status: 'completed', output: { by: 'Ada' } } as const
    const woken = await approval.wakeup('order 1', outcome)
    expect(woken).toMatchObject({ status: 'completed', executionId: id, input: 'order 1' })
    expect(await wait).toEqual({ by: 'Ada' })
    const again = await approval.wakeup('order 1', { status: 'completed', output: { by: 'Bob' } })
    expect(again).toMatchObject({ output: { by: 'Ada' } })
  })

  it('is woken with an error, of which class, code and message arrive', async () => {
    const { url } = await serveTasks()
    const { approval } = handlesOf(url)
    const id = await approval.enqueue('order 1')
    const error = new DurableExecutionNotFoundError('Nobody there')
    await approval.wakeup('order 1', { status: 'failed', error })
    expect(await thrownBy(approval.waitAndGetOutput(id))).toEqual(error)
    await approval.enqueue('order 2')
    const thrown = 'a text'
    const woken = await approval.wakeup('order 2', { status: 'failed', error: thrown })
    expect(woken).toMatchObject({ status: 'failed', error: { message: 'a text' } })
  })

  it('whose unique id is taken is refused', async () => {
    const { url } = await serveTasks()
    const { approval } = handlesOf(url)
    await approval.enqueue('order 1')
    expect(await thrownBy(approval.enqueue('order 1'))).toMatchObject({ code: 'already_exists' })
  })
})

describe('handles', () => {
  it('of given names are these and no others', async () => {
    const { url, tasks } = await serveTasks()
    const handles = createTaskClientHandles(clientOf(url), tasks)
    expect(Object.keys(handles)).toEqual(Object.keys(tasks))
    expect(await handles.echo.waitAndGetOutput(await handles.echo.enqueue(1))).toBe(1)
  })

  it('of any name are the same each time, and can be awaited', async () => {
    const handles = handlesOf('http://127.0.0.1:9')
    expect(handles.echo).toBe(handles.echo)
    expect(await Promise.resolve(handles)).toBe(handles)
  })

  it('say what the server does not have', async () => {
    const { url } = await serveTasks()
    const handles = createTaskClientHandles<Record<string, never>>(clientOf(url))
    const missing = handles['constructor'] as unknown as { cancel(id: string): Promise<void> }
    expect(await thrownBy(missing.cancel('a'))).toEqual(
      new DurableExecutionNotFoundError('Task "constructor" not found'),
    )
  })
})
