/**
 * New work waits a moment for what is about to tell whether it can be claimed by its insert: a claim under way, ends that are being
 * stored. No longer than that moment, and not where nothing is about to tell.
 */
import { describe, expect, it } from 'vitest'

import { childTask, type DurableExecutorOptions, type Task } from '../src/index'
import { createDeferred, type Deferred } from '../src/lib/deferred'
import { createControlledRun, type ControlledRun } from './support/controlled-run'
import {
  hangs,
  isHeldAfter,
  isHeldBefore,
  losesAnswer,
  type Fault,
} from './support/storage-connection'
import { createWorld, type Member, type World } from './support/world'

const LONG = 3_600_000
/** The longest that new work waits for a claim, or for slots. */
const LONGEST_WAIT_MS = 50
/** As many ends wait to be stored before nothing new begins. */
const MOST_UNSTORED = 3000

interface Scene {
  readonly world: World
  readonly member: Member
  readonly task: Task<undefined, string>
  readonly work: ControlledRun<string, undefined>
  /** Ends what is being waited for. */
  readonly gate: Deferred<void>
  /** Enqueues the execution that this is about. */
  readonly enqueue: () => Promise<void>
  /** Its row, if it is inserted. */
  readonly status: () => string | undefined
}

function sceneOf(world: World, member: Member): Scene {
  const work = createControlledRun()
  const task = member.executor.task({ id: 'task', timeoutMs: LONG, run: work.run })
  const enqueue = async (): Promise<void> => {
    await member.executor.enqueueTask(task)
  }
  const status = (): string | undefined =>
    world.storage.dump().find(({ taskId }) => taskId === 'task')?.status
  return { world, member, task, work, gate: createDeferred<void>(), enqueue, status }
}

/** Its first claim is under way, and is answered when the gate opens; later ones do not get through. */
async function whileClaiming(
  options: DurableExecutorOptions = {},
  fault: (gate: Promise<void>) => Fault = isHeldAfter,
): Promise<Scene> {
  const world = createWorld()
  const scene = sceneOf(world, world.add(options))
  const { executor, connection } = scene.member
  connection.disturb('claim', fault(scene.gate.promise))
  connection.disturb('claim', hangs, { times: Infinity })
  await world.until(executor.start())
  await world.environment.untilTrue(() => connection.countOf('claim') === 1)
  return scene
}

/** As many ends as are allowed wait to be stored, until the gate opens. */
async function whileStoring(): Promise<Scene> {
  const world = createWorld()
  const member = await world.start({ maxConcurrentTaskExecutions: MOST_UNSTORED })
  const scene = sceneOf(world, member)
  const { executor, connection } = member
  const quick = executor.task({ id: 'quick', timeoutMs: LONG, run: () => 'done' })
  await world.environment.advanceBy(1000)
  connection.disturb('settle', isHeldBefore(scene.gate.promise), { times: Infinity })
  await world.until(
    Promise.all(Array.from({ length: MOST_UNSTORED }, () => executor.enqueueTask(quick))),
  )
  await world.environment.untilTrue(() => executor.getStats().slots.unstored === MOST_UNSTORED)
  connection.disturb('claim', hangs, { times: Infinity })
  return scene
}

describe('new work, while a claim is under way,', () => {
  it('waits for it, and is claimed by its insert if that found no line', async () => {
    const { world, member, work, gate, enqueue, status } = await whileClaiming()
    const enqueued = enqueue()
    await world.environment.advanceBy(LONGEST_WAIT_MS - 1)
    expect(member.connection.countOf('insert')).toBe(0)
    gate.resolve()
    await world.environment.turn()
    expect(status()).toBe('running')
    expect(work.calls).toHaveLength(1)
    await enqueued
    expect(member.connection.countOf('claim')).toBe(1)
  })

  it('goes on as unclaimed when that takes too long', async () => {
    const { world, member, enqueue, status } = await whileClaiming()
    const enqueued = enqueue()
    await world.environment.advanceBy(LONGEST_WAIT_MS - 1)
    expect(member.connection.countOf('insert')).toBe(0)
    await world.environment.advanceBy(1)
    expect(status()).toBe('ready')
    await enqueued
  })

  it('goes on as unclaimed when that found a line', async () => {
    const options = { maxConcurrentTaskExecutions: 1 }
    const { world, member, task, gate, enqueue } = await whileClaiming(options, isHeldBefore)
    const client = world.add()
    const same = client.executor.task({ id: task.id, timeoutMs: LONG, run: () => 'there' })
    for (let count = 0; count < 2; count += 1) {
      await world.until(client.executor.enqueueTask(same))
    }
    const enqueued = enqueue()
    await world.environment.turn()
    expect(member.connection.countOf('insert')).toBe(0)
    gate.resolve()
    await world.environment.turn()
    await enqueued
    const statuses = world.storage.dump().map(({ status }) => status)
    expect(statuses.sort()).toEqual(['ready', 'ready', 'running'])
  })

  it('goes on as unclaimed at once when that fails', async () => {
    const { world, member, gate, enqueue, status } = await whileClaiming()
    const enqueued = enqueue()
    await world.environment.turn()
    expect(member.connection.countOf('insert')).toBe(0)
    gate.reject(new Error('Connection reset'))
    await world.environment.turn()
    expect(status()).toBe('ready')
    await enqueued
  })

  it('is stored, and not run here, when a shutdown begins meanwhile', async () => {
    const { world, member, work, gate, enqueue, status } = await whileClaiming()
    const enqueued = enqueue()
    await world.environment.turn()
    const stopped = member.executor.shutdown()
    gate.resolve()
    await world.until(stopped)
    await enqueued
    expect(status()).toBe('ready')
    expect(work.calls).toHaveLength(0)
    expect(world.storage.dump()[0]).toMatchObject({ claimCount: 0, executorId: null })
  })

  it('leaves no timer behind when it waited', async () => {
    const { world, gate, enqueue } = await whileClaiming()
    const before = world.environment.pendingTimersCount
    const enqueued = enqueue()
    await world.environment.turn()
    expect(world.environment.pendingTimersCount).toBe(before + 1)
    gate.resolve()
    await world.environment.turn()
    await enqueued
    const shortTimers = world.environment.pendingTimersCount
    await world.environment.advanceBy(LONGEST_WAIT_MS)
    expect(world.environment.pendingTimersCount).toBe(shortTimers)
  })
})

describe('new work, where nothing is about to tell,', () => {
  it('does not wait: a line is known', async () => {
    const world = createWorld()
    const member = await world.start({ maxConcurrentTaskExecutions: 1 })
    const { connection } = member
    const { work, enqueue } = sceneOf(world, member)
    await world.environment.advanceBy(1000)
    for (let count = 0; count < 4; count += 1) await world.until(enqueue())
    work.call(0).returns('done')
    // It took one of the line, which was all that it was allowed to.
    await world.environment.untilTrue(() => work.calls.length === 2)
    connection.disturb('claim', hangs, { times: Infinity })
    const claims = connection.countOf('claim')
    work.call(1).returns('done')
    await world.environment.untilTrue(() => connection.countOf('claim') > claims)
    connection.calls.clear()
    const enqueued = enqueue()
    await world.environment.turn()
    expect(connection.countOf('insert')).toBe(1)
    await enqueued
  })

  it('does not wait: this executor was not started', async () => {
    const world = createWorld()
    const member = world.add()
    const { enqueue, status } = sceneOf(world, member)
    const enqueued = enqueue()
    await world.environment.turn()
    expect(status()).toBe('ready')
    await enqueued
  })

  it('does not wait: the claim under way is of another queue', async () => {
    const { world, member, status } = await whileClaiming({ queues: ['default'] })
    const task = member.executor.task({ id: 'other', timeoutMs: LONG, run: () => 'there' })
    const enqueued = member.executor.enqueueTask(task, undefined, { queue: 'elsewhere' })
    await world.environment.turn()
    expect(world.storage.dump()).toMatchObject([{ taskId: 'other', status: 'ready' }])
    expect(status()).toBeUndefined()
    await enqueued
  })
})

describe('new work, while ends that are being stored keep its slot,', () => {
  it('waits for them, and is claimed by its insert when some are stored', async () => {
    const { world, work, gate, enqueue, status } = await whileStoring()
    const enqueued = enqueue()
    await world.environment.advanceBy(LONGEST_WAIT_MS - 1)
    expect(status()).toBeUndefined()
    gate.resolve()
    await world.environment.turn()
    expect(status()).toBe('running')
    expect(work.calls).toHaveLength(1)
    await enqueued
  })

  it('goes on as unclaimed when that takes too long', async () => {
    const { world, enqueue, status } = await whileStoring()
    const enqueued = enqueue()
    await world.environment.advanceBy(LONGEST_WAIT_MS - 1)
    expect(status()).toBeUndefined()
    await world.environment.advanceBy(1)
    expect(status()).toBe('ready')
    await enqueued
  })

  it('is stored, and not run here, when a shutdown begins meanwhile', async () => {
    const { world, member, work, gate, enqueue, status } = await whileStoring()
    const enqueued = enqueue()
    await world.environment.turn()
    const stopped = member.executor.shutdown()
    gate.resolve()
    await world.until(stopped)
    await enqueued
    expect(status()).toBe('ready')
    expect(work.calls).toHaveLength(0)
  })
})

/** More functions than end in 50 ms where new work waits for slots. */
const MANY = 600

interface Crowd extends Scene {
  /** Ends so many of the functions that run, the oldest first. */
  readonly end: (count: number) => Promise<void>
}

/** Functions have all slots, and as many as are asked for have just ended and made way for others. */
async function inACrowd(endedCount = MANY): Promise<Crowd> {
  const world = createWorld({ pushes: true })
  const member = await world.start({
    maxConcurrentTaskExecutions: MANY,
    queues: ['default', 'second'],
  })
  const scene = sceneOf(world, member)
  const { executor } = member
  const crowd = createControlledRun()
  const other = executor.task({ id: 'other', timeoutMs: LONG, run: crowd.run })
  await world.environment.advanceBy(1000)
  const enter = async (count: number): Promise<void> => {
    const tasks = Array.from({ length: count }, () => childTask(other))
    const began = crowd.calls.length + count
    await world.until(executor.enqueueTasks(tasks))
    await world.environment.untilTrue(() => crowd.calls.length === began)
  }
  let endedSoFar = 0
  const end = async (count: number): Promise<void> => {
    for (const until = endedSoFar + count; endedSoFar < until; endedSoFar += 1) {
      crowd.call(endedSoFar).returns('done')
    }
    await world.environment.turn()
  }
  await enter(MANY)
  await end(endedCount)
  await enter(endedCount)
  expect(executor.getStats().slots.taken).toBe(MANY)
  return { ...scene, end }
}

/** Another process makes so many due. */
async function standInLine({ world, task }: Scene, count: number): Promise<void> {
  const { executor } = world.add()
  const same = executor.task({ id: task.id, timeoutMs: LONG, run: () => 'there' })
  const tasks = Array.from({ length: count }, () => childTask(same))
  await world.until(executor.enqueueTasks(tasks))
}

/** What is enqueued is sent in this very turn. */
async function expectInsertAtOnce(
  { world, member, enqueue }: Scene,
  call: () => Promise<unknown> = enqueue,
): Promise<void> {
  const inserts = member.connection.countOf('insert')
  const enqueued = call()
  await world.environment.turn()
  expect(member.connection.countOf('insert')).toBe(inserts + 1)
  await world.until(enqueued)
}

describe('new work, while all slots are taken and functions end fast,', () => {
  it('waits for a slot, and is claimed by its insert', async () => {
    const { world, member, work, enqueue, status, end } = await inACrowd()
    const claims = member.connection.countOf('claim')
    const enqueued = enqueue()
    await world.environment.advanceBy(20)
    expect(status()).toBeUndefined()
    await end(1)
    await world.environment.advanceBy(2)
    expect(status()).toBe('running')
    expect(work.calls).toHaveLength(1)
    await enqueued
    expect(member.connection.countOf('claim')).toBe(claims)
  })

  it('waits for no more than half of the slots', async () => {
    const { world, member, task, work, end } = await inACrowd()
    const inserts = member.connection.countOf('insert')
    const tasks = Array.from({ length: MANY }, () => childTask(task))
    const enqueued = member.executor.enqueueTasks(tasks)
    await end(MANY / 2 - 1)
    await world.environment.advanceBy(2)
    expect(member.connection.countOf('insert')).toBe(inserts)
    await end(1)
    await world.environment.advanceBy(2)
    expect(member.connection.countOf('insert')).toBe(inserts + 1)
    expect(work.calls).toHaveLength(MANY / 2)
    await world.until(enqueued)
  })

  it.each([
    ['more than all slots could take', MANY + 1, () => 'default'],
    ['work of several queues', 2, (index: number) => ['default', 'second'][index]],
  ])('does not wait with %s', async (_name, count, queueOf) => {
    const scene = await inACrowd()
    const { member, task } = scene
    const tasks = Array.from({ length: count }, (_, index) =>
      childTask(task, undefined, { queue: queueOf(index) ?? '' }),
    )
    await expectInsertAtOnce(scene, () => member.executor.enqueueTasks(tasks))
  })

  it('goes on as unclaimed when that takes too long', async () => {
    const { world, member, work, enqueue, status } = await inACrowd()
    const claims = member.connection.countOf('claim')
    const enqueued = enqueue()
    await world.environment.advanceBy(LONGEST_WAIT_MS - 2)
    expect(status()).toBeUndefined()
    await world.environment.advanceBy(2)
    expect(status()).toBeDefined()
    await enqueued
    // It is claimed ahead, and waits for its slot.
    await world.environment.untilTrue(() => member.connection.countOf('claim') > claims)
    expect(work.calls).toHaveLength(0)
  })

  it('does not wait where few have ended', async () => {
    await expectInsertAtOnce(await inACrowd(MANY - 200))
  })

  it('does not wait in a line in which others stand for long', async () => {
    const scene = await inACrowd()
    const { world, member, end } = scene
    await standInLine(scene, 1000)
    await world.environment.advanceBy(5000)
    const claims = member.connection.countOf('claim')
    await end(MANY)
    await world.environment.untilTrue(() => member.connection.countOf('claim') > claims)
    await expectInsertAtOnce(scene)
  })

  it('waits for the end of a short line', async () => {
    const scene = await inACrowd()
    const { world, member, work, gate, enqueue, end } = scene
    const { connection } = member
    await end(MANY)
    const inserts = connection.countOf('insert')
    // A claim takes 550 of them at the most; the next one, of the others, is held.
    const claims = connection.countOf('claim')
    connection.disturb('claim', (pass) => pass())
    connection.disturb('claim', isHeldBefore(gate.promise))
    await standInLine(scene, 560)
    await world.environment.untilTrue(() => connection.countOf('claim') === claims + 2)
    const enqueued = enqueue()
    await world.environment.advanceBy(20)
    expect(connection.countOf('insert')).toBe(inserts)
    gate.resolve()
    await world.environment.advanceBy(2)
    expect(connection.countOf('insert')).toBe(inserts + 1)
    await world.until(enqueued)
    expect(connection.countOf('claim')).toBe(claims + 2)
    expect(work.calls).toHaveLength(561)
  })

  it('does not wait if it is due later, or for another executor', async () => {
    const { world, member, task } = await inACrowd()
    const later = member.executor.enqueueTask(task, undefined, { sleepMsBeforeRun: 1000 })
    await world.environment.turn()
    await later
    const elsewhere = member.executor.enqueueTask(task, undefined, { queue: 'elsewhere' })
    await world.environment.turn()
    await elsewhere
    const rows = world.storage.dump().filter(({ taskId }) => taskId === task.id)
    expect(rows.map(({ status }) => status)).toEqual(['ready', 'ready'])
  })

  it('is stored, and not run here, when a shutdown begins meanwhile', async () => {
    const { world, member, work, enqueue, status, end } = await inACrowd()
    const enqueued = enqueue()
    await world.environment.turn()
    expect(status()).toBeUndefined()
    const stopped = member.executor.shutdown()
    await end(MANY)
    await world.until(stopped)
    await world.until(enqueued)
    expect(status()).toBe('ready')
    expect(work.calls).toHaveLength(0)
  })
})

describe('an execution that is inserted as claimed', () => {
  it('is on its way to be stored, if it ended at once, when its caller goes on', async () => {
    const world = createWorld()
    const { executor, connection } = await world.start()
    const task = executor.task({ id: 'quick', timeoutMs: LONG, run: () => 'done' })
    await world.environment.advanceBy(1000)
    const settles = connection.countOf('settle')
    const settlesSeen = executor.enqueueTask(task).then(() => connection.countOf('settle'))
    await expect(world.until(settlesSeen)).resolves.toBe(settles + 1)
  })

  it('does not keep its caller waiting while it runs', async () => {
    const world = createWorld()
    const { executor } = await world.start()
    const task = executor.task({
      id: 'endless',
      timeoutMs: LONG,
      run: () => createDeferred<void>().promise,
    })
    await world.environment.advanceBy(1000)
    const before = world.environment.monotonic()
    await world.until(executor.enqueueTask(task))
    expect(world.environment.monotonic()).toBe(before)
  })
})

const INDEXES = Array.from({ length: 1000 }, (_, index) => index)

describe('many executions that are inserted as claimed', () => {
  it('store what the first came to while the last begin', async () => {
    const world = createWorld()
    const member = await world.start()
    const { executor, connection } = member
    const settlesAt: number[] = []
    const task = executor.task({
      id: 'quick',
      timeoutMs: LONG,
      run: (_context, index: number) => {
        settlesAt[index] = connection.countOf('settle')
      },
    })
    await world.environment.advanceBy(1000)
    const before = connection.countOf('settle')
    const claims = connection.countOf('claim')
    await world.until(executor.enqueueTasks(INDEXES.map((index) => childTask(task, index))))
    expect(settlesAt).toHaveLength(1000)
    expect(settlesAt[0]).toBe(before)
    expect(settlesAt.at(-1)).toBeGreaterThan(before)
    expect(connection.countOf('claim')).toBe(claims)
  })

  it('begin, each once, beside a search for what the storage claimed unheard', async () => {
    const world = createWorld()
    const member = await world.start()
    const { executor, connection } = member
    const calls: number[] = []
    const task = executor.task({
      id: 'quick',
      timeoutMs: LONG,
      run: (_context, index: number) => {
        calls.push(index)
        // Its answer is lost: the executor looks for what it claimed while the others of the insert have yet to begin.
        if (index === 0) connection.disturb('settle', losesAnswer)
      },
    })
    await world.environment.advanceBy(1000)
    await world.until(executor.enqueueTasks(INDEXES.map((index) => childTask(task, index))))
    await world.environment.untilTrue(() =>
      world.storage.dump().every(({ status }) => status === 'completed'),
    )
    expect(connection.countOf('recover')).toBeGreaterThan(0)
    expect(calls.sort((a, b) => a - b)).toEqual(INDEXES)
  })
})
