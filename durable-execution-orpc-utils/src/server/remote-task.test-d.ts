import type { Client, ORPCError } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import { createRouterClient, os, type, type RouterClient } from '@orpc/server'
import { childTask, type DurableExecutor, type Task, type TaskRunContext } from 'durable-execution'
import { describe, expectTypeOf, it } from 'vitest'

import { keepFailedResponses } from '../keep-failed-responses'
import { convertProcedureClientToTask } from './remote-task'

interface Order {
  id: string
  placedAt: Date
}

const router = {
  ship: os
    .input(type<Order>())
    .output(type<{ parcels: Map<string, number> }>())
    .errors({ SOLD_OUT: { status: 409, data: type<{ left: number }>() } })
    .handler(() => ({ parcels: new Map([['a', 1]]) })),
  nested: { count: os.input(type<{ in: string } | undefined>()).handler(() => 1) },
  ping: os.handler(() => 'pong' as const),
}

interface Tenant {
  tenant: string
}

declare const executor: DurableExecutor<{ commit: () => void }>
const client = createRouterClient(router)
declare const tenantClient: RouterClient<typeof router, Tenant>
declare const optionalClient: RouterClient<typeof router, Partial<Tenant>>

const options = { id: 'remote', timeoutMs: 1000 }

describe('types of convertProcedureClientToTask', () => {
  it('flow from the procedure into the task', () => {
    const ship = convertProcedureClientToTask(executor, options, client.ship)
    expectTypeOf(ship).toEqualTypeOf<Task<Order, { parcels: Map<string, number> }>>()
    const count = convertProcedureClientToTask(executor, options, client.nested.count)
    expectTypeOf(count).toEqualTypeOf<Task<{ in: string } | undefined, number>>()
    const ping = convertProcedureClientToTask(executor, options, client.ping)
    expectTypeOf(ping).toEqualTypeOf<Task<unknown, 'pong'>>()
  })

  it('flow from a client of any making', () => {
    const procedure = {} as Client<
      Record<never, never>,
      number,
      string,
      ORPCError<'GONE', { at: Date }>
    >
    const task = convertProcedureClientToTask(executor, options, procedure)
    expectTypeOf(task).toEqualTypeOf<Task<number, string>>()
  })

  it('hold where the task is used', () => {
    const ship = convertProcedureClientToTask(executor, options, client.ship)
    const count = convertProcedureClientToTask(executor, options, client.nested.count)
    childTask(ship, { id: 'o1', placedAt: new Date(0) })
    childTask(count)
    // @ts-expect-error -- The date of an order is no text.
    childTask(ship, { id: 'o1', placedAt: 'today' })
    // @ts-expect-error -- An order is needed.
    childTask(ship)
  })

  it('take a builder with a checked input: the task takes the raw one, the procedure the checked one', () => {
    const builder = executor.validateInput((id: string) => ({
      id,
      placedAt: new Date(0),
      note: 'more than the procedure asks for',
    }))
    const ship = convertProcedureClientToTask(builder, options, client.ship)
    expectTypeOf(ship).toEqualTypeOf<Task<string, { parcels: Map<string, number> }>>()
    const unchecked = executor.validateInput((input: unknown) => String(input))
    // @ts-expect-error -- A text is no order.
    convertProcedureClientToTask(unchecked, options, client.ship)
  })

  it('ask for the context exactly where the client needs one', () => {
    convertProcedureClientToTask(executor, options, tenantClient.ship, { context: { tenant: 'a' } })
    convertProcedureClientToTask(executor, options, tenantClient.ship, (context) => {
      expectTypeOf(context).toEqualTypeOf<TaskRunContext>()
      return { context: { tenant: context.executionId } }
    })
    convertProcedureClientToTask(executor, options, tenantClient.ship, async () => ({
      context: { tenant: 'a' },
    }))
    convertProcedureClientToTask(executor, options, optionalClient.ship)
    // @ts-expect-error -- The client needs a tenant.
    convertProcedureClientToTask(executor, options, tenantClient.ship)
    // @ts-expect-error -- A tenant is text.
    convertProcedureClientToTask(executor, options, tenantClient.ship, { context: { tenant: 1 } })
    // @ts-expect-error -- A function is held to the same.
    convertProcedureClientToTask(executor, options, tenantClient.ship, () => ({ context: {} }))
  })

  it('leave neither the function nor the signal to the caller', () => {
    // @ts-expect-error -- The function is the call.
    convertProcedureClientToTask(executor, { ...options, run: () => 1 }, client.ship)
    const { signal } = new AbortController()
    // @ts-expect-error -- The signal is the task's.
    convertProcedureClientToTask(executor, options, client.ship, { signal })
  })

  it('refuse what is no procedure', () => {
    // @ts-expect-error -- A router is none.
    convertProcedureClientToTask(executor, options, client.nested)
  })
})

describe('types of keepFailedResponses', () => {
  it('fit a link with any context', () => {
    const url = 'http://localhost/rpc'
    expectTypeOf(new RPCLink({ url, plugins: [keepFailedResponses()] })).toExtend<object>()
    const link = new RPCLink<Tenant>({ url, plugins: [keepFailedResponses()] })
    expectTypeOf(link).toEqualTypeOf<RPCLink<Tenant>>()
  })
})
