/** BullMQ on Redis, which syncs its file once a second. */
import { Queue, QueueEvents, Worker, type Job } from 'bullmq'
import { Redis } from 'ioredis'

import type { BenchContext } from '../workload'
import { BATCH, batchesOf, Counter, outputOf, type Input, type TaskQueue } from './queue'

const QUEUE = 'bench'

/** Opens it on a Redis server that is emptied. */
export async function openBullmq({ redisUrl }: BenchContext): Promise<TaskQueue> {
  if (redisUrl === null) throw new Error('BullMQ needs a Redis server')
  const { hostname, port } = new URL(redisUrl)
  const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null }
  const queue = new Queue(QUEUE, { connection })
  await queue.obliterate({ force: true })
  const queueEvents = new QueueEvents(QUEUE, { connection })
  await queueEvents.waitUntilReady()
  const ended = new Counter()
  let worker: Worker | null = null
  const redis = new Redis(redisUrl)
  const isKept = (await settingOf(redis, 'appendonly')) === 'yes'
  const sync = await settingOf(redis, 'appendfsync')
  return {
    settings: `addBulk 1000 a call, concurrency 100, results kept, waitUntilFinished by QueueEvents; Redis with appendonly ${isKept ? 'yes' : 'no'}, appendfsync ${sync}, for result_synced always; half as many tasks`,
    share: 0.5,
    async enqueue(inputs) {
      for (const batch of batchesOf(inputs, BATCH)) {
        await queue.addBulk(batch.map((data) => ({ name: 'bench', data })))
      }
    },
    async start() {
      worker = new Worker(QUEUE, async (job: Job<Input>) => outputOf(job.data), {
        connection,
        concurrency: 100,
      })
      worker.on('completed', () => {
        ended.add()
      })
      await worker.waitUntilReady()
    },
    whenDone: (count) => ended.whenAt(count),
    async roundTrip(input) {
      const job = await queue.add('bench', input)
      await job.waitUntilFinished(queueEvents)
    },
    async whileSynced(work) {
      if (!isKept || sync === 'unknown') return
      await redis.config('SET', 'appendfsync', 'always')
      try {
        await work()
      } finally {
        await redis.config('SET', 'appendfsync', sync)
      }
    },
    async close() {
      redis.disconnect()
      await worker?.close()
      await queueEvents.close()
      await queue.close()
    },
  }
}

/** A setting of the server, if it tells. */
async function settingOf(redis: Redis, name: string): Promise<string> {
  const answer: unknown = await redis.config('GET', name).catch(() => null)
  return Array.isArray(answer) ? String(answer[1]) : 'unknown'
}
