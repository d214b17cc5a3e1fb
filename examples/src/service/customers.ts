/** What the shop offers its customers. The work is tasks of the executor server: the shop knows of them their types, and nothing else. */
import { ORPCError, os, type } from '@orpc/server'
import type { TaskClientHandles } from 'durable-execution-orpc-utils/client'
import { DurableExecutionError } from 'durable-execution/errors'

import type { Order } from './business'
import type { ServiceTasks } from './tasks'

export type Customers = ReturnType<typeof createCustomers>

export function createCustomers(tasks: TaskClientHandles<ServiceTasks>) {
  const byId = os.input(type<{ orderId: string }>())
  return {
    /** The order's id is the execution's: a customer who presses the button twice has ordered once. */
    place: os
      .input(type<Order>())
      .handler(({ input }) => tasks.order.enqueue(input, { executionId: input.orderId })),

    status: byId.handler(async ({ input }) => {
      const { status } = await tasks.order.getExecution(input.orderId)
      return status
    }),

    /** Resolves when the order was shipped, with its receipt; however long that takes. */
    receipt: byId.handler(async ({ input, signal }) => {
      try {
        const { receipt, shippedAt } = await tasks.order.waitAndGetOutput(input.orderId, { signal })
        return { receipt, shippedAt }
      } catch (error) {
        if (!(error instanceof DurableExecutionError)) throw error
        // What the customer may know of it.
        throw new ORPCError('UNPROCESSABLE_CONTENT', { message: error.message })
      }
    }),

    cancel: byId.handler(({ input }) => tasks.order.cancel(input.orderId)),

    /** For the staff: a real shop would ask who that is. */
    approve: os.input(type<{ orderId: string; by: string }>()).handler(async ({ input }) => {
      const { orderId, by } = input
      const { status } = await tasks.approval.wakeup(orderId, {
        status: 'completed',
        output: { by },
      })
      return status
    }),
  }
}
