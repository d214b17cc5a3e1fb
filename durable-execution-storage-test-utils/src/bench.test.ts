import { InMemoryTaskExecutionsStorage } from 'durable-execution'
import { expect, it } from 'vitest'

import { runStorageBench } from './bench'

it('answers what each workload took by the clock it is given', async () => {
  const storage = new InMemoryTaskExecutionsStorage()
  let now = 0
  const clock = { monotonic: () => (now += 50) }
  const results = await runStorageBench(() => storage, { executions: 25, batchSize: 10, clock })
  expect(results).toHaveLength(5)
  for (const result of results) {
    expect(result).toMatchObject({ executions: 25, durationMs: 50, executionsPerSecond: 500 })
  }
  expect(storage.dump().filter(({ status }) => status === 'completed').length).toBeGreaterThan(75)
  expect(new Set(storage.dump().map(({ status }) => status))).toEqual(
    new Set(['completed', 'waiting_for_children']),
  )
})

it('closes the storage', async () => {
  let closed = 0
  const create = (): { storage: InMemoryTaskExecutionsStorage; close: () => void } => ({
    storage: new InMemoryTaskExecutionsStorage(),
    close: () => {
      closed += 1
    },
  })
  await runStorageBench(create, { executions: 1 })
  expect(closed).toBe(1)
})
