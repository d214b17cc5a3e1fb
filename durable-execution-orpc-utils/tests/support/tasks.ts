/** The tasks of a server: one for every way an execution can go. */
import {
  childTask,
  DurableExecutionCancelledError,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  type DurableExecutor,
} from 'durable-execution'

/** Errors that a task throws, by name. */
const ERRORS = {
  plain: () => new Error('It broke'),
  final: () => DurableExecutionError.nonRetryable('It is over', { code: 'invalid_input' }),
  not_found: () => new DurableExecutionNotFoundError('No such order'),
  cancelled: () => new DurableExecutionCancelledError('Enough'),
  internal: () =>
    new DurableExecutionError('relation "secret" does not exist', {
      isInternal: true,
      isRetryable: false,
    }),
}

/** What runs saw. */
export class Runs {
  /** How often a function of a task was called. */
  readonly calls = new Map<string, number>()
  /** Running functions of `hold`, by input: they end when they are let go, or aborted. */
  readonly held = new Map<string, () => void>()
  readonly aborted: string[] = []

  count(name: string): void {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1)
  }
}

export type TestTasks = ReturnType<typeof defineTasks>

/** Ids of tasks differ from the names that clients know them by. */
export function defineTasks<TTransaction>(executor: DurableExecutor<TTransaction>, runs: Runs) {
  const echo = executor.task({
    id: 'internal_echo',
    timeoutMs: 60_000,
    run: (_ctx, input: unknown) => {
      runs.count('echo')
      return input
    },
  })
  const fail = executor.task({
    id: 'internal_fail',
    timeoutMs: 60_000,
    run: (_ctx, kind: keyof typeof ERRORS) => {
      throw ERRORS[kind]()
    },
  })
  const hold = executor.task({
    id: 'internal_hold',
    timeoutMs: 600_000,
    run: async ({ cancelSignal }, name: string) => {
      runs.count('hold')
      await new Promise<void>((resolve, reject) => {
        runs.held.set(name, resolve)
        cancelSignal.addEventListener('abort', () => {
          runs.aborted.push(name)
          reject(cancelSignal.reason as Error)
        })
      })
      return `${name} was let go`
    },
  })
  const slow = executor.task({
    id: 'internal_slow',
    timeoutMs: 20,
    run: async ({ cancelSignal }) => {
      await new Promise((resolve) => {
        cancelSignal.addEventListener('abort', resolve)
      })
    },
  })
  const family = executor.parentTask({
    id: 'internal_family',
    timeoutMs: 60_000,
    runParent: (_ctx, kinds: (keyof typeof ERRORS)[]) => ({
      output: 'parent',
      children: kinds.map((kind) => childTask(fail, kind)),
    }),
  })
  const strict = executor.parentTask({
    id: 'internal_strict',
    timeoutMs: 60_000,
    runParent: () => ({ output: 'parent', children: [childTask(fail, 'plain')] }),
    finalize: ({ children }) => {
      for (const child of children) if (child.status !== 'completed') throw child.error
      return 'well'
    },
  })
  const approval = executor.sleepingTask<{ by: string }>({
    id: 'internal_approval',
    timeoutMs: 600_000,
  })
  return { echo, fail, hold, slow, family, strict, approval }
}
