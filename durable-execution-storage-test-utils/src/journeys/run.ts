/** Runs one journey under any test runner, or none. */
import { openStorage, type CreateStorage } from '../storage-under-test'
import { JourneyContext } from './context'
import type { Journey } from './journey'

/**
 * Runs one journey on a fresh storage, and then checks all rows.
 *
 * @throws What shows that users don't get what they are promised.
 */
export async function runJourney({ run }: Journey, createStorage: CreateStorage): Promise<void> {
  const underTest = await openStorage(createStorage)
  try {
    const context = new JourneyContext(underTest)
    try {
      await run(context)
    } finally {
      await context.close()
    }
    await context.expectAllEnded()
  } finally {
    await underTest.close?.()
  }
}
