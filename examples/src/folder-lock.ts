/** Keeps two demos from working in the same state folder. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { UsageError } from './options'
import type { StateFolder } from './state'

/**
 * Takes the folder for this process. Answers how to give it back.
 *
 * @throws {UsageError} If another demo has it.
 */
export function lockStateFolder({ path }: StateFolder): () => void {
  const file = join(path, 'lock')
  if (!create(file)) {
    const pid = Number(readFileSync(file, 'utf8'))
    if (isAlive(pid)) {
      throw new UsageError(
        `Another demo (process ${pid}) is at work in ${path}: wait for its end, or give --state another folder.`,
      )
    }
    // Left by a demo that was killed.
    writeFileSync(file, String(process.pid))
  }
  return () => rmSync(file, { force: true })
}

/** Answers whether the file was not there before. */
function create(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
