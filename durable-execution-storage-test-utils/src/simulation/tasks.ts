/** A user's own tasks as the work of a simulation. */
import {
  createSuperjsonSerializer,
  type DurableExecutor,
  type ExecutionRecord,
  type StoredError,
  type TaskExecutionStatus,
} from 'durable-execution'

import { SeededRandom } from '../lib/random'
import type { SimulatedHost } from './host'
import type { Plan } from './plan'
import type { SimulatedWork } from './work'

/** An execution that is over. */
export interface EndedExecution {
  readonly taskId: string
  readonly executionId: string
  readonly input: unknown
  readonly status: TaskExecutionStatus
  readonly output: unknown
  readonly error: StoredError | null
  readonly parentExecutionId: string | null
}

/** Tasks of your own, and what is enqueued of them. */
export interface SimulatedTasks {
  /**
   * Defines the tasks, on the executor of each process that is started. What runs takes its time from `host.sleep`: real timers stand
   * still in a simulation, and what waits for them is never done.
   */
  readonly define: (executor: DurableExecutor, host: SimulatedHost) => void
  /** What is enqueued, each at a random moment. One with an id is enqueued again until that is known to have worked. */
  readonly executions: readonly {
    readonly taskId: string
    readonly input?: unknown
    readonly executionId?: string | undefined
  }[]
  /** Answers a sentence for each thing that is wrong when all have ended. */
  readonly check?: ((executions: readonly EndedExecution[]) => readonly string[]) | undefined
}

const serializer = createSuperjsonSerializer()

/** The tasks as work. */
export function tasksWork(
  { define, executions, check }: SimulatedTasks,
  plan: Plan,
): SimulatedWork {
  const random = new SeededRandom(plan.seed ^ 0x9c9c)
  return {
    define: (executor, host) => {
      define(executor, host)
    },
    enqueues: executions.map(({ taskId, input, executionId }) => ({
      taskId,
      input,
      executionId,
      atMs: random.fraction() * plan.chaosMs * 0.7,
      againAtMs:
        executionId !== undefined && random.chance(0.2) ? random.fraction() * plan.chaosMs : null,
    })),
    check: (rows, { history }) => {
      for (const text of check?.(rows.map(endedExecution)) ?? []) history.violated('result', text)
    },
  }
}

function endedExecution(row: ExecutionRecord): EndedExecution {
  const { taskId, executionId, status, error, parent } = row
  return {
    taskId,
    executionId,
    status,
    error,
    input: decode(row.input),
    output: decode(row.output),
    parentExecutionId: parent?.executionId ?? null,
  }
}

function decode(text: string | null): unknown {
  return text === null ? undefined : serializer.deserialize(text)
}
