/** Users get what they are promised on the reference storage. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'

import { describeJourneys } from '../src/index'

describeJourneys('in-memory', () => {
  const storage = new InMemoryTaskExecutionsStorage()
  return { storage, dump: () => storage.dump() }
})
