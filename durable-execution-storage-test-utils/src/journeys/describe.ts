/** The journeys as Vitest tests. Vitest is an optional peer: see `describeStorage`. */
import type { CreateStorage } from '../storage-under-test'
import { journeys as allJourneys } from './index'
import type { Journey } from './journey'
import { runJourney } from './run'

const vitest = process.env['VITEST'] === undefined ? null : await import('vitest')

/** Options of {@link describeJourneys}. */
export interface DescribeJourneysOptions {
  /** The journeys to run. @default all of them */
  readonly journeys?: readonly Journey[] | undefined
  /** The longest one journey may take, in milliseconds. @default 120000 */
  readonly timeoutMs?: number | undefined
}

/**
 * Adds one Vitest test per journey: a real executor on the storage, from enqueue to end.
 *
 * @example
 * describeJourneys('my storage', () => new MyStorage(':memory:'))
 * @throws If it is called outside Vitest.
 */
export function describeJourneys(
  name: string,
  createStorage: CreateStorage,
  options: DescribeJourneysOptions = {},
): void {
  if (!vitest) throw new Error('describeJourneys works in Vitest only: call runJourney instead')
  const { describe, it } = vitest
  const { journeys = allJourneys, timeoutMs = 120_000 } = options
  describe(name, () => {
    for (const journey of journeys) {
      it(journey.name, { timeout: timeoutMs }, () => runJourney(journey, createStorage))
    }
  })
}
