/** Users get what they are promised on the reference storage. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'
import { expect, it } from 'vitest'

import { describeJourneys, runJourney } from '../src/index'

describeJourneys('in-memory', () => {
  const storage = new InMemoryTaskExecutionsStorage()
  return { storage, dump: () => storage.dump() }
})

it('shows what went wrong in a journey, not what went wrong when it was cleaned up', async () => {
  const journey = {
    name: 'broken',
    run: async () => {
      throw new Error('the journey failed')
    },
  }
  const ran = runJourney(journey, () => ({
    storage: new InMemoryTaskExecutionsStorage(),
    close: async () => {
      throw new Error('closing failed')
    },
  }))
  await expect(ran).rejects.toThrow('the journey failed')
})
