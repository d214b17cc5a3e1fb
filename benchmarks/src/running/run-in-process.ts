/** Runs one workload on one system, in a process of its own. */
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

/** No run takes longer, in milliseconds: what hangs is ended. */
const LONGEST_MS = { short: 240_000, long: 30 * 60_000 }

/**
 * Answers what the run measured. Rejects with what the process wrote, if it failed.
 *
 * @param profiles - The folder for a processor profile of the run; none is taken if it is `null`.
 */
export function runInProcess(
  workload: Workload,
  context: BenchContext,
  profiles: string | null,
): Promise<BenchRun> {
  const profiling = profiles === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [workload.id, JSON.stringify(context)], {
      execArgv: [...NODE_OPTIONS, ...CONDITIONS, ...profiling],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const longestMs = LONGEST_MS[workload.isLong === true ? 'long' : 'short']
    const timer = setTimeout(() => child.kill('SIGKILL'), longestMs)
    let errors = ''
    let run: BenchRun | null = null
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = `${errors}${chunk.toString()}`.slice(-4000)
    })
    child.on('message', (message) => {
      run = message as BenchRun
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      if (run) resolve(run)
      else {
        const end = signal ?? `code ${code}`
        reject(new Error(`${workload.id} on ${context.system} ended by ${end}\n${errors}`))
      }
    })
  })
}
