/** An executor is cut off from the storage in the midst of something, as if its process had died: others go on, and nothing is lost. */
import { describe, expect, it, vi } from 'vitest'

import { childTask, type DurableExecutorOptions, type Task } from '../src/index'
import { createControlledRun, type ControlledRun } from './support/controlled-run'
import { losesAnswer } from './support/storage-connection'
import { createWorld, eventsOf, type Member, type World } from './support/world'

const LONG = 600_000
const LEASE_MS = 15_000
/** One lease plus one sweep. */
const TAKEOVER_MS = LEASE_MS + 1000

interface Pair {
  readonly world: World
  readonly first: Member
  readonly second: Member
}

/** Two executors that have been up for a while. Only the first is given work, until it is cut off. */
async function startPair(options: DurableExecutorOptions = {}): Promise<Pair> {
  const world = createWorld()
  const first = await world.start({ executorId: 'first', ...options })
  const second = await world.start({ executorId: 'second', ...options })
  await world.environment.advanceBy(LEASE_MS)
  return { world, first, second }
}

interface Defined<TTask> {
  readonly task: TTask
  readonly work: ControlledRun<string, unknown>
}

/** Defines the same tasks on both executors, each with a function of its own in it. */
function onBoth<TTask>(
  { first, second }: Pair,
  define: (member: Member, run: ControlledRun<string, unknown>['run']) => TTask,
): [Defined<TTask>, Defined<TTask>] {
  const [a, b] = [first, second].map((member): Defined<TTask> => {
    const work = createControlledRun<string, unknown>()
    return { task: define(member, work.run), work }
  })
  if (!a || !b) throw new Error('There are no executors')
  return [a, b]
}

function onBothTask(pair: Pair) {
  return onBoth(pair, ({ executor }, run) => executor.task({ id: 'task', timeoutMs: LONG, run }))
}

describe('an executor that is cut off', () => {
  it('in a function loses it to another within a lease and a sweep, with a takeover counted', async () => {
    const pair = await startPair()
    const { world, first, second } = pair
    const [a, b] = onBothTask(pair)
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.cut()
    await world.environment.untilTrue(() => b.work.calls.length === 1, TAKEOVER_MS)
    expect(b.work.call(0).context).toMatchObject({ attempt: 0 })
    expect(eventsOf(second.events, 'execution_taken_over')).toMatchObject([{ takeovers: 1 }])
    b.work.call(0).returns('second')
    const seen = await second.executor.getTaskExecutionHandle(b.task, handle.getExecutionId())
    await expect(world.until(seen.waitAndGetOutput())).resolves.toBe('second')
  })

  it('in a function has its late result refused, and is told', async () => {
    for (const isTaken of [true, false]) {
      const pair = await startPair()
      const { world, first, second } = pair
      const [a, b] = onBothTask(pair)
      const handle = await first.executor.enqueueTask(a.task)
      await world.environment.untilTrue(() => a.work.calls.length === 1)
      first.connection.cut()
      await world.environment.untilTrue(() => b.work.calls.length === 1)
      // Its result comes while the other still runs, or after that has ended.
      if (!isTaken) b.work.call(0).returns('second')
      await world.environment.advanceBy(1000)
      a.work.call(0).returns('first, too late')
      first.connection.mend()
      await world.environment.advanceBy(20_000)
      if (isTaken) b.work.call(0).returns('second')
      const seen = await second.executor.getTaskExecutionHandle(b.task, handle.getExecutionId())
      await expect(world.until(seen.waitAndGetOutput())).resolves.toBe('second')
      expect(eventsOf(first.events, 'result_dropped')).toHaveLength(1)
      expect(eventsOf(first.events, 'execution_settled')).toEqual([])
      expect(eventsOf(second.events, 'execution_settled')).toHaveLength(1)
    }
  })

  it('in a function tells it by its signal when the storage is back', async () => {
    const pair = await startPair()
    const { world, first } = pair
    const [a, b] = onBothTask(pair)
    await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.cut()
    await world.environment.untilTrue(() => b.work.calls.length === 1)
    const { cancelSignal } = a.work.call(0).context
    expect(cancelSignal.aborted).toBe(false)
    first.connection.mend()
    await world.environment.untilTrue(() => cancelSignal.aborted, 10_000)
    expect(String(cancelSignal.reason)).toContain('taken over by another executor')
  })

  it('before its result got through loses it to another, which runs the function again', async () => {
    const pair = await startPair()
    const { world, first, second } = pair
    const [a, b] = onBothTask(pair)
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.cut()
    a.work.call(0).returns('lost')
    await world.environment.untilTrue(() => b.work.calls.length === 1, TAKEOVER_MS)
    b.work.call(0).returns('second')
    const seen = await second.executor.getTaskExecutionHandle(b.task, handle.getExecutionId())
    await expect(world.until(seen.waitAndGetOutput())).resolves.toBe('second')
  })

  it('after its result got through has lost nothing, and nobody runs it again', async () => {
    const pair = await startPair()
    const { world, first, second } = pair
    const [a, b] = onBothTask(pair)
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.disturb('settle', losesAnswer)
    a.work.call(0).returns('first')
    await world.environment.turn()
    first.connection.cut()
    const seen = await second.executor.getTaskExecutionHandle(b.task, handle.getExecutionId())
    await expect(world.until(seen.waitAndGetOutput())).resolves.toBe('first')
    await world.environment.advanceBy(2 * TAKEOVER_MS)
    expect(b.work.calls).toEqual([])
  })

  it('between its last child and the resume of the parent leaves that to another', async () => {
    const pair = await startPair()
    const { world, first, second } = pair
    const finalize = vi.fn(() => 'end')
    const [a, b] = onBoth(pair, ({ executor }, run) => {
      const child = executor.task({ id: 'child', timeoutMs: LONG, run })
      return executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: () => ({ output: 1, children: [childTask(child, undefined)] }),
        finalize,
      })
    })
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.disturb('settle', async (pass) => {
      await pass()
      first.connection.cut()
      throw new Error('Connection reset')
    })
    a.work.call(0).returns('child')
    await world.environment.turn()
    const parent = world.storage.dump().find(({ taskId }) => taskId === 'parent')
    expect(parent).toMatchObject({ status: 'waiting_for_children', activeChildrenCount: 0 })
    expect(parent?.executorId).toMatch(/^first:/)
    const seen = await second.executor.getTaskExecutionHandle(b.task, handle.getExecutionId())
    await expect(world.until(seen.waitAndGetOutput(), TAKEOVER_MS)).resolves.toBe('end')
    expect(finalize).toHaveBeenCalledTimes(1)
    expect(b.work.calls).toEqual([])
  })

  it('in a finalize loses it to another, and the children do not run again', async () => {
    const pair = await startPair()
    const { world, first, second } = pair
    const child = vi.fn(() => 'child')
    const [a, b] = onBoth(pair, ({ executor }, run) => {
      const childDefinition = executor.task({ id: 'child', timeoutMs: LONG, run: child })
      return executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: () => ({ output: 1, children: [childTask(childDefinition)] }),
        finalize: { id: 'end', timeoutMs: LONG, run },
      })
    })
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.cut()
    await world.environment.untilTrue(() => b.work.calls.length === 1, TAKEOVER_MS)
    expect(b.work.call(0).input).toMatchObject({ output: 1, children: [{ output: 'child' }] })
    b.work.call(0).returns('second')
    const seen = await second.executor.getTaskExecutionHandle(b.task, handle.getExecutionId())
    await expect(world.until(seen.waitAndGetOutput())).resolves.toBe('second')
    expect(child).toHaveBeenCalledTimes(1)
    const parent = world.storage.dump().find(({ taskId }) => taskId === 'parent')
    expect(parent).toMatchObject({ status: 'completed', takeovers: 0 })
  })

  it('in a parent before its children are stored has them made once, by another', async () => {
    const pair = await startPair()
    const { world, first, second } = pair
    const [a, b] = onBoth(pair, ({ executor }, run) => {
      const child = executor.task({ id: 'child', timeoutMs: LONG, run: (_ctx, n: number) => n })
      return executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: async (ctx) => {
          await run(ctx, undefined)
          return { output: 1, children: [childTask(child, 1), childTask(child, 2)] }
        },
        finalize: ({ children }) => children.length,
      })
    })
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.cut()
    a.work.call(0).returns('go')
    await world.environment.untilTrue(() => b.work.calls.length === 1, TAKEOVER_MS)
    b.work.call(0).returns('go')
    const seen = await second.executor.getTaskExecutionHandle(b.task, handle.getExecutionId())
    await expect(world.until(seen.waitAndGetOutput())).resolves.toBe(2)
    first.connection.mend()
    await world.environment.advanceBy(20_000)
    expect(
      world.storage
        .dump()
        .map(({ taskId }) => taskId)
        .sort(),
    ).toEqual(['child', 'child', 'parent', 'parent_finalize'])
  })

  it('in the middle of a sequence leaves the rest of it to another, and no step before runs again', async () => {
    const pair = await startPair()
    const { world, first, second } = pair
    const before = vi.fn(() => 'one')
    const after = vi.fn((_ctx: unknown, text: string) => `${text} three`)
    const [a, b] = onBoth(pair, ({ executor }, run) => {
      const one = executor.task({ id: 'one', timeoutMs: LONG, run: before })
      const two = executor.task({
        id: 'two',
        timeoutMs: LONG,
        run: (ctx, text: string) => run(ctx, text),
      })
      const three = executor.task({ id: 'three', timeoutMs: LONG, run: after })
      return executor.sequentialTasks('chain', [one, two, three])
    })
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.cut()
    await world.environment.untilTrue(() => b.work.calls.length === 1, TAKEOVER_MS)
    expect(b.work.call(0).input).toBe('one')
    b.work.call(0).returns('one two')
    const seen = await second.executor.getTaskExecutionHandle(b.task, handle.getExecutionId())
    await expect(world.until(seen.waitAndGetOutput())).resolves.toBe('one two three')
    expect(before).toHaveBeenCalledTimes(1)
    expect(after).toHaveBeenCalledTimes(1)
  })

  it('with work claimed ahead of its slots leaves that to another too', async () => {
    const pair = await startPair({ maxConcurrentTaskExecutions: 4 })
    const { world, first, second } = pair
    const [a, b] = onBothTask(pair)
    second.connection.cut()
    await first.executor.enqueueTasks(Array.from({ length: 5 }, () => childTask(a.task, undefined)))
    await world.environment.untilTrue(() => a.work.calls.length === 4)
    await world.environment.advanceBy(1000)
    expect(world.storage.dump().filter(({ status }) => status === 'running')).toHaveLength(5)
    first.connection.cut()
    second.connection.mend()
    await world.environment.untilTrue(() => b.work.calls.length === 4, LEASE_MS + TAKEOVER_MS)
    for (const { returns } of b.work.calls) returns('second')
    await world.environment.untilTrue(() => b.work.calls.length === 5, TAKEOVER_MS)
  })

  it('for less than its lease loses nothing: its result is stored when the storage is back', async () => {
    const pair = await startPair()
    const { world, first } = pair
    const [a, b] = onBothTask(pair)
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    await world.environment.advanceBy(5000)
    first.connection.cut()
    a.work.call(0).returns('first')
    await world.environment.advanceBy(8000)
    first.connection.mend()
    await expect(world.until(handle.waitAndGetOutput(), 10_000)).resolves.toBe('first')
    await world.environment.advanceBy(2 * TAKEOVER_MS)
    expect(b.work.calls).toEqual([])
  })
})

describe('a takeover', () => {
  it('is not made by an executor that has just started, until it has seen the storage healthy for a while', async () => {
    const world = createWorld()
    const dead = await world.start()
    const work = createControlledRun()
    const task = dead.executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
    await dead.executor.enqueueTask(task)
    await world.environment.untilTrue(() => work.calls.length === 1)
    dead.connection.cut()
    await world.environment.advanceBy(60_000)
    const fresh = world.add()
    const run = vi.fn(() => 'fresh')
    fresh.executor.task({ id: 'task', timeoutMs: LONG, run })
    await world.until(fresh.executor.start())
    await world.environment.advanceBy(LEASE_MS / 2 - 500)
    expect(run).not.toHaveBeenCalled()
    await world.environment.advanceBy(1500)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('is judged by the clock of the storage, whatever those of the machines say', async () => {
    const world = createWorld()
    const ahead = world.add({ executorId: 'ahead' }, 3_600_000)
    const behind = world.add({ executorId: 'behind' }, -3_600_000)
    const runs: Record<string, ControlledRun<string, undefined>> = {}
    const tasks: Task<undefined, string>[] = []
    for (const { executor } of [ahead, behind]) {
      const work = createControlledRun()
      runs[executor.id] = work
      tasks.push(executor.task({ id: 'task', timeoutMs: LONG, run: work.run }))
      await world.until(executor.start())
    }
    await world.environment.advanceBy(LEASE_MS)
    const [, task] = tasks
    if (!task) throw new Error('There is no task')
    await behind.executor.enqueueTask(task)
    await world.environment.advanceBy(120_000)
    expect(runs['behind']?.calls).toHaveLength(1)
    expect(runs['ahead']?.calls).toEqual([])
  })

  it('and due times are judged so by one that claims other work all the while', async () => {
    const world = createWorld()
    const behind = world.add({ executorId: 'behind' }, -3_600_000)
    const ahead = world.add({ executorId: 'ahead', maxConcurrentTaskExecutions: 2 }, 3_600_000)
    const held = createControlledRun()
    const task = behind.executor.task({ id: 'task', timeoutMs: LONG, run: held.run })
    behind.executor.task({ id: 'short', timeoutMs: LONG, run: () => 'behind' })
    const ranAhead = vi.fn(() => 'ahead')
    ahead.executor.task({ id: 'task', timeoutMs: LONG, run: ranAhead })
    const short = ahead.executor.task({ id: 'short', timeoutMs: LONG, run: () => 'ahead' })
    await world.until(behind.executor.start())
    await behind.executor.enqueueTask(task)
    await behind.executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 30_000 })
    await world.until(ahead.executor.start())
    const claimsBefore = ahead.connection.countOf('claim')
    for (let second = 0; second < 29; second += 1) {
      // More than there are slots: what is left over has to be claimed.
      const five = [1, 2, 3, 4, 5].map(() => ahead.executor.enqueueTask(short))
      await world.until(Promise.all(five))
      await world.environment.advanceBy(1000)
    }
    expect(ahead.connection.countOf('claim') - claimsBefore).toBeGreaterThan(20)
    expect(held.calls).toHaveLength(1)
    expect(ranAhead).not.toHaveBeenCalled()
    for (const row of world.storage.dump()) expect(row.takeovers).toBe(0)
    held.call(0).returns('done')
  })

  it('is forgotten when an attempt ends by itself', async () => {
    const pair = await startPair()
    const { world, first, second } = pair
    const [a, b] = onBoth(pair, ({ executor }, run) =>
      executor.task({ id: 'task', timeoutMs: LONG, retryOptions: { maxAttempts: 5 }, run }),
    )
    const handle = await first.executor.enqueueTask(a.task)
    await world.environment.untilTrue(() => a.work.calls.length === 1)
    first.connection.cut()
    await world.environment.untilTrue(() => b.work.calls.length === 1)
    await expect(
      second.executor
        .getTaskExecutionHandle(b.task, handle.getExecutionId())
        .then((h) => h.getExecution()),
    ).resolves.toMatchObject({ takeovers: 1 })
    b.work.call(0).throws(new Error('again'))
    await world.environment.untilTrue(() => b.work.calls.length === 2)
    const [row] = world.storage.dump()
    expect(row).toMatchObject({ status: 'running', attempt: 1, takeovers: 0 })
  })
})

describe('a task that kills its process', () => {
  /** Runs generations of executors: each is cut off when it runs a killer. */
  async function runGenerations(
    world: World,
    options: { maxTakeovers?: number; goodCount: number },
  ) {
    const { goodCount, ...executorOptions } = options
    const goodRuns = vi.fn()
    let killed = 0
    let handleIds: string[] = []
    for (let generation = 0; generation < 12; generation += 1) {
      const member = await world.start({
        executorId: `generation ${generation}`,
        ...executorOptions,
      })
      const { executor, connection } = member
      const good = executor.task({
        id: 'good',
        timeoutMs: LONG,
        run: async (ctx) => {
          goodRuns(ctx.executionId)
          await new Promise<void>((resolve) => {
            world.environment.setTimer(1000, resolve)
          })
          return 'good'
        },
      })
      const killer = executor.task({
        id: 'killer',
        timeoutMs: LONG,
        run: () => {
          killed += 1
          // Some time passes before it does its harm.
          world.environment.setTimer(500, () => {
            connection.cut()
          })
          return new Promise<string>(() => {})
        },
      })
      if (generation === 0) {
        const handles = await executor.enqueueTasks([
          childTask(killer),
          ...Array.from({ length: goodCount }, () => childTask(good)),
        ])
        handleIds = handles.map((handle) => handle.getExecutionId())
      }
      await world.environment.advanceBy(60_000)
    }
    const { records } = await world.storage.get({ executionIds: handleIds })
    return { rows: records, killed, goodRuns }
  }

  it('fails and says so after maxTakeovers, and what ran beside it completes', async () => {
    const world = createWorld()
    const { rows, killed } = await runGenerations(world, { goodCount: 9 })
    const [killer, ...good] = rows
    expect(killer).toMatchObject({
      status: 'failed',
      attempt: 0,
      error: { code: 'too_many_takeovers', isRetryable: false },
    })
    expect(killer?.error?.message).toMatch(/^Executors running this execution were lost 4 times/)
    // Once at first, and after each of three takeovers.
    expect(killed).toBe(4)
    expect(good.map((row) => row?.status)).toEqual(Array.from({ length: 9 }, () => 'completed'))
  })

  it('is given as many takeovers as the option says', async () => {
    const world = createWorld()
    const { rows, killed } = await runGenerations(world, { goodCount: 1, maxTakeovers: 2 })
    expect(killed).toBe(3)
    expect(rows.map((row) => row?.status)).toEqual(['failed', 'completed'])
  })
})

describe('a parent whose resume kills its process', () => {
  it('ends finalize_failed after maxTakeovers, and says so', async () => {
    const world = createWorld()
    let executionId = ''
    for (let generation = 0; generation < 8; generation += 1) {
      const { executor, connection } = await world.start({ executorId: `generation ${generation}` })
      const child = executor.task({ id: 'child', timeoutMs: LONG, run: () => 1 })
      const parent = executor.parentTask({
        id: 'parent',
        timeoutMs: LONG,
        runParent: () => ({ output: 1, children: [childTask(child)] }),
        finalize: () => 'end',
      })
      // It dies of the resume, before that is stored; not of the settlement that ends the parent for good.
      connection.disturb(
        'settle',
        () => {
          connection.cut()
          return new Promise(() => {})
        },
        {
          when: ({ settlements }) =>
            settlements.some(({ change }) => change.status === 'waiting_for_finalize'),
        },
      )
      if (generation === 0) executionId = (await executor.enqueueTask(parent)).getExecutionId()
      await world.environment.advanceBy(60_000)
    }
    const row = world.storage.dump().find((one) => one.executionId === executionId)
    expect(row).toMatchObject({
      status: 'finalize_failed',
      takeovers: 4,
      error: { code: 'too_many_takeovers' },
    })
  })
})

describe('an unknown task', () => {
  it('is left for the executor that knows it, burns no attempt, and is told once', async () => {
    const world = createWorld()
    const old = await world.start({ executorId: 'old' })
    const client = world.add()
    const task = client.executor.task({ id: 'new', timeoutMs: LONG, run: () => '' })
    const handles = await client.executor.enqueueTasks([childTask(task), childTask(task)])
    await world.environment.advanceBy(30_000)
    for (const handle of handles) {
      await expect(handle.getExecution()).resolves.toMatchObject({
        status: 'ready',
        attempt: 0,
        takeovers: 0,
      })
    }
    expect(eventsOf(old.events, 'unknown_task')).toEqual([{ type: 'unknown_task', taskId: 'new' }])
    const current = await world.start({ executorId: 'current' })
    current.executor.task({ id: 'new', timeoutMs: LONG, run: (ctx) => `attempt ${ctx.attempt}` })
    for (const handle of handles) {
      await expect(world.until(handle.waitAndGetOutput(), 2000)).resolves.toBe('attempt 0')
    }
  })

  it('is not claimed again and again by the executor that does not know it', async () => {
    const world = createWorld()
    const { connection } = await world.start()
    const client = world.add()
    const task = client.executor.task({ id: 'new', timeoutMs: LONG, run: () => '' })
    const handle = await client.executor.enqueueTask(task)
    await world.environment.advanceBy(50_000)
    const row = world.storage
      .dump()
      .find(({ executionId }) => executionId === handle.getExecutionId())
    expect(row?.claimCount).toBe(1)
    // No more than one look each poll interval, of two claims.
    expect(connection.countOf('claim')).toBeLessThan(600)
  })

  it('does not stand in the way of others', async () => {
    const world = createWorld()
    const { executor } = world.add({ maxConcurrentTaskExecutions: 1 })
    const client = world.add()
    const unknown = client.executor.task({ id: 'new', timeoutMs: LONG, run: () => '' })
    const known = client.executor.task({ id: 'known', timeoutMs: LONG, run: () => '' })
    executor.task({ id: 'known', timeoutMs: LONG, run: () => 'ran' })
    await client.executor.enqueueTasks(Array.from({ length: 20 }, () => childTask(unknown)))
    const handle = await client.executor.enqueueTask(known)
    await world.until(executor.start())
    await expect(world.until(handle.waitAndGetOutput(), 5000)).resolves.toBe('ran')
  })

  it('of a parent that is to be resumed is left in its state', async () => {
    const world = createWorld()
    const knowing = await world.start({ executorId: 'knowing', queues: ['parents'] })
    const work = createControlledRun()
    const child = knowing.executor.task({
      id: 'child',
      timeoutMs: LONG,
      queue: 'children',
      run: work.run,
    })
    const parent = knowing.executor.parentTask({
      id: 'parent',
      timeoutMs: LONG,
      runParent: () => ({ output: 1, children: [childTask(child)] }),
      finalize: () => 'end',
    })
    const handle = await knowing.executor.enqueueTask(parent, undefined, { queue: 'parents' })
    await world.environment.advanceBy(1000)
    knowing.connection.cut()
    const other = await world.start({ executorId: 'other', queues: ['children', 'parents'] })
    other.executor.task({ id: 'child', timeoutMs: LONG, queue: 'children', run: () => 'child' })
    await world.environment.advanceBy(10_000)
    const row = world.storage.dump().find(({ taskId }) => taskId === 'parent')
    expect(row).toMatchObject({
      status: 'waiting_for_children',
      activeChildrenCount: 0,
      executorId: null,
    })
    knowing.connection.mend()
    await expect(world.until(handle.waitAndGetOutput(), 20_000)).resolves.toBe('end')
  })
})
