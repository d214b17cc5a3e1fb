/** OpenWorkflow on PostgreSQL. */
import { OpenWorkflow } from 'openworkflow'
import { BackendPostgres } from 'openworkflow/postgres'
import pg from 'pg'

import type { BenchContext } from '../workload'
import { batchesOf, Counter, outputOf, type Input, type TaskQueue } from './queue'

/** Opens it in a schema of its own. */
export async function openOpenWorkflow({ url }: BenchContext): Promise<TaskQueue> {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query('DROP SCHEMA IF EXISTS openworkflow CASCADE')
  await admin.end()
  const backend = await BackendPostgres.connect(url)
  const client = new OpenWorkflow({ backend })
  const ended = new Counter()
  const workflow = client.defineWorkflow<Input, ReturnType<typeof outputOf>>(
    { name: 'bench' },
    async ({ input }) => {
      ended.add()
      return outputOf(input)
    },
  )
  const worker = client.newWorker({ concurrency: 50 })
  return {
    settings: 'concurrency 50; an end counts when the function ends; a twentieth of the tasks',
    share: 0.05,
    async enqueue(inputs) {
      for (const batch of batchesOf(inputs, 50)) {
        await Promise.all(batch.map((input) => workflow.run(input)))
      }
    },
    start: () => worker.start(),
    whenDone: (count) => ended.whenAt(count),
    async roundTrip(input) {
      const handle = await workflow.run(input)
      await handle.result()
    },
    async close() {
      await worker.stop()
      await backend.stop()
    },
  }
}
