/** The demo from its beginning to its end. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { DurableExecutor, type FinishedTaskExecution, type TaskExecution } from 'durable-execution'

import { openDatabase } from './database'
import { listFiles, type FileList } from './files'
import { lockStateFolder } from './folder-lock'
import { number, seconds } from './format'
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
  const unlock = lockStateFolder(state)
  try {
    if (!options.keep) clearStateFolder(state)
    return await indexFolder({ options, files, state, signal })
  } finally {
    unlock()
  }
}

interface Scene {
  readonly options: DemoOptions
  readonly files: FileList
  readonly state: StateFolder
  readonly signal: AbortSignal
}

async function indexFolder(scene: Scene): Promise<boolean> {
  const { options, files, state, signal } = scene
  using database = await openDatabase(state.database)
  // An executor that is never started is a client: it enqueues and waits, and runs nothing.
  await using client = new DurableExecutor(database.storage, { logLevel: 'error' })
  const tasks = defineTasks(client, () => undefined)
  const job: Job = { folder: options.folder, outputFolder: state.path, mostFiles: MOST_FILES }
  const begunAt = Date.now()
  const handle = await client.enqueueTask(tasks.indexFolder, job, { executionId: JOB_ID })

  // With --keep the job may be an older one: begun, finished, or of another folder.
  const found = await handle.getExecution()
  assertSameFolder(found, scene)
  sayIntroduction(scene, database.driver)
  if ('finishedAt' in found) return sayFinishedBefore(found, state)

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
  const facts = await session.run(options.kill)
  const { finishedAt } = await finished
  await handle.waitAndGetOutput()

  const isGood = sayReport({
    ...facts,
    counts: await database.countByStatus(),
    durationMs: finishedAt.getTime() - begunAt,
  })
  sayIndex(state.path)
  return isGood
}

function sayIntroduction({ options, files, state }: Scene, driver: string): void {
  const { paths, hasMore } = files
  const batchCount = Math.ceil(paths.length / FILES_PER_BATCH)
  say()
  say(bold('durable-execution: a job that survives a kill'))
  sayTable([
    ['Folder', options.folder],
    [
      'Files',
      `${hasMore ? `the first ${number(MOST_FILES)}; the demo takes no more` : number(paths.length)} (.md and .d.ts)`,
    ],
    [
      'Tasks',
      `1 for the folder, one for each batch of ${FILES_PER_BATCH} (${number(batchCount)}), one for each file, and finalizes`,
    ],
    ['State', `${state.database} (${driver})`],
    ['Lease', `${seconds(LEASE_MS)}, short for a demo: the default is 15 s`],
  ])
  say()
}

/** @throws {UsageError} */
function assertSameFolder({ input }: TaskExecution<JobResult>, { options, state }: Scene): void {
  const { folder } = input as Job
  if (folder === options.folder) return
  throw new UsageError(
    `The state in ${state.path} is that of ${folder}: leave --keep out to start afresh, or give --folder ${folder}.`,
  )
}

/** @throws {UsageError} If there is nothing to show. */
function sayFinishedBefore(job: FinishedTaskExecution<JobResult>, state: StateFolder): boolean {
  if (job.status !== 'completed') {
    throw new UsageError(
      `The job in ${state.path} ended as ${job.status}: ${job.error.message}. Leave --keep out to start afresh.`,
    )
  }
  if (!existsSync(join(state.path, INDEX_JSON))) {
    throw new UsageError(
      `The index is no longer in ${state.path}: leave --keep out to make it again.`,
    )
  }
  const when = job.finishedAt.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
  say(`This job has finished already, on ${when}: nothing is done again.`)
  say(dim('Leave --keep out to start afresh.'))
  sayIndex(state.path)
  return true
}
