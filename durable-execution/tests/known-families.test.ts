/** Families whose children all ended in the process of their parent are not read; what a finalize gets is the same. */
import { describe, expect, it } from 'vitest'

import { childTask, DurableExecutionCancelledError } from '../src/index'
import { createStoredError } from './support/records'
import { losesAnswer } from './support/storage-connection'
import { createWorld, type Member, type World } from './support/world'

const LONG = 600_000

/** Tasks that end in every way, as children in a queue. */
function defineEndings({ executor }: Member) {
  const add = executor.task({ id: 'add', timeoutMs: LONG, run: (_ctx, n: number) => n + 1 })
  const fails = executor.task({
    id: 'fails',
    timeoutMs: LONG,
    retryOptions: { maxAttempts: 1, baseDelayMs: 10 },
    run: () => {
      throw new TypeError('no')
    },
  })
  const stops = executor.task({
    id: 'stops',
    timeoutMs: LONG,
    run: () => {
      throw new DurableExecutionCancelledError('stop')
    },
  })
  const slow = executor.task({ id: 'slow', timeoutMs: 10, run: () => new Promise(() => {}) })
  const sleeping = executor.sleepingTask<number>({ id: 'sleeping', timeoutMs: 50 })
  const chain = executor.sequentialTasks('chain', [add, add])
  const nested = executor.parentTask({
    id: 'nested',
    timeoutMs: LONG,
    runParent: () => ({ output: 'own', children: [childTask(add, 1), childTask(chain, 1)] }),
  })
  const nothing = executor.task({ id: 'nothing', timeoutMs: LONG, run: () => undefined })
  return (queue: string) => [
    childTask(add, 1, { queue }),
    childTask(fails, undefined, { queue }),
    childTask(stops, undefined, { queue }),
    childTask(slow, undefined, { queue }),
    childTask(sleeping, 'until it is too late', { queue }),
    childTask(chain, 5, { queue }),
    childTask(nested, undefined, { queue }),
    childTask(nothing, undefined, { queue }),
  ]
}

/** What a finalize gets, without ids, where the children run in this queue. */
async function familyOf(queue: string): Promise<{ family: unknown; reads: number }> {
  const world = createWorld()
  const member = await world.start()
  defineEndings(await world.start({ queues: ['elsewhere'] }))
  const childrenIn = defineEndings(member)
  let seen: unknown
  const parent = member.executor.parentTask({
    id: 'parent',
    timeoutMs: LONG,
    runParent: () => ({ output: { of: 'the parent' }, children: childrenIn(queue) }),
    finalize: (family) => {
      seen = family
    },
  })
  const handle = await world.until(member.executor.enqueueTask(parent))
  await world.until(handle.waitAndGetOutput())
  return { family: withoutIds(seen), reads: member.connection.countOf('getChildren') }
}

/** Their ids differ from run to run. */
function withoutIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutIds(item))
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  const entries = Object.entries(value).filter(([name]) => name !== 'executionId')
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutIds(item)]))
}

/** A parent of two children. Answers what its finalize gets, and how often its executor read children. */
async function sumOf(
  world: World,
  member: Member,
  meanwhile: (run: {
    readonly children: () => readonly string[]
  }) => Promise<void> = async () => {},
): Promise<{ outputs: unknown; reads: number }> {
  const { executor, connection } = member
  const child = executor.task({
    id: 'child',
    timeoutMs: LONG,
    run: async (_ctx, n: number) => {
      await new Promise<void>((resolve) => {
        world.environment.setTimer(100, resolve)
      })
      return n
    },
  })
  const parent = executor.parentTask({
    id: 'parent',
    timeoutMs: LONG,
    runParent: () => ({ output: 0, children: [childTask(child, 1), childTask(child, 2)] }),
    finalize: ({ children }) =>
      children.map((one) => (one.status === 'completed' ? one.output : one.status)),
  })
  await world.environment.advanceBy(1000)
  const handle = await world.until(executor.enqueueTask(parent))
  await world.environment.advanceBy(10)
  await meanwhile({
    children: () =>
      world.storage
        .dump()
        .filter(({ taskId }) => taskId === 'child')
        .map(({ executionId }) => executionId),
  })
  const outputs = await world.until(handle.waitAndGetOutput())
  return { outputs, reads: connection.countOf('getChildren') }
}

describe('a family that ended where its parent ran', () => {
  it('is as one that is read, in whatever way its children end', async () => {
    const here = await familyOf('default')
    const elsewhere = await familyOf('elsewhere')
    expect(here.family).toEqual(elsewhere.family)
    expect(here.reads).toBe(0)
    expect(elsewhere.reads).toBeGreaterThan(0)
  })

  it('is not read', async () => {
    const world = createWorld()
    const member = await world.start()
    expect(await sumOf(world, member)).toEqual({ outputs: [1, 2], reads: 0 })
  })

  it('is read where a child was cancelled from outside', async () => {
    const world = createWorld()
    const member = await world.start()
    const cancelling = sumOf(world, member, async ({ children }) => {
      const [first = ''] = children()
      await world.storage.cancel({ executionIds: [first], error: createStoredError() })
    })
    expect(await cancelling).toEqual({ outputs: ['cancelled', 2], reads: 1 })
  })

  it('is whole where the ends of children are stored again, since the answer was lost', async () => {
    const world = createWorld()
    const member = await world.start()
    const losing = sumOf(world, member, async () => {
      member.connection.disturb('settle', losesAnswer)
    })
    // The parent came back by `recover`, perhaps before its family was known.
    expect(await losing).toHaveProperty('outputs', [1, 2])
  })
})
