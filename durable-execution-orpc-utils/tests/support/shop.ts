/** The remote side: procedures of a shop, and what they saw. */
import type { IncomingHttpHeaders } from 'node:http'

import { ORPCError, os, type } from '@orpc/server'
import type { ResponseHeadersPluginContext } from '@orpc/server/plugins'

/** One answer of the procedure `fail`. */
export interface Failure {
  readonly status: number
  readonly code?: string
  readonly message?: string
  readonly data?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Order {
  readonly id: string
  readonly placedAt: Date
  readonly items: Map<string, number>
}

export interface Shipment {
  readonly shippedAt: Date
  readonly parcels: Map<string, Set<string>>
}

/** What the procedures saw. */
export class Seen {
  /** Headers of the requests to `report`. */
  readonly reports: IncomingHttpHeaders[] = []
  /** How often `wait` began, and how often its signal was aborted. */
  waits = 0
  aborts = 0
  /** How many streams of `count` were closed. */
  closedStreams = 0
}

interface ShopContext extends ResponseHeadersPluginContext {
  headers: IncomingHttpHeaders
}

const base = os.$context<ShopContext>()

/** The router of a shop. `failures` are the first answers of `fail`; the next one is good. */
export function createShop(seen: Seen, failures: Failure[] = []) {
  return {
    ship: base
      .input(type<Order>())
      .output(type<Shipment>())
      .handler(({ input }) => ({
        shippedAt: new Date(input.placedAt.getTime() + 1000),
        parcels: new Map([...input.items.keys()].map((item) => [item, new Set([input.id])])),
      })),

    fail: base.handler(({ context }) => {
      const failure = failures.shift()
      if (failure === undefined) return 'well'
      for (const [name, value] of Object.entries(failure.headers ?? {})) {
        context.resHeaders?.set(name, value)
      }
      const { code = 'SOME_CODE', status, message, data } = failure
      throw new ORPCError(code, { status, message, data })
    }),

    pay: base
      .errors({ CARD_DECLINED: { status: 402, data: type<{ card: string }>() } })
      .handler(({ errors }) => {
        throw errors.CARD_DECLINED({ message: 'The card was declined', data: { card: '4242' } })
      }),

    crash: base.handler(() => {
      throw new Error('The password is swordfish')
    }),

    /** Fails at first. */
    report: base.handler(({ context }) => {
      seen.reports.push(context.headers)
      if (seen.reports.length === 1) throw new ORPCError('SERVICE_UNAVAILABLE')
    }),

    /** Goes on until its signal is aborted. */
    wait: base.handler(async ({ signal }) => {
      seen.waits += 1
      await new Promise<void>((resolve) => {
        signal?.addEventListener('abort', () => {
          resolve()
        })
      })
      seen.aborts += 1
    }),

    count: base.handler(async function* () {
      try {
        for (let count = 0; ; count += 1) yield count
      } finally {
        seen.closedStreams += 1
      }
    }),
  }
}

/** The procedures of a shop. */
export type Shop = ReturnType<typeof createShop>
