/** All journeys. */
import { cancelJourneys } from './cancel'
import { chainJourneys } from './chains'
import { crowdJourneys } from './crowds'
import { enqueueJourneys } from './enqueue'
import { executorJourneys } from './executors'
import type { Journey } from './journey'
import { longOutageJourneys } from './long-outage'
import { outageJourneys } from './outages'
import { parentJourneys } from './parents'
import { recursionJourneys } from './recursion'
import { retryJourneys } from './retries'
import { sleepingJourneys } from './sleeping'
import { timeoutJourneys } from './time-outs'

/** Every journey. */
export const journeys: readonly Journey[] = [
  ...enqueueJourneys,
  ...retryJourneys,
  ...timeoutJourneys,
  ...cancelJourneys,
  ...parentJourneys,
  ...recursionJourneys,
  ...chainJourneys,
  ...sleepingJourneys,
  ...crowdJourneys,
  ...executorJourneys,
  ...outageJourneys,
  ...longOutageJourneys,
]
