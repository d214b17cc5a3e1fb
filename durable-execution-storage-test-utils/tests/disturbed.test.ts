/** Users get what they are promised over storages that misbehave. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'

import {
  awayAfter,
  delayed,
  describeJourneys,
  disturbStorage,
  eachAnswerLostOnce,
  everyVerbTwice,
  type Disturbance,
  type StorageUnderTest,
} from '../src/index'

function disturbed(createDisturbance: () => Disturbance): () => StorageUnderTest {
  return () => {
    const storage = new InMemoryTaskExecutionsStorage()
    return {
      storage: disturbStorage(storage, createDisturbance()),
      dump: () => storage.dump(),
    }
  }
}

describeJourneys('every verb runs twice', disturbed(everyVerbTwice))

describeJourneys(
  'each answer is lost once, after the call was done',
  disturbed(() => eachAnswerLostOnce(true)),
)

describeJourneys(
  'each answer is lost once, before the call got there',
  disturbed(() => eachAnswerLostOnce(false)),
)

describeJourneys(
  'calls and answers overtake each other',
  disturbed(() => delayed(1, 6)),
)

describeJourneys(
  'the storage is away for a while',
  disturbed(() => awayAfter(12, 300)),
)
