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
  const isSyncedBySecond =
    (await settingOf(redis, 'appendonly')) === 'yes' &&
    (await settingOf(redis, 'appendfsync')) === 'everysec'
  return {
    settings:
      'addBulk 1000 a call, concurrency 100, results kept, waitUntilFinished by QueueEvents; Redis with appendfsync everysec, for result_synced with appendfsync always; half as many tasks',
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
    async syncEachWrite() {
      if (isSyncedBySecond) await redis.config('SET', 'appendfsync', 'always')
      return isSyncedBySecond
    },
    async close() {
      if (isSyncedBySecond) await redis.config('SET', 'appendfsync', 'everysec')
      redis.disconnect()
      await worker?.close()
      await queueEvents.close()
      await queue.close()
    },
  }
}

async function settingOf(redis: Redis, name: string): Promise<unknown> {
  const answer: unknown = await redis.config('GET', name)
  return Array.isArray(answer) ? answer[1] : undefined
}
