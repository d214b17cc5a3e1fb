/** Tasks that a test replaces by functions of its own. */
import { DurableExecutionError, type TaskDefinition, type TaskRunContext } from 'durable-execution'

/** Stands for a task: what it returns is the task's output, what it throws its error. */
export type FakeTask = (input: never, context: TaskRunContext) => unknown

/** Fakes by the id of the task each stands for. */
export type FakeTasks = Readonly<Record<string, FakeTask>>

/** Sequences and loops have no time-out of their own: their fakes have this, in milliseconds. */
const FAKE_TIMEOUT_MS = 60_000

/** A task as its fake: a function, whatever kind it was of. Its options stay. */
export function fakedDefinition(definition: TaskDefinition, fake: FakeTask): TaskDefinition {
  const run = fake as (input: unknown, context: TaskRunContext) => unknown
  return {
    id: definition.id,
    queue: definition.queue,
    retryOptions: definition.retryOptions,
    sleepMsBeforeRun: definition.sleepMsBeforeRun,
    timeoutMs: definition.timeoutMs ?? FAKE_TIMEOUT_MS,
    validateInput: definition.validateInput,
    kind: 'function',
    run: (context, input) => run(input, context),
  }
}

/** Stands for a task that must not run in this test. */
export function refusingFake(taskId: string, aloneTaskId: string): FakeTask {
  return () => {
    throw DurableExecutionError.nonRetryable(
      `Task ${aloneTaskId} is run alone, and its child ${taskId} has no fake: give one in fakes.${taskId}`,
      { code: 'invalid_task' },
    )
  }
}
