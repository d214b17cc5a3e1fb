/** Runs one task by itself, its children faked. */
import {
  DurableExecutor,
  InMemoryTaskExecutionsStorage,
  type FinishedTaskExecution,
  type Task,
  type TaskDefinition,
} from 'durable-execution'

import { refusingFake, type FakeTask } from './fakes'
import { createTestParts, TestExecutor, type TestExecutorOptions } from './test-executor'

/** One run of a fake. */
export interface FakedRun {
  readonly taskId: string
  readonly input: unknown
}

/** What became of a task that was run alone. */
export interface AloneRun<TOutput> {
  /** The finished execution. */
  readonly execution: FinishedTaskExecution<TOutput>
  /** Every run of a fake, in their order. */
  readonly fakedRuns: readonly FakedRun[]
}

/**
 * Runs one task by itself: it and its finalize are the real ones, every other task is what `fakes` says. A child without a fake
 * fails with an error that says so. Retries, delays and time-outs of the task hold, on virtual time.
 *
 * @param define - Defines the task, and the tasks it uses, on the executor it is given. Called twice.
 * @example
 * ```ts
 * const { execution } = await runTaskAlone((executor) => defineTasks(executor).publish, 'cat.jpg', {
 *   fakes: { resize: ({ width }: { width: number }) => ({ file: `${width}.webp` }) },
 * })
 * ```
 */
export async function runTaskAlone<TInput, TOutput>(
  define: (executor: DurableExecutor) => Task<TInput, TOutput>,
  input: NoInfer<TInput>,
  options: TestExecutorOptions = {},
): Promise<AloneRun<TOutput>> {
  const plan = new DefinitionPlan()
  const { id } = define(plan)
  const fakedRuns: FakedRun[] = []
  const fakes = plan.othersThan(id).map((taskId): [string, FakeTask] => {
    const fake: FakeTask = options.fakes?.[taskId] ?? refusingFake(taskId, id)
    const recorded: FakeTask = (childInput, context) => {
      fakedRuns.push({ taskId, input: childInput })
      return fake(childInput, context)
    }
    return [taskId, recorded]
  })
  const executor = new TestExecutor(createTestParts(options.seed), {
    ...options,
    fakes: Object.fromEntries(fakes),
  })
  const task = define(executor)
  await executor.start()
  try {
    const [handle] = await executor.until(executor.enqueueTasks([{ task, input }]))
    const execution = await executor.until(handle.waitAndGetFinishedExecution())
    return { execution, fakedRuns }
  } finally {
    await executor.until(executor.shutdown({ graceMs: 0 }))
  }
}

/** Takes definitions, to see which belong together. */
class DefinitionPlan extends DurableExecutor {
  private readonly groups: (readonly string[])[] = []

  constructor() {
    super(new InMemoryTaskExecutionsStorage(), { logLevel: 'silent' })
  }

  /** Tasks that were not defined together with this one. */
  othersThan(taskId: string): string[] {
    return this.groups.filter((group) => !group.includes(taskId)).flat()
  }

  protected override register(definitions: readonly TaskDefinition[]): void {
    super.register(definitions)
    this.groups.push(definitions.map(({ id }) => id))
  }
}
