/** A day of the shop, as its customers live it: each step says what happened, and throws if it should not have. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import { createORPCClient, safe } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import type { RouterClient } from '@orpc/server'

import { bold, say } from '../screen'
import type { Customers } from './customers'
import type { ServiceProcess } from './processes'
import { executorUrl, shopUrl, type ServiceSettings } from './settings'

export interface Scenario {
  readonly settings: ServiceSettings
  /** Kills the executor server and starts another on the same database. */
  readonly replaceExecutor: () => Promise<ServiceProcess>
}

export async function runScenario({ settings, replaceExecutor }: Scenario): Promise<void> {
  const shop: RouterClient<Customers> = createORPCClient(
    new RPCLink({ url: `${shopUrl(settings)}/shop` }),
  )
  await orderKettles(shop)
  await orderTooMany(shop)
  await changeOnesMind(shop)
  await surviveKill(shop, replaceExecutor)
  await lookFromOutside(settings)
}

type ShopClient = RouterClient<Customers>

async function orderKettles(shop: ShopClient): Promise<void> {
  const order = { orderId: 'order-1', item: 'kettle', quantity: 2 }
  await shop.place(order)
  await shop.place(order)
  const { receipt, shippedAt } = await shop.receipt(order)
  assert.equal(receipt, '1990 cents, no. 1')
  assert(shippedAt instanceof Date)
  say(
    `${bold('order-1')}, placed twice, was charged once, after the bank was busy at first: ${receipt}`,
  )
}

async function orderTooMany(shop: ShopClient): Promise<void> {
  const order = { orderId: 'order-2', item: 'teapot', quantity: 1 }
  await shop.place(order)
  await assert.rejects(shop.receipt(order), /Only 0 teapot left/)
  say(`${bold('order-2')} failed with the shop's own words: Only 0 teapot left`)
}

async function changeOnesMind(shop: ShopClient): Promise<void> {
  const order = { orderId: 'order-3', item: 'kettle', quantity: 10 }
  await shop.place(order)
  const receipt = shop.receipt(order)
  await shop.cancel(order)
  await assert.rejects(receipt, /cancelled/)
  assert.equal(await shop.status(order), 'cancelled')
  say(`${bold('order-3')}, which waited for an approval, was cancelled with all that hung on it`)
}

async function surviveKill(
  shop: ShopClient,
  replaceExecutor: Scenario['replaceExecutor'],
): Promise<void> {
  const order = { orderId: 'order-4', item: 'kettle', quantity: 8 }
  await shop.place(order)
  // Of a customer, through the shop, to the executor server: this stays open.
  const receipt = shop.receipt(order)
  const { pid } = await replaceExecutor()
  say(
    `The executor server was killed in the midst of a wait; another took its place (process ${pid})`,
  )
  const by = 'Ada'
  await approve(shop, { orderId: order.orderId, by })
  assert.equal((await receipt).receipt, '7960 cents, no. 2')
  say(
    `${bold('order-4')} was approved by ${by}; who waited for it got the receipt: 7960 cents, no. 2`,
  )
}

/** The approval falls asleep a moment after the order was placed: until then there is nothing to wake. */
async function approve(shop: ShopClient, approval: { orderId: string; by: string }): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const [error, status] = await safe(shop.approve(approval))
    if (status === 'completed') return
    if (tries === 299) throw error ?? new Error(`The approval is ${status}`)
    await sleep(100)
  }
}

async function lookFromOutside(settings: ServiceSettings): Promise<void> {
  const api = `${executorUrl(settings)}/api`
  const asDashboard = { headers: { authorization: `Bearer ${settings.dashboardToken}` } }
  const description = (await (await fetch(`${api}/openapi.json`)).json()) as { paths: object }
  say(`As OpenAPI the tasks have ${Object.keys(description.paths).length} paths`)

  const execution = await fetch(`${api}/tasks/order/executions/order-4`, asDashboard)
  const { status } = (await execution.json()) as { status: string }
  assert.equal(status, 'completed')
  say(`A dashboard without oRPC sees by it that order-4 is ${status}`)

  const cancel = { method: 'POST', ...asDashboard }
  const refused = await fetch(`${api}/tasks/order/executions/order-4/cancel`, cancel)
  assert.equal(refused.status, 403)
  const unknown = await fetch(`${api}/tasks/order/executions/order-4`)
  assert.equal(unknown.status, 401)
  say('It may not cancel (403), and who has no token may not even look (401)')
}
