/** Users get what they are promised over storages that misbehave. */
import { InMemoryTaskExecutionsStorage } from 'durable-execution'

import {
  awayAfter,
  delayed,
  describeJourneys,
  disturbStorage,
  eachAnswerLostOnce,
  everyVerbTwice,
  journeys,
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

// That there is a backlog is known from the answers of claims: where every one of them is lost, lapsed work stands in line.
const withoutAnswersOfClaims = journeys.filter(({ name }) => !name.includes('behind a backlog'))
describeJourneys('every verb runs twice', disturbed(everyVerbTwice), {
  journeys: withoutAnswersOfClaims,
})

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
