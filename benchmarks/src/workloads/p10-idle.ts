/** P10: an executor that has nothing to do, for a minute; and what keeps the process alive after its shutdown. */
import pg from 'pg'

import { startWorker } from '../running/workers'
import { now, pause } from '../stopwatch'
import { openExecutor } from '../systems/durable-execution'
import { scaled, type BenchContext, type Workload } from '../workload'

const IDLE_MS = 60_000

export const idle: Workload = {
  id: 'P10',
  title: 'An idle executor for a minute, with LISTEN/NOTIFY and without push',
  storages: ['pg'],
  systems: ['durable-execution'],
  isLong: true,
  async run(context) {
    const pushed = await idleWith(context, true)
    const polling = await idleWith(context, false)
    const { storage, url } = context
    const worker = await startWorker({ storage, url, options: {} })
    return {
      figures: {
        statements: pushed.statements,
        idle_cpu: pushed.cpu,
        statements_polling: polling.statements,
        idle_cpu_polling: polling.cpu,
        exit: await worker.stop(),
      },
      settings: 'defaults; every statement is counted, by the server',
    }
  },
}

/** Statements a second, and the share of a processor in percent. */
async function idleWith(
  context: BenchContext,
  notify: boolean,
): Promise<{ readonly statements: number; readonly cpu: number }> {
  const { executor, close } = await openExecutor(context, {}, { notify })
  await executor.start()
  // What comes once, at a start, is over.
  await pause(3000)
  const before = await look(context)
  await pause(scaled(context, IDLE_MS, 2000))
  const after = await look(context)
  await close()
  const ms = after.at - before.at
  return {
    // The first look is one of them.
    statements: (1000 * (after.count - before.count - 1)) / ms,
    cpu: (after.cpu - before.cpu) / 10 / ms,
  }
}

/** How many transactions the database has seen: outside of transactions each statement is one. */
async function look({ url }: BenchContext): Promise<{ at: number; count: number; cpu: number }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ count: string }>(
      'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()',
    )
    const { user, system } = process.cpuUsage()
    return { at: now(), count: Number(rows[0]?.count), cpu: user + system }
  } finally {
    await client.end()
  }
}
