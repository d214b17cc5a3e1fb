/** Runs workloads on one system, in a process of their own. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import type { BenchContext, BenchRun, Workload } from '../workload'

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

/** TypeScript, and a garbage collector that can be called. */
const NODE_OPTIONS = ['--import', 'tsx', '--expose-gc']

/** Where packages come from: built, as users get them, unless this process reads them from their sources. */
const CONDITIONS = import.meta.resolve('durable-execution').endsWith('.ts')
  ? ['--conditions=@durable-execution/source']
  : []

/** No run of a workload takes longer, in milliseconds: what hangs is ended. */
const LONGEST_MS = { short: 240_000, long: 30 * 60_000 }

/** A workload and where it runs, as the process is told. */
export interface Job {
  readonly id: string
  readonly context: BenchContext
}

/** What the process tells of each. */
export interface JobAnswer {
  readonly id: string
  readonly run: BenchRun
}

/** What was measured, by workload, and why the rest was not. */
export interface ProcessAnswer {
  readonly runs: ReadonlyMap<string, BenchRun>
  readonly failure: string | null
}

/**
 * Answers what the runs measured, one after the other.
 *
 * @param profiles - The folder for a processor profile of the process; none is taken if it is `null`.
 */
export function runInProcess(
  workloads: readonly Workload[],
  contextOf: () => BenchContext,
  profiles: string | null,
): Promise<ProcessAnswer> {
  const profiling = profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const jobs = workloads.map(({ id }): Job => ({ id, context: contextOf() }))
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [JSON.stringify(jobs)], {
      execArgv: [...NODE_OPTIONS, ...CONDITIONS, ...profiling],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const isLong = workloads.some((workload) => workload.isLong === true)
    const longestMs = LONGEST_MS[isLong ? 'long' : 'short']
    const timer = setTimeout(() => child.kill('SIGKILL'), longestMs * jobs.length)
    let errors = ''
    const runs = new Map<string, BenchRun>()
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = `${errors}${chunk.toString()}`.slice(-4000)
    })
    child.on('message', (message) => {
      const { id, run } = message as JobAnswer
      runs.set(id, run)
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      const isDone = runs.size === jobs.length
      resolve({ runs, failure: isDone ? null : `ended by ${signal ?? `code ${code}`}\n${errors}` })
    })
  })
}
