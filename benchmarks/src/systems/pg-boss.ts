/** pg-boss: batches of a thousand, two workers, woken by NOTIFY. */
import pg from 'pg'
import { PgBoss } from 'pg-boss'

import type { BenchContext } from '../workload'
import { BATCH, batchesOf, Counter, outputOf, type Input, type TaskQueue } from './queue'

const QUEUE = 'bench'

/** Opens it in a schema of its own. */
export async function openPgBoss({ url }: BenchContext): Promise<TaskQueue> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('DROP SCHEMA IF EXISTS pgboss CASCADE')
  await client.end()
  const boss = new PgBoss({ connectionString: url, max: 10, useListenNotify: true })
  boss.on('error', () => undefined)
  await boss.start()
  await boss.createQueue(QUEUE, { notify: true })
  const ended = new Counter()
  const waiting = new Map<string, () => void>()
  return {
    settings:
      'insert 1000 a call, work with batchSize 1000, localConcurrency 2, burstWhenBatchFull, perJobResults, notify, pool 10; a result counts when the handler ends, before it is stored',
    async enqueue(inputs) {
      for (const batch of batchesOf(inputs, BATCH)) {
        await boss.insert(
          QUEUE,
          batch.map((data) => ({ data })),
        )
      }
    },
    async start() {
      const options = {
        batchSize: 1000,
        localConcurrency: 2,
        burstWhenBatchFull: true,
        perJobResults: true,
        pollingIntervalSeconds: 0.5,
      } as const
      await boss.work<Input, unknown, typeof options>(QUEUE, options, async (jobs) => {
        ended.add(jobs.length)
        for (const { id } of jobs) waiting.get(id)?.()
        return jobs.map(({ id, data }) => ({
          id,
          status: 'completed' as const,
          output: outputOf(data),
        }))
      })
    },
    async whenDone(count) {
      await ended.whenAt(count)
      // The ends of the last batches are stored when nothing is active any more.
      const db = boss.getDb()
      for (;;) {
        const { rows } = await db.executeSql(
          `SELECT 1 FROM pgboss.job WHERE name = '${QUEUE}' AND state < 'completed' LIMIT 1`,
        )
        if (rows.length === 0) return
      }
    },
    async roundTrip(input) {
      const id = crypto.randomUUID()
      const done = new Promise<void>((resolve) => {
        waiting.set(id, resolve)
      })
      await boss.send(QUEUE, input, { id })
      await done
      waiting.delete(id)
    },
    close: () => boss.stop({ graceful: false }),
  }
}
