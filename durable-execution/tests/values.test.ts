/** Inputs and outputs: what is carried, what is too large, and what cannot be stored. */
import { describe, expect, it, vi } from 'vitest'

import { childTask, type DurableExecutorOptions, type Serializer } from '../src/index'
import { createWorld, eventsOf } from './support/world'

const JSON_SERIALIZER: Serializer = {
  serialize: (value) => JSON.stringify(value),
  deserialize: (text) => JSON.parse(text) as unknown,
}

/** Throws what has no message, and nothing that could be made into text. */
function throwOdd(): never {
  throw Object.create(null)
}

async function startEcho(options: DurableExecutorOptions = {}) {
  const world = createWorld()
  const member = await world.start(options)
  const echo = member.executor.task({
    id: 'echo',
    timeoutMs: 1000,
    run: (_ctx, value: unknown) => value,
  })
  const pass = async (value: unknown): Promise<unknown> => {
    const handle = await member.executor.enqueueTask(echo, value)
    return world.until(handle.waitAndGetOutput())
  }
  return { world, ...member, echo, pass }
}

describe('a value', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['nothing within', { a: undefined, b: [null] }],
    ['a date', new Date(1)],
    ['collections', new Map([['a', new Set([1n])]])],
    ['text of every kind', `ä😀\u0000"'\\\u2028 \ud83d`],
    ['numbers that JSON has not', [NaN, -0, Infinity]],
    ['what looks like the stored form of something', { json: {}, meta: { values: ['Date'] } }],
    ['an empty text', ''],
    ['false', false],
  ])('goes in and comes out unchanged: %s', async (_name, value) => {
    const { pass } = await startEcho()
    await expect(pass(value)).resolves.toStrictEqual(value)
  })

  it.each([undefined, null, 0, '', [], { a: [1] }])(
    'goes in and comes out with a serializer that knows only JSON: %j',
    async (value) => {
      const { pass } = await startEcho({ serializer: JSON_SERIALIZER })
      await expect(pass(value)).resolves.toStrictEqual(value)
    },
  )

  it('is undefined where a function returns nothing, in the execution too', async () => {
    const world = createWorld()
    const { executor } = await world.start({ serializer: JSON_SERIALIZER })
    const task = executor.task({ id: 'task', timeoutMs: 1000, run: () => undefined })
    const handle = await executor.enqueueTask(task)
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({ status: 'completed', input: undefined, output: undefined })
  })

  it('is undefined among the children of a parent, with a serializer that knows only JSON', async () => {
    const world = createWorld()
    const { executor } = await world.start({ serializer: JSON_SERIALIZER })
    const child = executor.task({
      id: 'child',
      timeoutMs: 1000,
      run: (_ctx, value: unknown) => value,
    })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      runParent: () => ({
        output: undefined,
        children: [childTask(child, undefined), childTask(child, null)],
      }),
      finalize: ({ output, children }) =>
        [output, ...children.map((one) => (one.status === 'completed' ? one.output : one))].map(
          String,
        ),
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual([
      'undefined',
      'undefined',
      'null',
    ])
  })

  it('is a fresh copy for each attempt', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({
      id: 'task',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 1 },
      run: (ctx, list: string[]) => {
        list.push(`attempt ${ctx.attempt}`)
        if (ctx.attempt === 0) throw new Error('again')
        return list
      },
    })
    const list = ['given']
    const handle = await executor.enqueueTask(task, list)
    list.push('changed after the enqueue')
    await expect(world.until(handle.waitAndGetOutput())).resolves.toEqual(['given', 'attempt 1'])
  })
})

describe('an input', () => {
  const options = { maxSerializedInputDataSize: 50, serializer: JSON_SERIALIZER }

  it('of the limit is taken, of one byte more refused by the enqueue, and nothing is stored', async () => {
    const { world, executor, echo, pass } = await startEcho(options)
    await expect(pass('a'.repeat(48))).resolves.toHaveLength(48)
    const rows = world.storage.dump().length
    const calls = [
      () => executor.enqueueTask(echo, 'a'.repeat(49)),
      () => executor.enqueueTask(echo, '€'.repeat(17)),
      () => executor.enqueueTasks([childTask(echo, 1), childTask(echo, 'a'.repeat(49))]),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ code: 'too_large', isRetryable: false })
      await expect(call()).rejects.toThrow(
        /^Input of task echo is too large: .* raise maxSerializedI/,
      )
    }
    expect(world.storage.dump()).toHaveLength(rows)
  })

  it('of a megabyte goes through by default', async () => {
    const { pass } = await startEcho()
    const text = 'x'.repeat(2 ** 20 - 100)
    await expect(pass(text)).resolves.toBe(text)
  })

  it('that cannot be serialized is refused by the enqueue', async () => {
    const { world, executor, echo } = await startEcho(options)
    for (const input of [
      5n,
      () => 1,
      {
        get a() {
          throw new Error('no')
        },
      },
    ]) {
      await expect(executor.enqueueTask(echo, input)).rejects.toMatchObject({
        code: 'not_serializable',
        isRetryable: false,
      })
    }
    expect(world.storage.dump()).toEqual([])
  })

  it('that cannot be read back fails the execution, and is not retried', async () => {
    const world = createWorld()
    const client = world.add({ serializer: { serialize: () => '{', deserialize: () => 1 } })
    const worker = await world.start({ serializer: JSON_SERIALIZER })
    const run = vi.fn()
    const retryOptions = { maxAttempts: 3 }
    worker.executor.task({ id: 'task', timeoutMs: 1000, retryOptions, run })
    const task = client.executor.task({ id: 'task', timeoutMs: 1000, retryOptions, run })
    const handle = await client.executor.enqueueTask(task, 'in')
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    expect(execution).toMatchObject({
      status: 'failed',
      attempt: 0,
      error: { code: 'not_serializable' },
    })
    expect(run).not.toHaveBeenCalled()
  })
})

describe('an output', () => {
  const retryOptions = { maxAttempts: 3 }

  async function runReturning(value: unknown, options: DurableExecutorOptions = {}) {
    const world = createWorld()
    const { executor, events } = await world.start({ serializer: JSON_SERIALIZER, ...options })
    const run = vi.fn(() => value)
    const task = executor.task({ id: 'task', timeoutMs: 1000, retryOptions, run })
    const handle = await executor.enqueueTask(task)
    return { execution: await world.until(handle.waitAndGetFinishedExecution()), run, events }
  }

  it('that is too large fails the execution, once and for all', async () => {
    const options = { maxSerializedOutputDataSize: 10 }
    const fits = await runReturning('a'.repeat(8), options)
    expect(fits.execution.status).toBe('completed')
    const { execution, run } = await runReturning('a'.repeat(9), options)
    expect(execution).toMatchObject({
      status: 'failed',
      error: { code: 'too_large', isRetryable: false },
    })
    expect(execution).toHaveProperty(
      'error.message',
      expect.stringMatching(/^Output of task task is too large: 11 bytes, of which 10 are allowed/),
    )
    expect(run).toHaveBeenCalledTimes(1)
  })

  it.each([
    ['a big integer', { a: 5n }],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    [
      'an object with a getter that throws',
      {
        get a(): number {
          throw new Error('no')
        },
      },
    ],
    ['an object whose toJSON throws an odd thing', { toJSON: throwOdd }],
  ])(
    'that cannot be serialized fails the execution, once and for all: %s',
    async (_name, value) => {
      const { execution, run, events } = await runReturning(value)
      expect(execution).toMatchObject({ status: 'failed', error: { code: 'not_serializable' } })
      expect(run).toHaveBeenCalledTimes(1)
      expect(eventsOf(events, 'background_error')).toEqual([])
    },
  )

  it('that another serializer cannot read is told where it is read', async () => {
    const { world, executor, pass } = await startEcho()
    await pass('out')
    const odd = world.add({
      serializer: {
        serialize: String,
        deserialize: () => {
          throw new Error('what is this?')
        },
      },
    })
    const task = odd.executor.task({ id: 'echo', timeoutMs: 1000, run: () => 1 })
    const [row] = world.storage.dump()
    const handle = await odd.executor.getTaskExecutionHandle(task, row?.executionId ?? '')
    await expect(handle.getExecution()).rejects.toThrow(/cannot be read back: what is this\?/)
    expect(executor.id).not.toBe(odd.executor.id)
  })
})

describe('a child', () => {
  async function runParentOf(input: unknown, options: DurableExecutorOptions = {}) {
    const world = createWorld()
    const { executor } = await world.start({ serializer: JSON_SERIALIZER, ...options })
    const child = executor.task({
      id: 'child',
      timeoutMs: 1000,
      run: (_ctx, value: unknown) => value,
    })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: 1000,
      retryOptions: { maxAttempts: 3 },
      runParent: (ctx) => ({
        output: ctx.attempt,
        children: [childTask(child, 'small'), childTask(child, input)],
      }),
    })
    const handle = await executor.enqueueTask(parent)
    const execution = await world.until(handle.waitAndGetFinishedExecution())
    return { execution, rows: world.storage.dump() }
  }

  it('with an input that is too large fails its parent, and no child is stored', async () => {
    const { execution, rows } = await runParentOf('a'.repeat(99), {
      maxSerializedInputDataSize: 50,
    })
    expect(execution).toMatchObject({ status: 'failed', attempt: 0, error: { code: 'too_large' } })
    expect(execution).toHaveProperty(
      'error.message',
      expect.stringMatching(/^Input of child 1 \(task child\) is too large/),
    )
    expect(rows).toHaveLength(1)
  })

  it('with an input that cannot be serialized fails its parent, and no child is stored', async () => {
    const { execution, rows } = await runParentOf(5n)
    expect(execution).toMatchObject({ status: 'failed', error: { code: 'not_serializable' } })
    expect(rows).toHaveLength(1)
  })
})
