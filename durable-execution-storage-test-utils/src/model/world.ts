/** What an operation sees when it decides what to ask for, and the names that random sequences use. */
import type { ExecutionRecord } from 'durable-execution'

import type { SeededRandom } from '../lib/random'
import type { Call } from './call'

/** The state before an operation, as the reference has it. */
export interface World {
  readonly rows: readonly ExecutionRecord[]
  readonly now: number
  /** The calls made so far, the last one at the end. */
  readonly calls: readonly Call[]
}

/** What an operation makes its choices with. */
export interface Choice extends World {
  readonly random: SeededRandom
  /** Makes an id that no other operation makes. */
  readonly newId: () => string
}

/** An executor that mostly dies of what it runs: what it holds is taken over, more than once too. */
export const MORTAL_EXECUTOR = 'executor_3'
const EXECUTORS = ['executor_1', 'executor_2', MORTAL_EXECUTOR] as const
export const QUEUES = ['default', 'other'] as const
export const TASK_IDS = ['task_a', 'task_b'] as const
/** The task id of sequences: their children come one after the other. */
export const SEQUENCE = 'sequence'
/** Few keys, so that they are often taken. */
export const SLEEPING_KEYS = ['key_1', 'key_2', 'key_3'] as const
export const LEASES_MS = [2000, 5000, 15_000] as const

/** One of the executors. */
function anExecutor({ random }: Choice): string {
  return random.oneOf(...EXECUTORS)
}

/** Who calls, with the length of its leases. */
export function aClaimant(choice: Choice): { executorId: string; leaseMs: number } {
  return { executorId: anExecutor(choice), leaseMs: choice.random.oneOf(...LEASES_MS) }
}

/** The children of an execution, finished ones too. */
export function childrenIn(
  rows: readonly ExecutionRecord[],
  executionId: string,
): ExecutionRecord[] {
  return rows.filter(({ parent }) => parent?.executionId === executionId)
}
