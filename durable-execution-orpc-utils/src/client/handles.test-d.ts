import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import { os, type AnyRouter, type RouterClient } from '@orpc/server'
import {
  DurableExecutor,
  InMemoryTaskExecutionsStorage,
  type FinishedTaskExecution,
  type Task,
  type TaskExecution,
} from 'durable-execution'
import { describe, expectTypeOf, it } from 'vitest'

import { createTasksRouter } from '../server'
import { createTaskClientHandles } from './handles'

const executor = new DurableExecutor(new InMemoryTaskExecutionsStorage())
const tasks = {
  resize: executor.task({
    id: 'resize',
    timeoutMs: 1000,
    run: (_ctx, input: { image: string; width?: number }) => ({
      file: input.image,
      at: new Date(),
    }),
  }),
  tick: executor.task({ id: 'tick', timeoutMs: 1000, run: () => 'tock' as const }),
  approval: executor.sleepingTask<{ by: string }>({ id: 'approval', timeoutMs: 1000 }),
  either: {} as Task<string | number, boolean>,
}

interface Caller {
  tenant: string
}

const plain = createTasksRouter(os, executor, tasks)
const withContext = createTasksRouter(os.$context<Caller>(), executor, tasks)
const withMiddleware = createTasksRouter(
  os
    .$context<{ headers: Headers }>()
    .errors({ UNAUTHORIZED: {} })
    .use(({ next }) => next({ context: { tenant: 'acme' } })),
  executor,
  tasks,
  {
    authorize: ({ context }) => {
      expectTypeOf(context.tenant).toEqualTypeOf<string>()
      expectTypeOf(context.headers).toEqualTypeOf<Headers>()
      return true
    },
    executionIdPrefix: ({ tenant }) => `${tenant}:`,
  },
)

const link = new RPCLink({ url: 'http://localhost/rpc' })
const client: RouterClient<typeof plain> = createORPCClient(link)
const handles = createTaskClientHandles<typeof tasks>(client)

describe('types of handles', () => {
  it('have the names of the tasks', () => {
    expectTypeOf<keyof typeof handles>().toEqualTypeOf<'resize' | 'tick' | 'approval' | 'either'>()
    // @ts-expect-error -- There is no such task.
    void handles.resise
  })

  it('take the inputs of the tasks', () => {
    void handles.resize.enqueue({ image: 'cat.jpg' }, { executionId: 'mine', timeoutMs: 5 })
    // @ts-expect-error -- An image is text.
    void handles.resize.enqueue({ image: 1 })
    // @ts-expect-error -- The input is required.
    void handles.resize.enqueue()
    void handles.tick.enqueue()
    void handles.approval.enqueue('order 1')
    // @ts-expect-error -- A sleeping task is enqueued with a text.
    void handles.approval.enqueue(1)
    void handles.either.enqueue(1)
  })

  it('have no transaction and no polling', () => {
    // @ts-expect-error -- A transaction is of the server's process.
    void handles.tick.enqueue(undefined, { transaction: {} })
    // @ts-expect-error -- How often the server looks is its own to say.
    void handles.tick.waitAndGetFinishedExecution('id', { pollingIntervalMs: 1 })
  })

  it('give the outputs of the tasks', () => {
    expectTypeOf(handles.resize.enqueue({ image: '' })).toEqualTypeOf<Promise<string>>()
    expectTypeOf(handles.resize.waitAndGetOutput('id')).toEqualTypeOf<
      Promise<{ file: string; at: Date }>
    >()
    expectTypeOf(handles.tick.waitAndGetFinishedExecution('id')).toEqualTypeOf<
      Promise<FinishedTaskExecution<'tock'>>
    >()
    expectTypeOf(handles.tick.getExecution('id')).toEqualTypeOf<Promise<TaskExecution<'tock'>>>()
    expectTypeOf(handles.tick.cancel('id')).toEqualTypeOf<Promise<void>>()
  })

  it('wake only what may sleep', () => {
    void handles.approval.wakeup('order 1', { status: 'completed', output: { by: 'Ada' } })
    void handles.approval.wakeup('order 1', { status: 'failed', error: new Error('No') })
    // @ts-expect-error -- That is not its output.
    void handles.approval.wakeup('order 1', { status: 'completed', output: 1 })
    // @ts-expect-error -- It takes no text: it is no sleeping task.
    void handles.resize.wakeup
    // @ts-expect-error -- It takes more than texts.
    void handles.either.wakeup
  })

  it('are inferred from the tasks too', () => {
    const named = createTaskClientHandles(client, tasks)
    expectTypeOf(named.tick.waitAndGetOutput('id')).toEqualTypeOf<Promise<'tock'>>()
    // Only the keys are read: a browser has no tasks.
    const names = { resize: 0, tick: 0, approval: 0, either: 0 }
    const typed = createTaskClientHandles<typeof tasks>(client, names)
    expectTypeOf(typed.tick.waitAndGetOutput('id')).toEqualTypeOf<Promise<'tock'>>()
    // @ts-expect-error -- One is missing.
    createTaskClientHandles<typeof tasks>(client, { resize: 0 })
  })
})

describe('types of clients', () => {
  it('come from a router', () => {
    expectTypeOf(plain).toExtend<AnyRouter>()
    expectTypeOf(withMiddleware).toExtend<AnyRouter>()
  })

  it('fit with any context and errors', () => {
    const inner: RouterClient<typeof withMiddleware, { token: string }> = createORPCClient(
      new RPCLink<{ token: string }>({ url: 'http://localhost/rpc' }),
    )
    createTaskClientHandles<typeof tasks>(inner, undefined, { context: { token: 't' } })
    const ofTenant: RouterClient<typeof withContext> = createORPCClient(link)
    createTaskClientHandles<typeof tasks>(ofTenant)
    // @ts-expect-error -- This is no client of the router.
    createTaskClientHandles<typeof tasks>({ enqueueTask: client.enqueueTask })
  })

  it('are part of the whole router of a server', () => {
    const router = { tasks: withContext, ping: os.handler(() => 'pong') }
    expectTypeOf(router).toExtend<AnyRouter>()
    const whole: RouterClient<typeof router> = createORPCClient(link)
    createTaskClientHandles<typeof tasks>(whole.tasks)
  })
})
