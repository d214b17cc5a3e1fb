/**
 * The second process: the application. It has no executor and no database of tasks: it enqueues, waits, cancels and wakes over HTTP,
 * and keeps its own business procedures, which the executor calls.
 */
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import type { RouterClient } from '@orpc/server'
import { RPCHandler } from '@orpc/server/node'
import { createTaskClientHandles, keepFailedResponses } from 'durable-execution-orpc-utils/client'
import type { TasksRouter } from 'durable-execution-orpc-utils/server'

import { createBusiness, Shop } from './business'
import { createCustomers } from './customers'
import { onStop, serve } from './http'
import { executorUrl, readSettings } from './settings'
import type { ServiceTasks } from './tasks'

const settings = readSettings()
const client: RouterClient<TasksRouter> = createORPCClient(
  new RPCLink({
    url: `${executorUrl(settings)}/rpc`,
    headers: { authorization: `Bearer ${settings.shopToken}` },
    plugins: [keepFailedResponses()],
  }),
)

const customers = new RPCHandler(createCustomers(createTaskClientHandles<ServiceTasks>(client)))
const business = new RPCHandler(createBusiness(new Shop(), settings.executorToken))

const close = await serve(settings.shopPort, (request, response) => {
  const answer = async (): Promise<void> => {
    const ofCustomers = await customers.handle(request, response, { prefix: '/shop' })
    if (ofCustomers.matched) return
    const context = { headers: request.headers }
    const ofBusiness = await business.handle(request, response, { prefix: '/business', context })
    if (!ofBusiness.matched) response.writeHead(404).end()
  }
  void answer()
})

onStop(close)
process.send?.('ready')
