/** The journey of executors whose storage is away for longer than their leases last. */
import { childTask, type DurableExecutor, type Task } from 'durable-execution'

import { Latch } from '../lib/latch'
import { same } from '../lib/same'
import { LONG_MS } from './context'
import type { Journey } from './journey'

const LEASE_MS = 2000
const INDEXES = Array.from({ length: 50 }, (_, index) => index)

/** The first half ends while the storage is away, the other when it is back. */
function defineHeld(executor: DurableExecutor, away: Latch, back: Latch): Task<number, number> {
  return executor.task({
    id: 'held',
    timeoutMs: LONG_MS,
    run: async (_context, index: number) => {
      await (index < INDEXES.length / 2 ? away : back).opened
      return index
    },
  })
}

export const longOutageJourneys: readonly Journey[] = [
  {
    name: 'an outage of two leases with 50 functions running runs none twice and counts no takeover',
    run: async (context) => {
      const away = new Latch()
      const back = new Latch()
      const links = [context.link(), context.link()]
      const [first, second] = links.map((link) => context.client({ link, leaseMs: LEASE_MS }))
      if (!first || !second) throw new Error('There are two executors')
      const task = defineHeld(first, away, back)
      // The other would take over what it believes to be left alone.
      defineHeld(second, away, back)
      await Promise.all([first.start(), second.start()])
      const handles = await first.enqueueTasks(INDEXES.map((index) => childTask(task, index)))
      await context.until('all run', () => context.countEvents('execution_started') === 50)
      const cutAt = context.now()
      for (const link of links) link.cut()
      away.open()
      await context.until('two leases are over', () => context.now() - cutAt > 2 * LEASE_MS)
      for (const link of links) link.mend()
      await Promise.all(handles.slice(0, 25).map((handle) => handle.waitAndGetOutput()))
      back.open()
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      same(outputs, INDEXES, 'outputs')
      same(context.countEvents('execution_started'), 50, 'runs')
      const rows = await Promise.all(handles.map((handle) => context.row(handle.getExecutionId())))
      same(new Set(rows.map(({ takeovers }) => takeovers)), new Set([0]), 'takeovers')
    },
  },
]
