/** What users do, at random and many at once: enqueue, wait, wake, cancel, in transactions and without. */
import { setTimeout as pause } from 'node:timers/promises'

import { childTask, type DurableExecutor, type TaskExecutionHandle } from 'durable-execution'

import type { LoadDatabase } from './databases'
import type { LoadTasks } from './tasks'

/** What users of one process have seen. */
export interface Seen {
  readonly enqueuedIds: string[]
  /** Enqueued in transactions that were rolled back. */
  readonly undoneIds: string[]
  /** What a call threw that must not throw. */
  readonly errors: string[]
}

type Handle = TaskExecutionHandle<unknown>
type Action = () => Promise<void>

/** The users of one process. */
export class LoadClient {
  readonly seen: Seen = { enqueuedIds: [], undoneIds: [], errors: [] }
  private readonly executor: DurableExecutor<unknown>
  private readonly database: LoadDatabase
  private readonly tasks: LoadTasks
  private readonly name: string
  private count = 0

  constructor(
    executor: DurableExecutor<unknown>,
    database: LoadDatabase,
    tasks: LoadTasks,
    name: string,
  ) {
    this.executor = executor
    this.database = database
    this.tasks = tasks
    this.name = name
  }

  /** Lets this many users do one thing after the other until the signal is aborted, and what they began to its end. */
  async run(users: number, signal: AbortSignal): Promise<void> {
    const actions: readonly Action[] = [
      () => this.many(),
      () => this.many(),
      () => this.delayed(),
      () => this.ended(this.executor.enqueueTask(this.tasks.flaky, ms())),
      () => this.ended(this.executor.enqueueTask(this.tasks.tree, ms())),
      () => this.ended(this.executor.enqueueTask(this.tasks.sequence, ms())),
      () => this.cancelled(this.executor.enqueueTask(this.tasks.tree, ms())),
      () => this.cancelled(this.executor.enqueueTask(this.tasks.sequence, ms())),
      () => this.cancelled(this.executor.enqueueTask(this.tasks.work, 50)),
      () => this.sleeping(),
      () => this.inTransaction(true),
      () => this.inTransaction(false),
    ]
    const user = async (): Promise<void> => {
      while (!signal.aborted) {
        const action = actions[Math.floor(Math.random() * actions.length)]
        await action?.().catch((error: unknown) => this.seen.errors.push(String(error)))
      }
    }
    await Promise.all(Array.from({ length: users }, user))
  }

  private note(handle: Handle): Handle {
    this.seen.enqueuedIds.push(handle.getExecutionId())
    return handle
  }

  private async ended(enqueued: Promise<Handle>): Promise<void> {
    await this.note(await enqueued).waitAndGetFinishedExecution()
  }

  private async many(): Promise<void> {
    const count = 1 + Math.floor(Math.random() * 20)
    const children = Array.from({ length: count }, () => childTask(this.tasks.work, ms()))
    const handles = await this.executor.enqueueTasks(children)
    for (const handle of handles) this.note(handle)
    await Promise.all(handles.map((handle) => handle.waitAndGetFinishedExecution()))
  }

  private delayed(): Promise<void> {
    return this.ended(this.executor.enqueueTask(this.tasks.work, ms(), { sleepMsBeforeRun: 30 }))
  }

  /** Cancelled at any moment of its life. */
  private async cancelled(enqueued: Promise<Handle>): Promise<void> {
    const handle = this.note(await enqueued)
    await pause(Math.random() * 40)
    await handle.cancel()
    await handle.waitAndGetFinishedExecution()
  }

  /** Woken by one or two, and cancelled meanwhile, or not. */
  private async sleeping(): Promise<void> {
    const { executor, tasks } = this
    this.count += 1
    const uniqueId = `${this.name} ${this.count}`
    const handle = this.note(await executor.enqueueTask(tasks.sleeper, uniqueId))
    await pause(Math.random() * 10)
    const wake = () =>
      executor.wakeupSleepingTaskExecution(tasks.sleeper, uniqueId, {
        status: 'completed',
        output: 1,
      })
    await Promise.all([wake(), wake(), ...(Math.random() < 0.3 ? [handle.cancel()] : [])])
    await handle.waitAndGetFinishedExecution()
  }

  private async inTransaction(isKept: boolean): Promise<void> {
    let enqueued: Promise<Handle> | undefined
    await this.database.inTransaction((transaction) => {
      enqueued = this.executor.enqueueTask(this.tasks.work, ms(), { transaction })
      return enqueued
    }, isKept)
    const handle = await enqueued
    if (!handle) return
    if (isKept) await this.note(handle).waitAndGetFinishedExecution()
    else this.seen.undoneIds.push(handle.getExecutionId())
  }
}

/** How long a function takes. */
function ms(): number {
  return Math.floor(Math.random() * 6)
}
