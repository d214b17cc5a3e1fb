/** The storage is away, slow, or loses answers: progress stops, correctness does not, and it goes on by itself. */
import { describe, expect, it, vi } from 'vitest'

import { childTask, DurableExecutionError, type DurableExecutorOptions } from '../src/index'
import { createDeferred } from '../src/lib/deferred'
import { createControlledRun } from './support/controlled-run'
import {
  fails,
  hangs,
  isHeldAfter,
  isHeldBefore,
  losesAnswer,
  type Fault,
  type Verb,
} from './support/storage-connection'
import { createWorld, eventsOf } from './support/world'

const LONG = 600_000
const LEASE_MS = 15_000

async function startTwo(options: DurableExecutorOptions = {}) {
  const world = createWorld()
  const members = [
    await world.start({ executorId: 'first', ...options }),
    await world.start({ executorId: 'second', ...options }),
  ] as const
  await world.environment.advanceBy(LEASE_MS)
  return { world, members }
}

describe('an outage', () => {
  it.each([
    ['refuses connections', fails()],
    ['answers nothing', hangs],
  ])(
    'of two leases, in which the storage %s, runs nothing twice and counts no takeover',
    async (_name, fault) => {
      const { world, members } = await startTwo()
      const runs = members.map(({ executor }) => {
        const work = createControlledRun<string, number>()
        return { work, task: executor.task({ id: 'task', timeoutMs: LONG, run: work.run }) }
      })
      const handles = []
      for (const [index, { executor }] of members.entries()) {
        const task = runs[index]?.task
        if (!task) throw new Error('There is no task')
        const children = Array.from({ length: 25 }, (_, count) => childTask(task, count))
        handles.push(...(await executor.enqueueTasks(children)))
      }
      const calls = () => runs.flatMap(({ work }) => work.calls)
      await world.environment.untilTrue(() => calls().length === 50)
      for (const { connection } of members) connection.cut(fault)
      await world.environment.advanceBy(5000)
      // Half of the functions end while the storage is away.
      for (const { returns, input } of calls().filter((_, index) => index % 2 === 0)) {
        returns(`during ${input}`)
      }
      await world.environment.advanceBy(2 * LEASE_MS)
      for (const { connection } of members) connection.mend()
      await world.environment.advanceBy(2 * LEASE_MS)
      for (const { returns, input } of calls()) returns(`after ${input}`)
      const outputs = await world.until(
        Promise.all(handles.map((handle) => handle.waitAndGetOutput())),
      )
      expect(calls()).toHaveLength(50)
      expect(outputs.filter((output) => output.startsWith('during'))).toHaveLength(25)
      for (const { events } of members) {
        expect(eventsOf(events, 'execution_taken_over')).toEqual([])
        expect(eventsOf(events, 'result_dropped')).toEqual([])
        expect(eventsOf(events, 'storage_away')).toHaveLength(1)
        expect(eventsOf(events, 'storage_back')).toHaveLength(1)
      }
      expect(world.storage.dump().every(({ takeovers }) => takeovers === 0)).toBe(true)
    },
  )

  it('keeps a result and stores it afterwards', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const work = createControlledRun()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
    const handle = await executor.enqueueTask(task)
    await world.environment.untilTrue(() => work.calls.length === 1)
    connection.cut(fails())
    work.call(0).returns('kept')
    await world.environment.advanceBy(120_000)
    expect(executor.getStats()).toMatchObject({
      storage: { isAway: true },
      slots: { taken: 0, unstored: 1 },
    })
    connection.mend()
    await expect(world.until(handle.waitAndGetOutput(), 10_000)).resolves.toBe('kept')
    expect(work.calls).toHaveLength(1)
    expect(executor.getStats().storage.isAway).toBe(false)
  })

  it('holds up what is due, which goes on by itself within seconds', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const run = vi.fn(() => 'ran')
    const task = executor.task({ id: 'task', timeoutMs: LONG, run })
    const handle = await executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 1000 })
    connection.cut(hangs)
    await world.environment.advanceBy(300_000)
    expect(run).not.toHaveBeenCalled()
    connection.mend()
    await expect(world.until(handle.waitAndGetOutput(), 15_000)).resolves.toBe('ran')
  })

  it('asks less and less while it lasts', async () => {
    const world = createWorld()
    const { connection } = await world.start()
    await world.environment.advanceBy(1000)
    connection.cut(fails())
    await world.environment.advanceBy(60_000)
    const before = [...connection.calls.values()].reduce((sum, count) => sum + count, 0)
    await world.environment.advanceBy(60_000)
    const after = [...connection.calls.values()].reduce((sum, count) => sum + count, 0)
    expect(after - before).toBeGreaterThan(10)
    expect(after - before).toBeLessThan(200)
  })

  it('of a moment does not end claiming, also under a load that never pauses', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const after = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        world.environment.setTimer(ms, resolve)
      })
    const isSlow: Fault = async (pass) => {
      await after(5)
      return pass()
    }
    connection.disturb('settle', isSlow, { times: Infinity })
    const iteration = executor.task({
      id: 'iteration',
      timeoutMs: 1000,
      run: async () => {
        await after(1 + world.environment.random() * 5)
        return { isDone: false as const }
      },
    })
    const loop = executor.loopingTask('loop', iteration, 1_000_000)
    for (let count = 0; count < 12; count += 1) await executor.enqueueTask(loop)
    await world.environment.advanceBy(200)
    connection.disturb('nextClaimAt', fails())
    await world.environment.advanceBy(1000)
    const client = world.add()
    executor.task({ id: 'task', timeoutMs: 1000, run: () => 'ran' })
    const task = client.executor.task({ id: 'task', timeoutMs: 1000, run: () => 'ran' })
    const handle = await client.executor.enqueueTask(task)
    await expect(world.until(handle.waitAndGetOutput(), 2000)).resolves.toBe('ran')
  })

  it('does not let a call hang for longer than its deadline', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: () => 'ran' })
    connection.disturb('insert', hangs, { times: 2 })
    const handle = await world.until(executor.enqueueTask(task), 11_000)
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('ran')
    const { insert } = executor.getStats().storage.verbs
    expect(insert).toMatchObject({ count: 3, failedCount: 2, maxMs: 5000 })
  })
})

describe('a standstill of the process', () => {
  it('for longer than a lease, alone, loses nothing: it renews its own', async () => {
    const world = createWorld()
    const { executor, events } = await world.start()
    const work = createControlledRun()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
    const handle = await executor.enqueueTask(task)
    await world.environment.advanceBy(LEASE_MS)
    world.environment.stall(3 * LEASE_MS)
    await world.environment.advanceBy(LEASE_MS)
    work.call(0).returns('done')
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('done')
    expect(work.calls).toHaveLength(1)
    expect(eventsOf(events, 'execution_taken_over')).toEqual([])
  })

  it('of all processes runs nothing twice', async () => {
    const { world, members } = await startTwo()
    const works = members.map(({ executor }) => {
      const work = createControlledRun()
      return { work, task: executor.task({ id: 'task', timeoutMs: LONG, run: work.run }) }
    })
    for (const [index, { executor }] of members.entries()) {
      const task = works[index]?.task
      if (task) await executor.enqueueTask(task)
    }
    await world.environment.advanceBy(1000)
    // What is due first afterwards makes them claim, before it is time to renew.
    for (const [index, { executor }] of members.entries()) {
      const task = works[index]?.task
      if (task) await executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 10 })
    }
    world.environment.stall(3 * LEASE_MS)
    await world.environment.advanceBy(2 * LEASE_MS)
    expect(works.flatMap(({ work }) => work.calls)).toHaveLength(4)
    expect(members.flatMap(({ events }) => eventsOf(events, 'execution_taken_over'))).toEqual([])
  })

  it('for longer than its lease, beside another that takes over, has its late results refused', async () => {
    const { world, members } = await startTwo()
    const [first, second] = members
    const [mine, theirs] = members.map(({ executor }) => {
      const work = createControlledRun()
      return { work, task: executor.task({ id: 'task', timeoutMs: LONG, run: work.run }) }
    })
    if (!mine || !theirs) throw new Error('There are no tasks')
    const handle = await first.executor.enqueueTask(mine.task)
    await world.environment.untilTrue(() => mine.work.calls.length === 1)
    first.stop()
    await world.environment.untilTrue(() => theirs.work.calls.length === 1, LEASE_MS + 1000)
    await world.environment.advanceBy(LEASE_MS)
    first.continue()
    mine.work.call(0).returns('late')
    await world.environment.advanceBy(1000)
    expect(eventsOf(first.events, 'result_dropped')).toHaveLength(1)
    theirs.work.call(0).returns('second')
    await expect(world.until(handle.waitAndGetOutput())).resolves.toBe('second')
    // It takes nothing over itself because it has seen nothing for a while.
    await world.environment.advanceBy(2 * LEASE_MS)
    expect(eventsOf(first.events, 'execution_taken_over')).toEqual([])
    expect(eventsOf(second.events, 'execution_taken_over')).toHaveLength(1)
  })
})

/** Every verb that an execution needs, with what has to be true of its answer being lost. */
const VERBS: Verb[] = [
  'insert',
  'claim',
  'settle',
  'renew',
  'nextClaimAt',
  'get',
  'getChildren',
  'recover',
  'lostClaims',
]

describe('a lost answer', () => {
  it.each(VERBS)('of %s changes nothing in the end', async (verb) => {
    const world = createWorld()
    // One slot: all but one are claimed. Many: all take the fast path.
    for (const maxConcurrentTaskExecutions of [1, 100]) {
      const { executor, connection, events } = await world.start({ maxConcurrentTaskExecutions })
      const runs = vi.fn()
      const note = <T>(value: T): T => {
        runs()
        return value
      }
      const child = executor.task({
        id: 'child',
        timeoutMs: LONG,
        run: (_ctx, n: number) => note(n),
      })
      const chain = executor.sequentialTasks('chain', [child, child, child])
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: () =>
          note({
            output: 1,
            children: [childTask(child, 1), childTask(child, 2), childTask(chain, 3)],
          }),
        finalize: ({ children }) =>
          note(
            children.map((one) => (one.status === 'completed' ? one.output : one.error.message)),
          ),
      })
      connection.disturb(verb, losesAnswer, { times: 3 })
      const handle = await world.until(executor.enqueueTask(parent))
      await expect(world.until(handle.waitAndGetOutput(), 60_000)).resolves.toEqual([1, 2, 3])
      await world.environment.advanceBy(2 * LEASE_MS)
      expect(runs).toHaveBeenCalledTimes(7)
      expect(eventsOf(events, 'execution_taken_over')).toEqual([])
      await world.until(executor.shutdown())
    }
    expect(world.storage.dump()).toHaveLength(16)
    expect(world.storage.dump().every(({ status }) => status === 'completed')).toBe(true)
  })

  it('of a claim brings the work back within seconds, not after a lease', async () => {
    const world = createWorld()
    const { executor, connection } = world.add()
    const run = vi.fn(() => 'ran')
    const task = executor.task({ id: 'task', timeoutMs: LONG, run })
    const handle = await executor.enqueueTask(task)
    connection.disturb('claim', losesAnswer)
    await world.until(executor.start())
    await expect(world.until(handle.waitAndGetOutput(), 2000)).resolves.toBe('ran')
    await world.environment.advanceBy(2 * LEASE_MS)
    expect(run).toHaveBeenCalledTimes(1)
    expect(world.storage.dump()[0]).toMatchObject({ takeovers: 0 })
  })

  it('of an insert that the storage repeated by itself brings the work back within seconds', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const run = vi.fn(() => 'ran')
    const task = executor.task({ id: 'task', timeoutMs: LONG, run })
    const chain = executor.sequentialTasks('chain', [task, task])
    connection.disturb('insert', async (pass) => {
      await pass()
      return pass()
    })
    const handle = await world.until(executor.enqueueTask(chain))
    await expect(world.until(handle.waitAndGetOutput(), 2000)).resolves.toBe('ran')
    await world.environment.advanceBy(2 * LEASE_MS)
    expect(run).toHaveBeenCalledTimes(2)
    expect(world.storage.dump().every(({ takeovers }) => takeovers === 0)).toBe(true)
  })

  it.each([3_600_000, -3_600_000])(
    'of a claim brings the work back where the clock of the machine is off by %i ms',
    async (offByMs) => {
      const world = createWorld()
      const { executor, connection } = world.add({}, offByMs)
      const run = vi.fn(() => 'ran')
      const task = executor.task({ id: 'task', timeoutMs: LONG, run })
      const handle = await executor.enqueueTask(task)
      await world.environment.advanceBy(1000)
      connection.disturb('claim', losesAnswer)
      await world.until(executor.start())
      await expect(world.until(handle.waitAndGetOutput(), 2000)).resolves.toBe('ran')
      expect(world.storage.dump()[0]).toMatchObject({ takeovers: 0, claimCount: 1 })
    },
  )

  it('of a release gives the work back all the same', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const work = createControlledRun({ heedsSignal: true })
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
    const handle = await executor.enqueueTask(task)
    await world.environment.untilTrue(() => work.calls.length === 1)
    connection.disturb('release', losesAnswer, { times: 2 })
    await world.until(executor.shutdown({ graceMs: 0 }))
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'ready', takeovers: 0 })
  })

  it('of a cancel cancels all the same', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: () => 'ran' })
    const handle = await executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 60_000 })
    connection.disturb('cancel', losesAnswer, { times: 2 })
    await world.until(handle.cancel())
    await expect(handle.getExecution()).resolves.toMatchObject({ status: 'cancelled' })
  })
})

describe('answers in an odd order', () => {
  it('run a retry that was claimed again before the answer that gave it back', async () => {
    const world = createWorld()
    const { executor, connection, events } = await world.start()
    const attempts: number[] = []
    const task = executor.task({
      id: 'task',
      timeoutMs: LONG,
      retryOptions: { maxAttempts: 1 },
      run: (ctx) => {
        attempts.push(ctx.attempt)
        if (ctx.attempt === 0) throw new Error('again')
        return 'done'
      },
    })
    const gate = createDeferred<void>()
    connection.disturb('settle', isHeldAfter(gate.promise))
    const handle = await executor.enqueueTask(task)
    await world.environment.advanceBy(1000)
    expect(world.storage.dump()[0]).toMatchObject({ status: 'running', claimCount: 2 })
    gate.resolve()
    await expect(world.until(handle.waitAndGetOutput(), 1000)).resolves.toBe('done')
    expect(attempts).toEqual([0, 1])
    expect(eventsOf(events, 'execution_taken_over')).toEqual([])
  })

  it('store an end under the claim that this process made anew while that was under way', async () => {
    const world = createWorld()
    const { executor, connection, events } = await world.start()
    await world.environment.advanceBy(LEASE_MS)
    const work = createControlledRun()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
    // Its row is locked whenever it is to be renewed: its lease lapses, and this very process finds it due.
    const isBusy: Fault = () =>
      Promise.resolve({ outcomes: ['busy'], now: world.environment.now() } as never)
    connection.disturb('renew', isBusy, {
      times: Infinity,
      when: ({ claims }) => claims.length > 0,
    })
    const handle = await executor.enqueueTask(task)
    await world.environment.advanceBy(LEASE_MS - 1000)
    const gate = createDeferred<void>()
    connection.disturb('settle', isHeldBefore(gate.promise))
    work.call(0).returns('done')
    await world.environment.advanceBy(3000)
    expect(world.storage.dump()[0]).toMatchObject({ status: 'running', claimCount: 2 })
    gate.resolve()
    await expect(world.until(handle.waitAndGetOutput(), 1000)).resolves.toBe('done')
    await world.environment.advanceBy(2 * LEASE_MS)
    expect(work.calls).toHaveLength(1)
    expect(eventsOf(events, 'execution_settled')).toHaveLength(1)
    expect(executor.getStats()).toMatchObject({ slots: { taken: 0, unstored: 0 }, heldCount: 0 })
  })

  it('store no end anew that had been stored, though this process holds the parent again by then', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const nap = executor.sleepingTask<string>({ id: 'nap', timeoutMs: LONG })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: LONG,
      runParent: () => ({ output: 1, children: [childTask(nap, 'unique')] }),
    })
    const gate = createDeferred<void>()
    const losesAnswerLate: Fault = async (pass) => {
      await pass()
      await gate.promise
      throw new Error('Connection reset')
    }
    connection.disturb('settle', losesAnswerLate)
    const handle = await executor.enqueueTask(parent)
    await world.environment.untilTrue(() => world.storage.dump().length === 2)
    // Its child ends before it is known here that it was inserted: the parent is handed over to this very process.
    await executor.wakeupSleepingTaskExecution(nap, 'unique', { status: 'completed', output: 'up' })
    gate.resolve()
    await expect(world.until(handle.waitAndGetOutput(), 60_000)).resolves.toMatchObject({
      children: [{ status: 'completed', output: 'up' }],
    })
    expect(executor.getStats()).toMatchObject({ slots: { taken: 0, unstored: 0 }, heldCount: 0 })
  })

  it('start nothing on a claim that is old by the time its answer is seen: it may be taken over', async () => {
    const world = createWorld()
    const { executor, connection, events } = await world.start()
    await world.environment.advanceBy(1000)
    const run = vi.fn(() => 'ran')
    const task = executor.task({ id: 'task', timeoutMs: LONG, run })
    const takeOver = {
      executorId: 'other',
      leaseMs: LEASE_MS,
      queue: 'default',
      limit: 1,
      takeOver: 'also',
      suspects: 'exclude',
    } as const
    // The answer is there, but something blocks the process for longer than the lease.
    connection.disturb('insert', async (pass) => {
      const answer = await pass()
      world.environment.stall(LEASE_MS + 1)
      expect((await world.storage.claim(takeOver)).records).toHaveLength(1)
      return answer
    })
    await executor.enqueueTask(task)
    await world.environment.advanceBy(LEASE_MS / 2)
    expect(run).not.toHaveBeenCalled()
    expect(eventsOf(events, 'execution_started')).toEqual([])
    expect(executor.getStats().slots.taken).toBe(0)
  })

  it('start what is old by the time its answer is seen once it could be renewed', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    await world.environment.advanceBy(1000)
    const run = vi.fn(() => 'ran')
    const task = executor.task({ id: 'task', timeoutMs: LONG, run })
    connection.disturb('insert', async (pass) => {
      const answer = await pass()
      world.environment.stall(LEASE_MS - 1000)
      return answer
    })
    const handle = await executor.enqueueTask(task)
    await expect(world.until(handle.waitAndGetOutput(), 1000)).resolves.toBe('ran')
    await world.environment.advanceBy(2 * LEASE_MS)
    expect(run).toHaveBeenCalledTimes(1)
  })
})

describe('a result that the storage refuses for good', () => {
  const refusal = DurableExecutionError.nonRetryable('invalid byte sequence', { code: 'storage' })

  it('fails its execution, says so, and fails nothing else of its batch', async () => {
    const world = createWorld()
    const { executor, connection, events } = await world.start()
    const task = executor.task({
      id: 'task',
      timeoutMs: LONG,
      retryOptions: { maxAttempts: 3 },
      run: (_ctx, s: string) => s,
    })
    connection.disturb('settle', fails(refusal), {
      times: 1000,
      when: ({ settlements }) =>
        settlements.some(({ change }) => change.output?.includes('bad') === true),
    })
    const names = ['a', 'b', 'bad', 'c', 'd']
    const handles = await executor.enqueueTasks(names.map((name) => childTask(task, name)))
    const executions = await world.until(
      Promise.all(handles.map((handle) => handle.waitAndGetFinishedExecution())),
    )
    expect(executions.map(({ status }) => status)).toEqual([
      'completed',
      'completed',
      'failed',
      'completed',
      'completed',
    ])
    expect(executions[2]).toMatchObject({
      attempt: 0,
      error: {
        code: 'result_not_stored',
        message: 'Result could not be stored: invalid byte sequence',
      },
    })
    expect(eventsOf(events, 'result_refused')).toHaveLength(1)
    expect(executor.getStats().slots.taken).toBe(0)
  })

  it('of a parent fails it without its children, and without the text that was refused', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const child = executor.task({ id: 'child', timeoutMs: LONG, run: () => 1 })
    const parent = executor.parentTask({
      id: 'parent',
      timeoutMs: LONG,
      runParent: () => ({ output: 'bad', children: [childTask(child)] }),
    })
    connection.disturb('settle', fails(refusal), {
      times: 1000,
      when: ({ settlements }) =>
        settlements.some(({ change }) => change.runOutput?.includes('bad') === true),
    })
    const handle = await executor.enqueueTask(parent)
    await expect(world.until(handle.waitAndGetFinishedExecution())).resolves.toMatchObject({
      status: 'failed',
      error: { code: 'result_not_stored' },
    })
    expect(world.storage.dump()).toHaveLength(1)
  })

  it('even as a failure lets the lease lapse, and ends after maxTakeovers or when it is taken', async () => {
    const world = createWorld()
    const { executor, connection, events } = await world.start()
    const task = executor.task({ id: 'task', timeoutMs: LONG, run: () => 'bad' })
    connection.disturb('settle', fails(refusal), { times: 2 })
    const handle = await executor.enqueueTask(task)
    await expect(world.until(handle.waitAndGetOutput(), 3 * LEASE_MS)).resolves.toBe('bad')
    expect(eventsOf(events, 'background_error')).toMatchObject([{ job: 'run' }])
  })
})

describe('a background job that the storage refuses for good', () => {
  it('is told each time, and tried again', async () => {
    const world = createWorld()
    const { connection, events } = await world.start()
    connection.disturb('nextClaimAt', fails(DurableExecutionError.nonRetryable('no permission')), {
      times: 3,
    })
    await world.environment.advanceBy(10_000)
    expect(eventsOf(events, 'background_error')).toEqual(
      Array.from({ length: 3 }, () => ({
        type: 'background_error',
        job: 'sweep',
        message: 'no permission',
      })),
    )
    expect(eventsOf(events, 'storage_away')).toEqual([])
  })
})
