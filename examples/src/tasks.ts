/**
 * The tasks of the job:
 *
 *     index_folder ─▶ index_batch (one per 250 files) ─▶ index_file (one per file)
 *          └─ finalize: writes the index    └─ finalize: puts the files' summaries together
 *
 * Client and workers define the same tasks. Only workers, which are started, run them.
 */
import { childTask, type DurableExecutor, type TaskRunContext } from 'durable-execution'

import { summarizeFile } from './file-summary'
import { listFiles } from './files'
import { buildIndex, type BatchSummary, type Totals } from './folder-index'
import { FILES_PER_BATCH } from './settings'
import { writeIndex } from './write-index'

/** What the job is enqueued with. */
export interface Job {
  /** The folder to index, absolute. */
  readonly folder: string
  /** Where the index goes, absolute. */
  readonly outputFolder: string
  readonly mostFiles: number
}

/** What the job completes with: the files themselves are in the index. */
export interface JobResult {
  readonly totals: Totals
  readonly failureCount: number
}

interface Batch {
  readonly folder: string
  readonly paths: readonly string[]
}

/** @param onStart - Called first by every task function, in the process that runs it. */
export function defineTasks<TTransaction>(
  executor: DurableExecutor<TTransaction>,
  onStart: (context: TaskRunContext) => void,
) {
  const indexFile = executor.task({
    id: 'index_file',
    timeoutMs: 10_000,
    // A file may be locked for a moment. What stays unreadable fails, and the index says so.
    retryOptions: { maxAttempts: 2, baseDelayMs: 100 },
    run: (context, { folder, path }: { folder: string; path: string }) => {
      onStart(context)
      return summarizeFile(folder, path, context.cancelSignal)
    },
  })

  const indexBatch = executor.parentTask({
    id: 'index_batch',
    timeoutMs: 10_000,
    runParent: (context, { folder, paths }: Batch) => {
      onStart(context)
      return {
        output: paths,
        children: paths.map((path) => childTask(indexFile, { folder, path })),
      }
    },
    finalize: {
      id: 'index_batch_finalize',
      timeoutMs: 10_000,
      // Sees every child, completed or not, in the order of `children`.
      run: (context, { output: paths, children }): BatchSummary => {
        onStart(context)
        return {
          files: children.flatMap((child) => (child.status === 'completed' ? [child.output] : [])),
          failures: children.flatMap((child, index) =>
            child.status === 'completed'
              ? []
              : [{ path: paths[index] ?? child.executionId, message: child.error.message }],
          ),
        }
      },
    },
  })

  const indexFolder = executor.parentTask({
    id: 'index_folder',
    timeoutMs: 60_000,
    runParent: async (context, { folder, outputFolder, mostFiles }: Job) => {
      onStart(context)
      const { paths } = await listFiles(folder, mostFiles)
      return {
        output: { folder, outputFolder },
        children: inBatches(paths).map((batch) => childTask(indexBatch, { folder, paths: batch })),
      }
    },
    finalize: {
      id: 'index_folder_finalize',
      timeoutMs: 60_000,
      run: async (context, { output, children }): Promise<JobResult> => {
        onStart(context)
        const batches = children.map((child) => {
          // Without a batch the index would look complete and not be.
          if (child.status !== 'completed') throw child.error
          return child.output
        })
        const index = buildIndex(output.folder, batches, new Date())
        await writeIndex(output.outputFolder, index)
        return { totals: index.totals, failureCount: index.failures.length }
      },
    },
  })

  return { indexFile, indexBatch, indexFolder }
}

function inBatches(paths: readonly string[]): string[][] {
  const batches: string[][] = []
  for (let from = 0; from < paths.length; from += FILES_PER_BATCH) {
    batches.push(paths.slice(from, from + FILES_PER_BATCH))
  }
  return batches
}
