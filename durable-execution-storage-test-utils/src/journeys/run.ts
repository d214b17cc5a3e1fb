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
  const context = new JourneyContext(underTest)
  const runAndCheck = async (): Promise<void> => {
    await closingAfter(
      () => run(context),
      () => context.close(),
    )
    await context.expectAllEnded()
  }
  await closingAfter(runAndCheck, async () => underTest.close?.())
}

/** Closes when the work is over, however. An error of the work is not hidden by what the work has left that can't be closed. */
async function closingAfter(work: () => Promise<void>, close: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
  await close()
}
