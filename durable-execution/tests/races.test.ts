/** Races that shortcuts bring: rows that are inserted as running, claims whose input takes long to load. */
import { describe, expect, it, vi } from 'vitest'

import { childTask } from '../src/index'
import { createDeferred } from '../src/lib/deferred'
import { createControlledRun } from './support/controlled-run'
import { isHeldAfter, isHeldBefore, losesAnswer } from './support/storage-connection'
import { createWorld, eventsOf, type Member, type World } from './support/world'

const LEASE_MS = 15_000
const LONG = 3_600_000

describe('an executor that dies', () => {
  it('between the insert of a row as running and its run has it run by another, a takeover counted', async () => {
    const world = createWorld()
    const dying = await world.start({ leaseMs: LEASE_MS })
    const other = await world.start({ leaseMs: LEASE_MS })
    const ranHere = vi.fn()
    const define = (executor: typeof dying.executor, run: () => void) =>
      executor.task({ id: 'task', timeoutMs: LONG, run })
    const task = define(dying.executor, ranHere)
    const ranThere = vi.fn()
    define(other.executor, ranThere)
    await world.environment.advanceBy(1000)
    dying.connection.disturb('insert', isHeldAfter(new Promise(() => {})))
    void dying.executor.enqueueTask(task).catch(() => undefined)
    await world.environment.turn()
    expect(world.storage.dump()[0]?.status).toBe('running')
    dying.stop()
    await world.environment.advanceBy(2 * LEASE_MS)
    expect(ranHere).not.toHaveBeenCalled()
    expect(ranThere).toHaveBeenCalledTimes(1)
    expect(eventsOf(other.events, 'execution_taken_over')).toHaveLength(1)
  })

  it('between the insert of children as running and their runs has them run by another', async () => {
    const world = createWorld()
    const dying = await world.start({ leaseMs: LEASE_MS })
    const other = await world.start({ leaseMs: LEASE_MS })
    const ran: string[] = []
    const define = ({ executor }: typeof dying, name: string) => {
      const child = executor.task({
        id: 'child',
        timeoutMs: LONG,
        run: (_context, index: number) => {
          ran.push(`child ${index} ${name}`)
          return index
        },
      })
      return executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: () => {
          ran.push(`parent ${name}`)
          return { output: null, children: [childTask(child, 1), childTask(child, 2)] }
        },
        finalize: ({ children }) => children.length,
      })
    }
    const parent = define(dying, 'here')
    define(other, 'there')
    await world.environment.advanceBy(1000)
    dying.connection.disturb('settle', isHeldAfter(new Promise(() => {})))
    const handle = await world.until(dying.executor.enqueueTask(parent))
    await world.environment.turn()
    expect(world.storage.dump().filter(({ status }) => status === 'running')).toHaveLength(2)
    dying.stop()
    await world.environment.advanceBy(3 * LEASE_MS)
    expect(ran.sort()).toEqual(['child 1 there', 'child 2 there', 'parent here'])
    const row = world.storage.dump().find(({ taskId }) => taskId === 'parent')
    expect(row?.status).toBe('completed')
    expect(handle).toBeDefined()
  })
})

describe('a claim whose input takes longer to load than its lease', () => {
  async function loadsSlowly(isTaken: boolean): Promise<{ finalized: number; runs: number }> {
    const world = createWorld()
    const { executor, connection } = await world.start({ leaseMs: LEASE_MS })
    const finalize = vi.fn(() => 'finalized')
    // Its end is not known where the finalize runs: it is read there.
    const elsewhere = await world.start({ queues: ['elsewhere'] })
    const definition = { id: 'child', timeoutMs: LONG, run: () => 1 }
    elsewhere.executor.task(definition)
    const child = executor.task(definition)
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: LONG,
      runParent: () => ({
        output: null,
        children: [childTask(child, undefined, { queue: 'elsewhere' })],
      }),
      finalize,
    })
    connection.disturb('getChildren', async (pass) => {
      const answer = await pass()
      world.environment.stall(LEASE_MS + 1)
      const { records } = await world.storage.claim({
        executorId: 'other',
        leaseMs: LEASE_MS,
        queue: 'default',
        limit: isTaken ? 1 : 0,
        takeOver: 'also',
        suspects: 'exclude',
      })
      expect(records).toHaveLength(isTaken ? 1 : 0)
      return answer
    })
    const handle = await world.until(executor.enqueueTask(parent))
    await world.environment.advanceBy(LEASE_MS / 2)
    const execution = await world.until(handle.getExecution())
    return { finalized: execution.status === 'completed' ? 1 : 0, runs: finalize.mock.calls.length }
  }

  it('is not run if another took it over meanwhile', async () => {
    expect(await loadsSlowly(true)).toEqual({ finalized: 0, runs: 0 })
  })

  it('is renewed, and then run, if it is still ours', async () => {
    expect(await loadsSlowly(false)).toEqual({ finalized: 1, runs: 1 })
  })
})

describe('a settlement that inserts children as running', () => {
  /** A parent whose settlement is about to be sent; its children are to be inserted as running. */
  async function startParent(world: World, member: Member) {
    const { executor } = member
    const children = createControlledRun<number, number>()
    const child = executor.task({ id: 'child', timeoutMs: LONG, run: children.run })
    const run = createControlledRun<{ output: null; children: ReturnType<typeof childTask>[] }>()
    const parent = executor.parentTask({ id: 'parent', timeoutMs: LONG, runParent: run.run })
    await world.environment.advanceBy(1000)
    const handle = await world.until(executor.enqueueTask(parent))
    await world.environment.untilTrue(() => run.calls.length === 1)
    const settle = (): void => {
      run.call(0).returns({ output: null, children: [1, 2, 3].map((n) => childTask(child, n)) })
    }
    return { handle, children, settle }
  }

  it('starts each of them once when its answer is lost', async () => {
    const world = createWorld()
    const member = await world.start({ maxConcurrentTaskExecutions: 4 })
    const { executor, connection, events } = member
    const { handle, children, settle } = await startParent(world, member)
    connection.disturb('settle', losesAnswer)
    settle()
    await world.environment.untilTrue(() => children.calls.length === 3)
    await world.environment.advanceBy(LEASE_MS)
    expect(children.calls.map(({ input }) => input)).toEqual([1, 2, 3])
    expect(executor.getStats()).toMatchObject({ slots: { taken: 3 }, heldCount: 3 })
    for (const { returns } of children.calls) returns(1)
    await world.until(handle.waitAndGetOutput())
    expect(eventsOf(events, 'execution_taken_over')).toEqual([])
    expect(executor.getStats()).toMatchObject({ slots: { taken: 0 }, heldCount: 0 })
  })

  it('does not start what was cancelled before its repeat was answered, and keeps no slot for it', async () => {
    const world = createWorld()
    const member = await world.start({ maxConcurrentTaskExecutions: 4 })
    const { executor, connection } = member
    const { handle, children, settle } = await startParent(world, member)
    const repeat = createDeferred<void>()
    connection.disturb('settle', losesAnswer)
    connection.disturb('settle', isHeldBefore(repeat.promise))
    const before = connection.countOf('settle')
    settle()
    await world.environment.untilTrue(() => connection.countOf('settle') === before + 2)
    expect(world.storage.dump().filter(({ status }) => status === 'running')).toHaveLength(3)
    await world.until(handle.cancel())
    repeat.resolve()
    await world.environment.advanceBy(LEASE_MS)
    expect(children.calls).toHaveLength(0)
    expect(executor.getStats()).toMatchObject({ slots: { taken: 0 }, heldCount: 0 })
  })

  it('starts none of them when its claim is lost, and keeps no slot for them', async () => {
    const world = createWorld()
    const member = await world.start({ maxConcurrentTaskExecutions: 4 })
    const { executor, connection, events } = member
    const { handle, children, settle } = await startParent(world, member)
    const gate = createDeferred<void>()
    connection.disturb('settle', isHeldBefore(gate.promise))
    settle()
    await world.environment.turn()
    await world.until(handle.cancel())
    gate.resolve()
    await world.environment.advanceBy(1000)
    expect(world.storage.dump()).toHaveLength(1)
    expect(children.calls).toHaveLength(0)
    expect(eventsOf(events, 'result_dropped')).toHaveLength(1)
    expect(executor.getStats()).toMatchObject({ slots: { taken: 0 }, heldCount: 0 })
  })
})

describe('a cancel that arrives between claim and run', () => {
  it.each(['hints', 'no hints'])('reaches a row that its insert claimed, with %s', async (by) => {
    const world = createWorld({ pushes: by === 'hints' })
    const { executor, connection } = await world.start()
    const client = world.add()
    const work = createControlledRun({ heedsSignal: true })
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
    await world.environment.advanceBy(1000)
    const answer = createDeferred<void>()
    connection.disturb('insert', isHeldAfter(answer.promise))
    const enqueued = executor.enqueueTask(task, undefined, { executionId: 'own' })
    await world.environment.turn()
    expect(world.storage.dump()[0]?.status).toBe('running')
    const same = client.executor.task({ id: 'task', timeoutMs: LONG, run: () => 'there' })
    const handle = await world.until(client.executor.getTaskExecutionHandle(same, 'own'))
    await world.until(handle.cancel())
    answer.resolve()
    await world.until(enqueued)
    await world.environment.advanceBy(by === 'hints' ? 60 : 1100)
    expect(work.calls.every(({ context }) => context.cancelSignal.aborted)).toBe(true)
    await world.environment.advanceBy(LEASE_MS)
    expect(world.storage.dump()).toMatchObject([{ status: 'cancelled' }])
    expect(executor.getStats()).toMatchObject({ slots: { taken: 0 }, heldCount: 0 })
  })
})
