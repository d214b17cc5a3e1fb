/** Finds the files of the job. */
import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

import { kindOf } from './kinds'
import { LARGEST_FILE_BYTES } from './settings'

/** The files of a folder, as far as they are indexed. */
export interface FileList {
  /** Relative to the folder, with `/` on every system, in a fixed order. */
  readonly paths: string[]
  /** Whether there are more than the limit. */
  readonly hasMore: boolean
}

/**
 * Lists the Markdown and type declarations below a folder. Links are not followed, and a file with several names (pnpm links the
 * same package into several places) counts once.
 */
export async function listFiles(folder: string, limit: number): Promise<FileList> {
  const paths: string[] = []
  const seen = new Set<string>()
  for await (const path of walk(folder)) {
    if (kindOf(path) === null) continue
    const identity = await identityOf(path)
    if (identity === null || seen.has(identity)) continue
    if (paths.length === limit) return { paths, hasMore: true }
    seen.add(identity)
    paths.push(relative(folder, path).split(sep).join('/'))
  }
  return { paths, hasMore: false }
}

/** All files below a folder, sorted folder by folder, so that the same folder gives the same list. */
async function* walk(folder: string): AsyncGenerator<string> {
  // A folder that is gone, or not for us to read, has no files for us.
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => [])
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    // A link is neither a file nor a directory here.
    if (entry.isFile()) yield path
    else if (entry.isDirectory() && entry.name !== '.git') yield* walk(path)
  }
}

/** What two names of the same file have in common; `null` for a file that is gone or too large. */
async function identityOf(path: string): Promise<string | null> {
  const stats = await lstat(path, { bigint: true }).catch(() => null)
  if (stats === null || stats.size > LARGEST_FILE_BYTES) return null
  return `${stats.dev}:${stats.ino}`
}
