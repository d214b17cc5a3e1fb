/** graphile-worker: local queue and batched completion. It deletes what is done and keeps no results. */
import { EventEmitter } from 'node:events'

import { Logger, makeWorkerUtils, run, type Runner, type WorkerEvents } from 'graphile-worker'
import pg from 'pg'

import type { BenchContext } from '../workload'
import { BATCH, batchesOf, Counter, outputOf, type Input, type TaskQueue } from './queue'

/** Opens it in a schema of its own. */
export async function openGraphileWorker({ url }: BenchContext): Promise<TaskQueue> {
  const pool = new pg.Pool({ connectionString: url, max: 30 })
  await pool.query('DROP SCHEMA IF EXISTS graphile_worker CASCADE')
  const logger = new Logger(() => () => undefined)
  const utils = await makeWorkerUtils({ pgPool: pool, logger })
  await utils.migrate()
  const ended = new Counter()
  const waiting = new Map<string, () => void>()
  /** It may end before the answer that tells its id. */
  let lastEnded = ''
  const events: WorkerEvents = new EventEmitter()
  events.on('job:complete', ({ job }) => {
    ended.add()
    const id = String(job.id)
    lastEnded = id
    waiting.get(id)?.()
  })
  let runner: Runner | null = null
  return {
    settings:
      'addJobs 1000 a call, concurrentJobs 100, localQueue.size 1000, completeJobBatchDelay 0, failJobBatchDelay 0, pool 30; results are not kept',
    async enqueue(inputs) {
      for (const batch of batchesOf(inputs, BATCH)) {
        await utils.addJobs(batch.map((payload) => ({ identifier: 'bench', payload })))
      }
    },
    async start() {
      runner = await run({
        pgPool: pool,
        logger,
        events,
        noHandleSignals: true,
        taskList: { bench: async (payload) => void outputOf(payload as Input) },
        preset: {
          worker: {
            concurrentJobs: 100,
            localQueue: { size: 1000 },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
          },
        },
      })
    },
    whenDone: (count) => ended.whenAt(count),
    async roundTrip(input) {
      const job = await utils.addJob('bench', input)
      const id = String(job.id)
      if (lastEnded === id) return
      await new Promise<void>((resolve) => {
        waiting.set(id, resolve)
      })
      waiting.delete(id)
    },
    async close() {
      await runner?.stop()
      await utils.release()
      await pool.end()
    },
  }
}
