/** Programs as tasks of an executor: functions that do what their node says, and write down that they did. */
import {
  childTask,
  DurableExecutionError,
  type AnyTask,
  type DurableExecutor,
  type RetryOptions,
  type Task,
  type TaskRunContext,
} from 'durable-execution'

import type { SimulatedHost } from './host'
import {
  childInput,
  type FunctionNode,
  type LoopNode,
  type ParentNode,
  type ProgramNode,
  type Work,
} from './program'
import { digest } from './program-values'

/** What the storage of a simulation refuses to store. */
export const REFUSED = 'REFUSED'

/** For how much longer than it should a run goes on that overruns, in milliseconds. */
const OVERRUN_MS = 20_000

type ProgramTask = Task<unknown, unknown>

/** Defines a node with all below it. Those that `isKnown` leaves out are not defined, nor what is made of them. */
export function defineProgram(
  executor: DurableExecutor,
  host: SimulatedHost,
  node: ProgramNode,
): void {
  new Definer(executor, host).define(node)
}

class Definer {
  private readonly executor: DurableExecutor
  private readonly host: SimulatedHost
  private readonly tasks = new Map<string, ProgramTask>()

  constructor(executor: DurableExecutor, host: SimulatedHost) {
    this.executor = executor
    this.host = host
  }

  define(node: ProgramNode): ProgramTask {
    const known = this.tasks.get(node.id)
    if (known) return known
    const task = this.defineNew(node)
    this.tasks.set(node.id, task)
    return task
  }

  private defineNew(node: ProgramNode): ProgramTask {
    switch (node.kind) {
      case 'function':
        return this.executor.task(this.functionOptions(node))
      case 'parent':
        return this.parent(node)
      case 'sequence': {
        const steps = node.steps.map((step) => this.define(step))
        return this.executor.sequentialTasks(node.id, steps)
      }
      case 'loop':
        return this.loop(node)
      case 'sleeper': {
        const { id, timeoutMs, sleepMsBeforeRun, queue } = node
        return untyped(this.executor.sleepingTask({ id, timeoutMs, sleepMsBeforeRun, queue }))
      }
    }
  }

  private loop({ id, iteration, maxIterations, sleepMsBeforeRun }: LoopNode): ProgramTask {
    const task = this.define(iteration) as Task<unknown, { isDone: true; output: unknown }>
    return this.executor.loopingTask(id, task, maxIterations, sleepMsBeforeRun)
  }

  private parent(node: ParentNode): ProgramTask {
    const options = this.parentOptions(node)
    return options.finalize === undefined
      ? this.executor.parentTask({ ...options, finalize: undefined })
      : this.executor.parentTask({ ...options, finalize: options.finalize })
  }

  private functionOptions(node: FunctionNode) {
    const { iterations } = node
    return {
      ...commonOptions(node),
      run: async (context: TaskRunContext, input: unknown): Promise<unknown> => {
        const output = await runWork(this.host, node, context, input)
        if (iterations === null) return output
        const index = context.parent?.indexInParentChildren ?? 0
        return index + 1 >= iterations ? { isDone: true, output } : { isDone: false, output }
      },
    }
  }

  /** A finalize may be a parent itself, and so on: the types of such a chain can't be written down. */
  private parentOptions(node: ParentNode): ParentOptions {
    const children = node.children.map((child, index) =>
      childTask(this.define(child), childInput(node, index)),
    )
    const { finalize } = node
    return {
      ...commonOptions(node),
      runParent: async (context, input) => {
        const output = await runWork(this.host, node, context, input)
        return { output, children }
      },
      finalize:
        finalize === null
          ? undefined
          : finalize.kind === 'function'
            ? this.functionOptions(finalize)
            : (this.parentOptions(finalize) as never),
    }
  }
}

interface ParentOptions extends ReturnType<typeof commonOptions> {
  runParent: (
    context: TaskRunContext,
    input: unknown,
  ) => Promise<{ output: unknown; children: { task: AnyTask; input?: unknown }[] }>
  finalize: ReturnType<Definer['functionOptions']> | undefined
}

/** A sleeper's input is text, which the types of a program forget. */
function untyped(task: Task<string>): ProgramTask {
  return task as unknown as ProgramTask
}

function commonOptions({ id, queue, work }: FunctionNode | ParentNode): {
  id: string
  timeoutMs: number
  sleepMsBeforeRun: number
  queue: string | undefined
  retryOptions: RetryOptions
} {
  const { timeoutMs, sleepMsBeforeRun, maxAttempts, retryDelayMs } = work
  return {
    id,
    timeoutMs,
    sleepMsBeforeRun,
    queue,
    retryOptions: { maxAttempts, baseDelayMs: retryDelayMs },
  }
}

/** What a run returns. */
export function outputOf(id: string, work: Work, attempt: number, input: unknown): string {
  const isRefused = behaviourOf(work, attempt) === 'refused'
  return `${id}#${attempt}(${digest(input)})${isRefused ? REFUSED : ''}`
}

/** What an attempt does. */
export function behaviourOf(work: Work, attempt: number): Work['behaviours'][number] {
  return work.behaviours[Math.min(attempt, work.behaviours.length - 1)] ?? 'returns'
}

/** What a run that throws throws. */
export function messageOf(id: string, attempt: number): string {
  return `${id}#${attempt} does not work`
}

async function runWork(
  host: SimulatedHost,
  { id, work }: FunctionNode | ParentNode,
  context: TaskRunContext,
  input: unknown,
): Promise<string> {
  const run = host.runStarted(context, digest(input))
  const { attempt, cancelSignal } = context
  const behaviour = behaviourOf(work, attempt)
  const isToDie = host.countRun(context.executionId) <= work.kills
  const heeded = work.heedsSignal ? cancelSignal : undefined
  await host.sleep(work.durationMs, heeded)
  if (isToDie) return host.die(`task ${id}`)
  if (behaviour === 'overruns') await host.sleep(OVERRUN_MS, heeded)
  if (cancelSignal.aborted && work.heedsSignal) {
    run.ended('gave up')
    throw DurableExecutionError.nonRetryable('Gave up')
  }
  if (behaviour === 'throws' || behaviour === 'fails') {
    run.ended('threw')
    throw new DurableExecutionError(messageOf(id, attempt), {
      isRetryable: behaviour === 'throws',
    })
  }
  run.ended(behaviour === 'overruns' ? 'gave up' : 'returned')
  return outputOf(id, work, attempt, input)
}
