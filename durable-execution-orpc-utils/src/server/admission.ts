/**
 * What comes before every call: may it be made, whose is it, which task is meant? In this order, so that who is refused learns
 * nothing of what exists.
 */
import { ORPCError } from '@orpc/server'
import type { AnyTask } from 'durable-execution'

import { LONGEST_NAME } from '../wire'
import type { ResolvedRouterOptions, TaskCall } from './options'

/** Tasks by the names that clients call them by. */
export type Tasks = Readonly<Record<string, AnyTask>>

/** A call that may be made. */
export interface Admitted {
  readonly task: AnyTask
  readonly taskName: string
  /** What the ids of the caller's executions begin with in the storage. */
  readonly prefix: string
}

/** The gate of one router. */
export class Admission<TContext> {
  private readonly tasks: ReadonlyMap<string, AnyTask>
  private readonly options: ResolvedRouterOptions<TContext>

  constructor(tasks: Tasks, options: ResolvedRouterOptions<TContext>) {
    // A map has no `__proto__` and no `constructor`.
    this.tasks = new Map(Object.entries(tasks))
    this.options = options
  }

  /** @throws `FORBIDDEN`, `NOT_FOUND`, what `authorize` throws. */
  async admit(call: TaskCall<TContext>): Promise<Admitted> {
    const { authorize, executionIdPrefix } = this.options
    // Not just anything truthy: a forgotten `return` must not let everybody in, nor a promise in a promise.
    const isAllowed: unknown = authorize === undefined || (await authorize(call))
    if (isAllowed !== true) throw new ORPCError('FORBIDDEN', { message: 'Forbidden' })
    const prefix = executionIdPrefix ? checkPrefix(await executionIdPrefix(call.context)) : ''
    const task = this.tasks.get(call.taskName)
    if (!task) {
      throw new ORPCError('NOT_FOUND', {
        message: `Task ${JSON.stringify(call.taskName)} not found`,
        data: { code: 'not_found' },
      })
    }
    return { task, taskName: call.taskName, prefix }
  }
}

/** @throws An error whose message stays on the server: the caller can't help it. */
function checkPrefix(prefix: unknown): string {
  const isText = typeof prefix === 'string' && prefix.length < LONGEST_NAME
  const separator = isText ? prefix.slice(-1) : ''
  if (
    isText &&
    /[^\p{L}\p{N}]/u.test(separator) &&
    prefix.indexOf(separator) === prefix.length - 1
  ) {
    return prefix
  }
  throw new Error(
    `executionIdPrefix: expected text that ends with a separator (no letter or digit) that stands nowhere else in it, such as "acme:", got ${JSON.stringify(prefix)}`,
  )
}
