/** The demo from its beginning to its end. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { DurableExecutor, type TaskExecution } from 'durable-execution'

import { openDatabase, type DemoDatabase } from './database'
import { listFiles, type FileList } from './files'
import { number, plural, seconds } from './format'
import { JOB_ID } from './job'
import { UsageError, type DemoOptions } from './options'
import { sayIndex, sayReport } from './report'
import { bold, dim, say, sayTable } from './screen'
import { Session } from './session'
import { FILES_PER_BATCH, LEASE_MS, MOST_FILES } from './settings'
import { clearStateFolder, INDEX_JSON, openStateFolder, type StateFolder } from './state'
import { defineTasks, type Job, type JobResult } from './tasks'

/**
 * Answers whether all went as it must.
 *
 * @param signal - Aborted when the user has had enough: the worker ends in good order.
 * @throws {UsageError}
 */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<boolean> {
  const files = await listFiles(options.folder, MOST_FILES)
  if (files.paths.length === 0) {
    throw new UsageError(
      `There is no Markdown (.md) and no type declaration (.d.ts) below ${options.folder}: give --folder another folder.`,
    )
  }
  const state = openStateFolder(options.stateFolder)
  if (!options.keep) clearStateFolder(state)
  const database = await openDatabase(state.database)
  try {
    return await indexFolder({ options, files, state, database, signal })
  } finally {
    database.close()
  }
}

interface Scene {
  readonly options: DemoOptions
  readonly files: FileList
  readonly state: StateFolder
  readonly database: DemoDatabase
  readonly signal: AbortSignal
}

async function indexFolder(scene: Scene): Promise<boolean> {
  const { options, files, state, database, signal } = scene
  // An executor that is never started is a client: it enqueues and waits, and runs nothing.
  await using client = new DurableExecutor(database.storage, { logLevel: 'error' })
  const tasks = defineTasks(client, () => undefined)
  const job: Job = { folder: options.folder, outputFolder: state.path, mostFiles: MOST_FILES }
  const begunAt = Date.now()
  const handle = await client.enqueueTask(tasks.indexFolder, job, { executionId: JOB_ID })

  // With --keep the job may be an older one: begun, finished, or of another folder.
  const found = await handle.getExecution()
  assertSameFolder(found, scene)
  sayIntroduction(scene)
  if (found.status === 'completed') return sayFinishedBefore(found.finishedAt, state)

  let isFinished = false
  const finished = handle.waitAndGetFinishedExecution({ signal }).finally(() => (isFinished = true))
  // Awaited below; until then a rejection is nobody's.
  finished.catch(() => undefined)
  const session = new Session({
    state,
    database,
    fileCount: files.paths.length,
    isFinished: () => isFinished,
    signal,
  })
  await session.run(options.kill)
  const { finishedAt } = await finished
  await handle.waitAndGetOutput()

  const isGood = sayReport({
    counts: await database.countByStatus(),
    startsBefore: session.startsBefore,
    starts: session.starts(),
    interruptions: session.interruptions,
    isKilled: session.isKilled,
    durationMs: finishedAt.getTime() - begunAt,
  })
  sayIndex(state.path)
  return isGood
}
