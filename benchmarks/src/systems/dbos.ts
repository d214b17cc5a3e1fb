/** DBOS: a queue that polls every 10 ms; results by direct start. */
import { DBOS, DBOSClient } from '@dbos-inc/dbos-sdk'
import pg from 'pg'

import type { BenchContext } from '../workload'
import { batchesOf, Counter, outputOf, type Input, type TaskQueue } from './queue'

const QUEUE = 'bench'

let ended = new Counter()

/** A process registers a workflow once, however often it opens the system. */
const workflow = DBOS.registerWorkflow(
  async (input: Input) => {
    ended.add()
    return outputOf(input)
  },
  { name: 'bench' },
)

/** Opens it in a schema of its own. */
export async function openDbos({ url }: BenchContext): Promise<TaskQueue> {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query('DROP SCHEMA IF EXISTS dbos CASCADE')
  await admin.end()
  ended = new Counter()
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: url,
    systemDatabasePoolSize: 20,
    logLevel: 'error',
    applicationVersion: '1',
  })
  await DBOS.launch()
  const client = await DBOSClient.create({ systemDatabaseUrl: url, systemDatabasePoolSize: 20 })
  const options = { queueName: QUEUE, workflowName: 'bench', appVersion: '1' }
  return {
    settings:
      'DBOSClient.enqueue 50 at once, workerConcurrency 200, polling 10 ms, pool 20; an end counts when the function ends; a tenth of the tasks; round trips by startWorkflow',
    share: 0.1,
    async enqueue(inputs) {
      for (const batch of batchesOf(inputs, 50)) {
        await Promise.all(batch.map((input) => client.enqueue<typeof workflow>(options, input)))
      }
    },
    async start() {
      await DBOS.registerQueue(QUEUE, { workerConcurrency: 200, minPollingIntervalMs: 10 })
    },
    whenDone: (count) => ended.whenAt(count),
    async roundTrip(input) {
      const handle = await DBOS.startWorkflow(workflow)(input)
      await handle.getResult()
    },
    async close() {
      await client.destroy()
      await DBOS.shutdown()
    },
  }
}
