/** Tables of wrong input, as users without types give it, and of the errors they get. */
import { expect, it } from 'vitest'

import {
  childTask,
  DurableExecutionError,
  DurableExecutionNotFoundError,
  type AnyTask,
  type DurableExecutionErrorCode,
  type DurableExecutor,
  type TaskExecutionHandle,
} from '../../src/index'
import { thrownBy } from './thrown'
import { createWorld, type World } from './world'

/** A function of the public surface that takes anything. */
export type Untyped = (...args: unknown[]) => unknown

/** An executor that takes anything. */
export type UntypedExecutor = Record<
  | 'task'
  | 'parentTask'
  | 'sequentialTasks'
  | 'sleepingTask'
  | 'loopingTask'
  | 'validateInput'
  | 'inputSchema'
  | 'start'
  | 'shutdown'
  | 'enqueueTask'
  | 'enqueueTasks'
  | 'getTaskExecutionHandle'
  | 'wakeupSleepingTaskExecution',
  Untyped
>

/** A handle that takes anything. */
export type UntypedHandle = Record<'waitAndGetFinishedExecution' | 'waitAndGetOutput', Untyped>

/** The one place where the types are taken off. */
export function untyped<T>(value: unknown): T {
  return value as T
}

/** What a row calls: an executor that is not started, with a task of each kind. */
export interface Setting {
  readonly world: World
  readonly executor: UntypedExecutor
  /** Another one on the same storage, which defines other tasks. */
  readonly other: UntypedExecutor
  readonly add: AnyTask
  readonly nap: AnyTask
  readonly chain: AnyTask
  readonly poll: AnyTask
  /** Of the other executor. */
  readonly foreign: AnyTask
  /** Of an execution of `add`. */
  readonly handle: UntypedHandle
}

/** Defines a task of each kind, and enqueues one execution of `add` with the id `first`. */
async function createSetting(): Promise<Setting> {
  const world = createWorld()
  const { executor } = world.add({ executorId: 'here', maxSerializedInputDataSize: 1000 })
  const { executor: other } = world.add({ executorId: 'there' })
  const run = (): number => 1
  const add = executor.task({ id: 'add', timeoutMs: 1000, run })
  const done = executor.task({
    id: 'done',
    timeoutMs: 1000,
    run: () => ({ isDone: true as const, output: 1 }),
  })
  const handle: TaskExecutionHandle = await executor.enqueueTask(add, undefined, {
    executionId: 'first',
  })
  return {
    world,
    executor: untyped(executor),
    other: untyped(other),
    add,
    nap: executor.sleepingTask({ id: 'nap', timeoutMs: 1000 }),
    chain: executor.sequentialTasks('chain', [add]),
    poll: executor.loopingTask('poll', done, 3),
    foreign: other.task({ id: 'foreign', timeoutMs: 1000, run }),
    handle: untyped(handle),
  }
}

/** What the errors of a table have in common: the code, and how their messages begin. */
export interface Common {
  readonly code: DurableExecutionErrorCode
  readonly begins?: string
}

/** A call with wrong input, and how the message of the error it gets ends. */
export type Refusal = readonly [name: string, call: (setting: Setting) => unknown, ends: string]

/** How a message says what to do: what was expected, or the next step. */
const SAYS_WHAT_TO_DO = new RegExp(
  [
    /\bexpected /,
    /[:;] (?:give|define|await|settle|nest|return|store|wake|wait|enqueue|leave|use) /,
    /[:;] (?:its serialize must return|only those are woken|a sequence has at least one)/,
    /\bneeds a new executor/,
    /\bcannot be given, /,
    /; a task has run, a parent task has runParent/,
    /\bbelongs to a parent task; /,
    /it was never stored, or was pruned after its retention/,
    /not found: it is one of another task/,
  ]
    .map(({ source }) => source)
    .join('|'),
)

/** What every error of wrong input has in common, and what this one says. */
export function expectRefusal(error: unknown, { code, begins = '' }: Common, ends: string): void {
  expect(error).toBeInstanceOf(
    code === 'not_found' ? DurableExecutionNotFoundError : DurableExecutionError,
  )
  expect(error).toHaveProperty('message', begins + ends)
  expect(error).toMatchObject({ code, isRetryable: false })
  expect(begins + ends).toMatch(SAYS_WHAT_TO_DO)
}

/** Calls that throw at once. Nothing of them is left. */
export function itThrows(common: Common, rows: readonly Refusal[]): void {
  it.each(rows)('%s', async (_name, call, ends) => {
    const setting = await createSetting()
    const before = setting.world.storage.dump()
    expectRefusal(
      thrownBy(() => call(setting)),
      common,
      ends,
    )
    expect(setting.world.storage.dump()).toEqual(before)
  })
}

/** Calls whose promise is rejected, and that never throw. Nothing of them is left. */
export function itRejects(common: Common, rows: readonly Refusal[]): void {
  it.each(rows)('%s', async (_name, call, ends) => {
    const setting = await createSetting()
    const before = setting.world.storage.dump()
    const returned = call(setting)
    expect(returned).toBeInstanceOf(Promise)
    const settled = untyped<Promise<unknown>>(returned).then(
      () => 'Nothing was refused',
      (error: unknown) => error,
    )
    expectRefusal(await setting.world.until(settled), common, ends)
    expect(setting.world.storage.dump()).toEqual(before)
  })
}

/** An object that throws whatever is asked of it. */
export function createHostile(): object {
  const refuse = (): never => {
    throw new Error('hands off')
  }
  return new Proxy(
    {},
    { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse, set: refuse },
  )
}

/** An object that contains itself. */
export function createCycle(): object {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  return cycle
}

/** `childTask`, which takes anything. */
export const untypedChildTask: Untyped = untyped(childTask)

/** `DurableExecutor`, which takes anything. */
export type UntypedConstructor = new (...args: unknown[]) => DurableExecutor
