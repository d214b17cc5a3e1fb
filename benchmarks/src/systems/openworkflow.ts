/** OpenWorkflow on PostgreSQL. */
import { OpenWorkflow } from 'openworkflow'
import { BackendPostgres } from 'openworkflow/postgres'
import pg from 'pg'

import type { BenchContext } from '../workload'
import { batchesOf, Counter, INPUT, OUTPUT, type TaskQueue } from './queue'

/** Opens it in a schema of its own. */
export async function openOpenWorkflow({ url }: BenchContext): Promise<TaskQueue> {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query('DROP SCHEMA IF EXISTS openworkflow CASCADE')
  await admin.end()
  const backend = await BackendPostgres.connect(url)
  const client = new OpenWorkflow({ backend })
  const ended = new Counter()
  const workflow = client.defineWorkflow<typeof INPUT, typeof OUTPUT>(
    { name: 'bench' },
    async () => {
      ended.add()
      return OUTPUT
    },
  )
  const worker = client.newWorker({ concurrency: 50 })
  return {
    settings: 'concurrency 50; an end counts when the function ends',
    share: 0.05,
    async enqueue(count) {
      for (const length of batchesOf(count, 50)) {
        await Promise.all(Array.from({ length }, () => workflow.run(INPUT)))
      }
    },
    start: () => worker.start(),
    whenDone: (count) => ended.whenAt(count),
    async roundTrip() {
      const handle = await workflow.run(INPUT)
      await handle.result()
    },
    async close() {
      await worker.stop()
      await backend.stop()
    },
  }
}
