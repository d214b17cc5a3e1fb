/** The figures of the demo, in one place. */

/** How long a claim lasts without renewal. The default is 15 s; short, so that nobody waits long for the takeover. */
export const LEASE_MS = 2000
/** How many files one worker has in work at once. */
export const CONCURRENT_TASKS = 32
/** Files per batch: well below `maxChildrenPerTaskExecution` (1000 by default). */
export const FILES_PER_BATCH = 250
/** The most files of one job. */
export const MOST_FILES = 3000
/** Larger files are left out. */
export const LARGEST_FILE_BYTES = 2 * 2 ** 20
