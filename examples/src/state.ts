/** Where a run of the demo keeps its state and its index. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export interface StateFolder {
  readonly path: string
  /** The SQLite database with the executions. */
  readonly database: string
  /** One line per start of a task function. */
  readonly startLog: string
}

/** The default: `temp` is ignored by git and removed by `pnpm clean`. */
export const DEFAULT_STATE_FOLDER = join(import.meta.dirname, '..', 'temp', 'demo')

const DATABASE = 'state.sqlite'
const START_LOG = 'starts.jsonl'
/** SQLite keeps two files beside a database in use. */
const STATE_FILES = [DATABASE, `${DATABASE}-wal`, `${DATABASE}-shm`, START_LOG]

export const INDEX_JSON = 'index.json'
export const INDEX_PAGE = 'index.html'

/** Makes the folder where it is missing. */
export function openStateFolder(path: string): StateFolder {
  mkdirSync(path, { recursive: true })
  return { path, database: join(path, DATABASE), startLog: join(path, START_LOG) }
}

/** Removes what an earlier run left, and nothing else. */
export function clearStateFolder({ path }: StateFolder): void {
  for (const name of [...STATE_FILES, INDEX_JSON, INDEX_PAGE]) {
    rmSync(join(path, name), { force: true })
  }
}
