/** Storages that misbehave: users get what they are promised over each of them. One file each, so that they are tried at once. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'

import { disturbStorage, type Disturbance, type StorageUnderTest } from '../../src/index'

/** The storage in memory under a disturbance. */
export function disturbed(createDisturbance: () => Disturbance): () => StorageUnderTest {
  return () => {
    const storage = new InMemoryTaskExecutionsStorage()
    return {
      storage: disturbStorage(storage, createDisturbance()),
      dump: () => storage.dump(),
    }
  }
}
