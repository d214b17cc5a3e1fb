/**
 * Executions that may kill the process that runs them, because others died with them: one at a time, so that they do not use up
 * the takeovers of their neighbours (G7).
 */
import { DurableExecutionError, toStoredError } from '../errors'
import type { ExecutionRecord } from '../execution/record'
import { SUSPECT_TAKEOVERS } from '../execution/transitions'
import type { HeldClaims } from './held-claims'

/** Whether a claimed execution has lost so many executors that it runs alone among its kind. */
export function isSuspect({ takeovers }: ExecutionRecord): boolean {
  return takeovers >= SUSPECT_TAKEOVERS
}

/** Knows whether a suspect runs in this process. */
export class Suspects {
  private readonly held: HeldClaims
  private readonly executionIds = new Set<string>()

  constructor(held: HeldClaims) {
    this.held = held
  }

  add({ executionId }: ExecutionRecord): void {
    this.executionIds.add(executionId)
  }

  get isRunning(): boolean {
    for (const executionId of this.executionIds) {
      if (!this.held.has(executionId)) this.executionIds.delete(executionId)
    }
    return this.executionIds.size > 0
  }
}

/** Why an execution ends whose executors keep dying. */
export function tooManyTakeovers(record: ExecutionRecord): ReturnType<typeof toStoredError> {
  return toStoredError(
    DurableExecutionError.nonRetryable(
      `Executors running this execution were lost ${record.takeovers} times: its task may kill its process (out of memory, process.exit, a blocked event loop); see maxTakeovers`,
      { code: 'too_many_takeovers' },
    ),
  )
}
