/** Files and folders that are gone when a test is over, also when it fails. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const directories = new Set<string>()

async function createDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'durable-execution-'))
  directories.add(directory)
  return directory
}

async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
  directories.delete(directory)
}

/**
 * Calls `use` with the path of a new, empty folder, and removes the folder when `use` is over.
 *
 * @throws What `use` throws.
 */
export async function withTemporaryDirectory<T>(
  use: (directory: string) => T | Promise<T>,
): Promise<T> {
  const directory = await createDirectory()
  try {
    return await use(directory)
  } finally {
    await removeDirectory(directory)
  }
}

/**
 * Calls `use` with the path of a file that does not exist yet, in a new folder of its own: whatever a database puts beside it goes
 * with it.
 *
 * @param extension - The end of the file's name. @default '.db'
 * @throws What `use` throws.
 */
export function withTemporaryFile<T>(
  use: (file: string) => T | Promise<T>,
  extension = '.db',
): Promise<T> {
  return withTemporaryDirectory((directory) => use(join(directory, `file${extension}`)))
}

/** Removes what is left of a test that was broken off (by a time-out, say): for an `afterAll`. */
export async function cleanupTemporaryFiles(): Promise<void> {
  await Promise.all([...directories].map(removeDirectory))
}
