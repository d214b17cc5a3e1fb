/**
 * The shop's business procedures. They stay in the shop, beside its data; the executor calls them as durable tasks. A call may come
 * more than once (after a crash, a retry), so each knows by the order's id what it has done.
 */
import { ORPCError, type } from '@orpc/server'

import { authenticate } from './http'

/** What a customer orders. */
export interface Order {
  readonly orderId: string
  readonly item: string
  readonly quantity: number
}

export interface ChargedOrder extends Order {
  readonly receipt: string
}

export interface ShippedOrder extends ChargedOrder {
  readonly shippedAt: Date
}

const PRICE_CENTS = 995

/** The shop's data: a real one has them in its database. */
export class Shop {
  readonly stock = new Map([['kettle', 20]])
  readonly reserved = new Map<string, number>()
  readonly receipts = new Map<string, string>()
  readonly shipments = new Map<string, Date>()
  /** How often a charge was tried: the first fails, as if the bank were overloaded. */
  charges = 0
}

export type Business = ReturnType<typeof createBusiness>

export function createBusiness(shop: Shop, executorToken: string) {
  const base = authenticate(new Map([[executorToken, 'executor']]))
  return {
    reserve: base.input(type<Order>()).handler(({ input }): Order => {
      const { orderId, item, quantity } = input
      if (shop.reserved.has(orderId)) return input
      const left = shop.stock.get(item) ?? 0
      if (left < quantity) throw new ORPCError('CONFLICT', { message: `Only ${left} ${item} left` })
      shop.stock.set(item, left - quantity)
      shop.reserved.set(orderId, quantity)
      return input
    }),

    charge: base.input(type<Order>()).handler(({ input }): ChargedOrder => {
      shop.charges += 1
      if (shop.charges === 1) {
        throw new ORPCError('SERVICE_UNAVAILABLE', { message: 'Bank is busy' })
      }
      const receipt =
        shop.receipts.get(input.orderId) ??
        `${input.quantity * PRICE_CENTS} cents, no. ${shop.receipts.size + 1}`
      shop.receipts.set(input.orderId, receipt)
      return { ...input, receipt }
    }),

    ship: base.input(type<ChargedOrder>()).handler(({ input }): ShippedOrder => {
      const shippedAt = shop.shipments.get(input.orderId) ?? new Date()
      shop.shipments.set(input.orderId, shippedAt)
      return { ...input, shippedAt }
    }),
  }
}
