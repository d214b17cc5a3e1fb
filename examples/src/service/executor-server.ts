/**
 * The first process: an executor on the database, and its tasks over HTTP: by oRPC below `/rpc`, for typed clients, and as an OpenAPI
 * below `/api`, for everybody else (`/api/openapi.json` describes it).
 */
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import { OpenAPIGenerator } from '@orpc/openapi'
import { OpenAPIHandler } from '@orpc/openapi/node'
import type { RouterClient } from '@orpc/server'
import { RPCHandler } from '@orpc/server/node'
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4'
import { DurableExecutor } from 'durable-execution'
import { createTasksRouter, keepFailedResponses } from 'durable-execution-orpc-utils/server'

import type { Business } from './business'
import { openStorage } from './database'
import { authenticate, onStop, serve } from './http'
import { executorUrl, readSettings, shopUrl } from './settings'
import { defineTasks } from './tasks'

const settings = readSettings()
const database = await openStorage(settings.databaseUrl, settings.tableName)
const executor = new DurableExecutor(database.storage, {
  // Short, so that nobody waits long for the takeover after a kill. The default is 15 s.
  leaseMs: 3000,
  logLevel: 'error',
})

const business: RouterClient<Business> = createORPCClient(
  new RPCLink({
    url: `${shopUrl(settings)}/business`,
    headers: { authorization: `Bearer ${settings.executorToken}` },
    plugins: [keepFailedResponses()],
  }),
)

const callers = new Map([
  [settings.shopToken, 'shop'],
  [settings.dashboardToken, 'dashboard'],
] as const)

const router = createTasksRouter(authenticate(callers), executor, defineTasks(executor, business), {
  // The dashboard only looks.
  authorize: ({ context, action }) =>
    context.caller === 'shop' || action === 'getTaskExecution' || action === 'waitForTaskExecution',
})

const rpc = new RPCHandler(router)
const openApi = new OpenAPIHandler(router)
const description = await new OpenAPIGenerator({
  schemaConverters: [new ZodToJsonSchemaConverter()],
}).generate(router, {
  info: { title: 'Tasks of the shop', version: '1.0.0' },
  servers: [{ url: `${executorUrl(settings)}/api` }],
  security: [{ bearer: [] }],
  components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
})

await executor.start()
const close = await serve(settings.executorPort, (request, response) => {
  const answer = async (): Promise<void> => {
    if (request.url === '/api/openapi.json') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(description))
      return
    }
    const context = { headers: request.headers }
    const ofRpc = await rpc.handle(request, response, { prefix: '/rpc', context })
    if (ofRpc.matched) return
    const ofOpenApi = await openApi.handle(request, response, { prefix: '/api', context })
    if (!ofOpenApi.matched) response.writeHead(404).end()
  }
  void answer()
})

onStop(async () => {
  // First: waits end, and their callers come again, to whoever is there then.
  await executor.shutdown({ graceMs: 5000 })
  await close()
  await database.close()
})
process.send?.('ready')
