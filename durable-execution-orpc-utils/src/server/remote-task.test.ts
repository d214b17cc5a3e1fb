import type { Client } from '@orpc/client'
import { createRouterClient, ORPCError, os, type } from '@orpc/server'
import {
  DurableExecutionCancelledError,
  DurableExecutionNotFoundError,
  DurableExecutor,
  InMemoryTaskExecutionsStorage,
  type Task,
  type TaskOptions,
  type TaskRunContext,
} from 'durable-execution'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { convertProcedureClientToTask } from './remote-task'

type Procedure = Client<Record<never, never>, number, unknown, Error>

const taskOptions = { id: 'remote', timeoutMs: 1000 }

/** Takes the place of an executor: what would be run comes back. */
function definedBy(
  procedure: Procedure,
  clientOptions?: Parameters<typeof convertProcedureClientToTask>[3],
): TaskOptions<number, unknown> {
  let defined: unknown
  const task = <TInput, TOutput>(options: TaskOptions<TInput, TOutput>): Task<TInput, TOutput> => {
    defined = options
    return { id: options.id } as Task<TInput, TOutput>
  }
  convertProcedureClientToTask({ task }, taskOptions, procedure, clientOptions)
  return defined as TaskOptions<number, unknown>
}

function contextOf(signal = new AbortController().signal): TaskRunContext {
  const reference = { taskId: 'remote', executionId: 'te_1' }
  return {
    ...reference,
    root: reference,
    attempt: 0,
    cancelSignal: signal,
    shutdownSignal: new AbortController().signal,
  }
}

describe('a converted procedure', () => {
  it('is a task with the given options', () => {
    const { run, ...options } = definedBy(async () => 1)
    expect(options).toEqual(taskOptions)
    expect(run).toBeTypeOf('function')
  })

  it('is called with the input, the client options and the signal of the task', async () => {
    const procedure = vi.fn(async () => 'output')
    const context = contextOf()
    const clientOptions = { context: { token: 't' }, lastEventId: '7' }
    expect(await definedBy(procedure, clientOptions).run(context, 5)).toBe('output')
    expect(procedure).toHaveBeenCalledExactlyOnceWith(5, {
      ...clientOptions,
      signal: context.cancelSignal,
    })
  })

  it('asks a function for the client options of each run', async () => {
    const procedure = vi.fn(async () => 'output')
    const makeOptions = vi.fn(async (context: TaskRunContext) => ({
      context: { attempt: context.attempt },
    }))
    const { run } = definedBy(procedure, makeOptions)
    const context = contextOf()
    await run(context, 5)
    await run({ ...context, attempt: 1 }, 5)
    expect(makeOptions).toHaveBeenCalledTimes(2)
    expect(procedure).toHaveBeenLastCalledWith(5, {
      context: { attempt: 1 },
      signal: context.cancelSignal,
    })
  })

  it('throws what that function throws, untouched', async () => {
    const procedure = vi.fn(async () => 'output')
    const error = new Error('No token today')
    const { run } = definedBy(procedure, () => {
      throw error
    })
    await expect(async () => run(contextOf(), 5)).rejects.toBe(error)
    expect(procedure).not.toHaveBeenCalled()
  })

  it('throws the error of the table', async () => {
    const { run } = definedBy(async () => {
      throw new ORPCError('NOT_FOUND', { message: 'No such order' })
    })
    await expect(run(contextOf(), 5)).rejects.toThrow(
      new DurableExecutionNotFoundError('No such order'),
    )
  })

  it('reads the date of a Retry-After by the clock of this machine if the answer has none', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2030-05-05T12:00:00Z') })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const headers = { 'retry-after': 'Sun, 05 May 2030 12:01:00 GMT' }
    const { run } = definedBy(async () => {
      throw new ORPCError('SERVICE_UNAVAILABLE', { data: { status: 503, headers } })
    })
    await expect(run(contextOf(), 5)).rejects.toMatchObject({ retryAfterMs: 60_000 })
  })

  it('throws the reason of its signal when that aborted the call, whatever the call threw', async () => {
    const reason = new DurableExecutionCancelledError()
    for (const thrown of [reason, new ORPCError('BAD_GATEWAY'), new TypeError('fetch failed')]) {
      const controller = new AbortController()
      const { run } = definedBy(async () => {
        controller.abort(reason)
        throw thrown
      })
      await expect(run(contextOf(controller.signal), 5)).rejects.toBe(reason)
    }
  })

  it('does not begin a call whose signal was aborted before', async () => {
    const procedure = vi.fn(async () => 'output')
    const reason = new DurableExecutionCancelledError()
    const { run } = definedBy(procedure)
    await expect(run(contextOf(AbortSignal.abort(reason)), 5)).rejects.toBe(reason)
    expect(procedure).not.toHaveBeenCalled()
  })

  it('refuses an event iterator and closes it', async () => {
    let isClosed = false
    const iterator: AsyncIterableIterator<number> = {
      [Symbol.asyncIterator]() {
        return iterator
      },
      next: async () => ({ done: false, value: 1 }),
      return: async () => {
        isClosed = true
        return { done: true, value: undefined }
      },
    }
    const { run } = definedBy(async () => iterator)
    await expect(run(contextOf(), 5)).rejects.toThrow(
      expect.objectContaining({ code: 'not_serializable', isRetryable: false }),
    )
    expect(isClosed).toBe(true)
  })
})

describe('a procedure in the same process', () => {
  it('is a task too, also of a builder with a checked input', async () => {
    const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage(), {
      logLevel: 'silent',
    })
    onTestFinished(() => executor.shutdown({ graceMs: 0 }))
    const client = createRouterClient({
      double: os.input(type<number>()).handler(({ input }) => input * 2),
    })
    const task = convertProcedureClientToTask(
      executor.validateInput((text: string) => Number(text)),
      taskOptions,
      client.double,
    )
    await executor.start()
    const handle = await executor.enqueueTask(task, '21')
    expect(await handle.waitAndGetOutput()).toBe(42)
  })
})

describe('wrong arguments', () => {
  const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage(), { logLevel: 'silent' })
  const procedure = async (): Promise<number> => 1
  const options = { id: 'a', timeoutMs: 1 }

  it.each<[given: unknown[], message: string]>([
    [
      [options, {}],
      'Invalid options for task a: procedure: expected a procedure of an oRPC client, got object',
    ],
    [
      [options, procedure, null],
      'Invalid options for task a: clientOptions: expected an object or a function, got null',
    ],
    [
      [options, procedure, 'token'],
      'Invalid options for task a: clientOptions: expected an object or a function, got string',
    ],
    [[{ ...options, id: '' }, procedure], 'Task id cannot be empty'],
    [[{ ...options, timeoutMs: 0 }, procedure], 'Invalid timeout value for task a'],
    [[undefined, procedure], 'Invalid task id: expected text, got undefined'],
  ])('are refused: %o', (given, message) => {
    // Users without types pass anything.
    const convert = (): unknown =>
      Reflect.apply(convertProcedureClientToTask, undefined, [executor, ...given])
    expect(convert).toThrow(message)
    expect(convert).toThrow(expect.objectContaining({ code: 'invalid_task', isRetryable: false }))
  })
})
