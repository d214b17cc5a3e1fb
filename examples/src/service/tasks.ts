/**
 * The tasks of the executor server:
 *
 *     order ─▶ approve_order ─▶ reserve ─▶ charge ─▶ ship
 *                └─ approval (sleeps, for large orders)
 *
 * The last three are procedures of the shop.
 */
import type { RouterClient } from '@orpc/server'
import { childTask, DurableExecutionError, type DurableExecutor } from 'durable-execution'
import { convertProcedureClientToTask } from 'durable-execution-orpc-utils/server'

import type { Business, Order } from './business'

/** More than this somebody has to approve. */
const LARGE_QUANTITY = 5
const APPROVAL_MS = 7 * 24 * 3_600_000

export type ServiceTasks = ReturnType<typeof defineTasks>

/** @returns The tasks that clients may use, by the names they call them by. The shop imports the type of this, and nothing else. */
export function defineTasks<TTransaction>(
  executor: DurableExecutor<TTransaction>,
  business: RouterClient<Business>,
) {
  const remote = {
    timeoutMs: 10_000,
    retryOptions: { maxAttempts: 50, baseDelayMs: 50, delayMultiplier: 2, maxDelayMs: 1000 },
  }
  const reserve = convertProcedureClientToTask(
    executor,
    { id: 'reserve', ...remote },
    business.reserve,
  )
  const charge = convertProcedureClientToTask(
    executor,
    { id: 'charge', ...remote },
    business.charge,
  )
  const ship = convertProcedureClientToTask(executor, { id: 'ship', ...remote }, business.ship)

  const approval = executor.sleepingTask<{ by: string }>({ id: 'approval', timeoutMs: APPROVAL_MS })

  const approveOrder = executor.parentTask({
    id: 'approve_order',
    timeoutMs: 10_000,
    runParent: (_ctx, order: Order) => ({
      output: order,
      children: order.quantity > LARGE_QUANTITY ? [childTask(approval, order.orderId)] : [],
    }),
    finalize: ({ output: order, children }): Order => {
      for (const child of children) {
        if (child.status !== 'completed') {
          throw DurableExecutionError.nonRetryable(`Not approved: ${child.error.message}`)
        }
      }
      return order
    },
  })

  const order = executor.sequentialTasks('order', [approveOrder, reserve, charge, ship])
  return { order, approval }
}
