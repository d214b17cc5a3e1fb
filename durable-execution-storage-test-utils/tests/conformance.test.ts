/** The reference storage keeps every promise of the suite. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'

import { describeStorage } from '../src/index'

describeStorage('in-memory', () => {
  const storage = new InMemoryTaskExecutionsStorage()
  return { storage, dump: () => storage.dump(), close: () => undefined }
})
