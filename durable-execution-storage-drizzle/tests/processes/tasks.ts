/** The tasks that the processes of `processes.test.ts` share, and the record of their runs. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

import { childTask, type DurableExecutor, type Task, type TaskRunContext } from 'durable-execution'

/**
 * - `work`: takes a moment and completes
 * - `hold`: goes on until a signal tells it to end
 * - `ignore`: hears no signal, and goes on until the file `release` is there
 */
export type Behaviour = 'work' | 'hold' | 'ignore'

/** Where and how tasks run. */
export interface TaskSettings {
  /** The name of the process. */
  readonly name: string
  readonly behaviour: Behaviour
  /** Each run appends a line to this file. */
  readonly runsFile: string
  readonly releaseFile: string
}

const LONG_MS = 120_000
const RELEASE_LOOK_MS = 10
/** So long that what was started beside a killer is under way. */
const MOMENT_MS = 200

/** One run of a task function. */
export interface Run {
  readonly name: string
  readonly executionId: string
}

/** What a process ran, in the order of the runs. A line is one write at the end of the file, so none is lost or mixed. */
export function readRuns(runsFile: string): Run[] {
  if (!existsSync(runsFile)) return []
  const lines = readFileSync(runsFile, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => {
    const [name = '', executionId = ''] = line.split(' ')
    return { name, executionId }
  })
}

/** The tasks of every process. */
export interface Tasks {
  readonly work: Task<number, string>
  /** Completes after a second. */
  readonly second: Task<undefined, string>
  /** Kills the process that runs it, once it has been running for a moment. */
  readonly killer: Task<undefined, string>
  readonly tree: Task<number, number>
}

/** Defines the tasks on an executor. */
export function defineTasks(executor: DurableExecutor<unknown>, settings: TaskSettings): Tasks {
  const begin = ({ executionId }: TaskRunContext): void => {
    appendFileSync(settings.runsFile, `${settings.name} ${executionId}\n`)
  }
  const work = executor.task({
    id: 'work',
    timeoutMs: LONG_MS,
    run: async (context, index: number) => {
      begin(context)
      await behave(settings, context, index)
      return settings.name
    },
  })
  const second = executor.task({
    id: 'second',
    timeoutMs: LONG_MS,
    run: async (context) => {
      begin(context)
      await pause(1000)
      return settings.name
    },
  })
  const killer = executor.task({
    id: 'killer',
    timeoutMs: LONG_MS,
    run: async (context) => {
      begin(context)
      await pause(MOMENT_MS)
      process.kill(process.pid, 'SIGKILL')
      return 'never'
    },
  })
  const step = executor.task({
    id: 'step',
    timeoutMs: LONG_MS,
    run: async (context, value: number) => {
      begin(context)
      await pause(value % 20)
      return value + 1
    },
  })
  const sequence = executor.sequentialTasks('sequence', [step, step, step])
  const tree = executor.parentTask({
    id: 'tree',
    timeoutMs: LONG_MS,
    runParent: (_context, value: number) => ({
      output: value,
      children: [childTask(sequence, value), childTask(step, value), childTask(sequence, 0)],
    }),
    finalize: ({ children }) =>
      children.reduce(
        (sum, child) => sum + (child.status === 'completed' ? child.output : Number.NaN),
        0,
      ),
  })
  return { work, second, killer, tree }
}

/** What a tree comes to. */
export function sumOfTree(value: number): number {
  return value + 3 + (value + 1) + 3
}

async function behave(
  { behaviour, releaseFile }: TaskSettings,
  { cancelSignal, shutdownSignal }: TaskRunContext,
  index: number,
): Promise<void> {
  switch (behaviour) {
    case 'work':
      await pause(index % 5)
      return
    case 'hold':
      // Listens to both, as functions do that stop at a safe point.
      shutdownSignal.addEventListener('abort', () => undefined, { once: true })
      await new Promise((_resolve, reject) => {
        cancelSignal.addEventListener('abort', () => {
          reject(new Error('told to end'))
        })
      })
      return
    case 'ignore':
      while (!existsSync(releaseFile)) await pause(RELEASE_LOOK_MS)
  }
}
