/** Hints of the storage make executors look sooner, and rarer; without them, and when they are lost, everything works all the same. */
import { describe, expect, it } from 'vitest'

import type { DurableExecutor, Task } from '../src/index'
import { createControlledRun } from './support/controlled-run'
import { createWorld, eventsOf, type Member, type World } from './support/world'

/** Hints that come are followed within this, jitter and round trips included; polls are far slower. */
const AT_ONCE_MS = 60
const SLOW_POLL_MS = 60_000
const LONG_MS = 3_600_000

function defineTask(executor: DurableExecutor): Task<number, number> {
  return executor.task({ id: 'task', timeoutMs: 60_000, run: (_context, index: number) => index })
}

/** A worker and a client that are far apart, but for hints. */
async function apart(world: World): Promise<{ worker: Member; client: Member }> {
  const options = { pollIntervalMs: SLOW_POLL_MS, leaseMs: 3_600_000 }
  const worker = await world.start(options)
  const client = world.add(options)
  // Work is under way no more, and the sweep sleeps.
  await world.environment.advanceBy(10)
  return { worker, client }
}

describe('an executor that gets hints', () => {
  it('starts what another process enqueues at once', async () => {
    const world = createWorld({ pushes: true })
    const { worker, client } = await apart(world)
    defineTask(worker.executor)
    const task = defineTask(client.executor)
    const handle = await world.until(client.executor.enqueueTask(task, 1))
    await world.environment.advanceBy(AT_ONCE_MS)
    expect((await world.until(handle.getExecution())).status).toBe('completed')
  })

  it('starts what another process enqueued with a delay on time, also the second and the third', async () => {
    const world = createWorld({ pushes: true })
    const { worker, client } = await apart(world)
    const startedAt: number[] = []
    const define = (executor: DurableExecutor): Task<void> =>
      executor.task({
        id: 'later',
        timeoutMs: 1000,
        run: () => {
          startedAt.push(world.environment.monotonic())
        },
      })
    define(worker.executor)
    const task = define(client.executor)
    const enqueuedAt = world.environment.monotonic()
    for (const sleepMsBeforeRun of [500, 900, 1300]) {
      await world.until(client.executor.enqueueTask(task, undefined, { sleepMsBeforeRun }))
    }
    await world.environment.advanceBy(2000)
    expect(startedAt).toHaveLength(3)
    for (const [index, delayMs] of [500, 900, 1300].entries()) {
      const startedAfterMs = (startedAt[index] ?? 0) - enqueuedAt
      expect(startedAfterMs).toBeGreaterThanOrEqual(delayMs)
      expect(startedAfterMs).toBeLessThan(delayMs + AT_ONCE_MS)
    }
  })

  it('resolves a wait when another process finishes the execution', async () => {
    const world = createWorld({ pushes: true })
    const { worker, client } = await apart(world)
    const controlled = createControlledRun<number, number>()
    worker.executor.task({ id: 'task', timeoutMs: 3_600_000, run: controlled.run })
    const task = defineTask(client.executor)
    const handle = await world.until(client.executor.enqueueTask(task, 1))
    let output: number | null = null
    void handle.waitAndGetOutput().then((value) => {
      output = value
    })
    await world.environment.advanceBy(40_000)
    expect(output).toBe(null)
    client.connection.calls.clear()
    controlled.call(0).returns(7)
    await world.environment.advanceBy(AT_ONCE_MS)
    expect(output).toBe(7)
    expect(client.connection.countOf('get')).toBe(1)
  })

  it('tells a running function at once that another process cancelled it', async () => {
    const world = createWorld({ pushes: true })
    const { worker, client } = await apart(world)
    const controlled = createControlledRun<number, number>()
    worker.executor.task({ id: 'task', timeoutMs: 60_000, run: controlled.run })
    const handle = await world.until(client.executor.enqueueTask(defineTask(client.executor), 1))
    await world.environment.advanceBy(AT_ONCE_MS)
    await world.until(handle.cancel())
    await world.environment.advanceBy(5)
    expect(controlled.call(0).context.cancelSignal.aborted).toBe(true)
  })

  it('tells a function that was cancelled between the claim and its answer', async () => {
    const world = createWorld({ pushes: true })
    const { worker, client } = await apart(world)
    const controlled = createControlledRun<number, number>()
    worker.executor.task({ id: 'task', timeoutMs: 60_000, run: controlled.run })
    const task = defineTask(client.executor)
    let cancel: () => Promise<void> = () => Promise.resolve()
    worker.connection.disturb(
      'claim',
      async (pass) => {
        const answer = await pass()
        const { records } = answer as { records: unknown[] }
        // The hint is there before the answer.
        if (records.length > 0) await cancel()
        return answer
      },
      { times: Infinity },
    )
    const handle = await world.until(client.executor.enqueueTask(task, 1))
    cancel = () => handle.cancel()
    await world.environment.advanceBy(AT_ONCE_MS)
    expect(eventsOf(worker.events, 'claim_lost')).toHaveLength(1)
    expect(controlled.calls.every(({ context }) => context.cancelSignal.aborted)).toBe(true)
  })

  it('asks about once a second while there is nothing to do', async () => {
    const world = createWorld({ pushes: true })
    const { connection } = await world.start({ retentionMs: null })
    await world.environment.advanceBy(10_000)
    connection.calls.clear()
    await world.environment.advanceBy(60_000)
    expect([...connection.calls.keys()]).toEqual(['nextClaimAt'])
    expect(connection.countOf('nextClaimAt')).toBeLessThanOrEqual(80)
  })

  it('subscribes with its start or its first wait, and unsubscribes with its shutdown', async () => {
    const world = createWorld({ pushes: true })
    const client = world.add()
    const worker = world.add()
    defineTask(worker.executor)
    const handle = await world.until(client.executor.enqueueTask(defineTask(client.executor), 1))
    expect(client.connection.listening + worker.connection.listening).toBe(0)
    await world.until(worker.executor.start())
    expect(worker.connection.listening).toBe(1)
    await world.until(handle.waitAndGetOutput())
    expect(client.connection.listening).toBe(1)
    await world.until(Promise.all([client.executor.shutdown(), worker.executor.shutdown()]))
    expect(client.connection.listening + worker.connection.listening).toBe(0)
  })
})

describe('an executor whose hints are lost', () => {
  it.each(['in silence', 'with a word'])('finds everything by looking: %s', async (how) => {
    const world = createWorld({ pushes: true })
    const { executor, connection } = await world.start()
    const controlled = createControlledRun<number, number>()
    executor.task({ id: 'task', timeoutMs: 60_000, run: controlled.run })
    const client = world.add()
    const task = defineTask(client.executor)
    await world.environment.advanceBy(100)
    for (const lost of [connection, client.connection]) lost.hintFault = () => undefined
    const longestMs = how === 'with a word' ? 300 : 1700
    const first = await world.until(client.executor.enqueueTask(task, 1))
    const wait = first.waitAndGetOutput()
    await world.environment.turn()
    for (const lost of [connection, client.connection]) {
      if (how === 'with a word') lost.tellListening(false)
    }
    await world.environment.advanceBy(longestMs)
    controlled.call(0).returns(1)
    expect(await world.until(wait, longestMs)).toBe(1)
    const second = await world.until(client.executor.enqueueTask(task, 2))
    await world.environment.advanceBy(longestMs)
    await world.until(second.cancel())
    await world.environment.advanceBy(6000)
    expect(controlled.call(1).context.cancelSignal.aborted).toBe(true)
  })

  it('ends a wait that has lasted long within a second, though no hint tells of the end', async () => {
    const world = createWorld({ pushes: true })
    const { executor } = await world.start({ leaseMs: 3_600_000 })
    const controlled = createControlledRun<number, number>()
    const client = world.add()
    const define = (at: DurableExecutor): Task<number, number> =>
      at.task({ id: 'task', timeoutMs: 3_600_000, run: controlled.run })
    define(executor)
    const handle = await world.until(client.executor.enqueueTask(define(client.executor), 1))
    const wait = handle.waitAndGetOutput()
    await world.environment.advanceBy(600_000)
    client.connection.hintFault = () => undefined
    controlled.call(0).returns(7)
    expect(await world.until(wait, 1100)).toBe(7)
  })

  it('looks at everything once when they come again', async () => {
    const world = createWorld({ pushes: true })
    const { worker, client } = await apart(world)
    defineTask(worker.executor)
    const task = defineTask(client.executor)
    worker.connection.hintFault = () => undefined
    const handle = await world.until(client.executor.enqueueTask(task, 1))
    await world.environment.advanceBy(AT_ONCE_MS)
    expect((await world.until(handle.getExecution())).status).toBe('ready')
    worker.connection.tellListening(true)
    await world.environment.advanceBy(AT_ONCE_MS)
    expect((await world.until(handle.getExecution())).status).toBe('completed')
  })

  it('tells a function of its cancel at once when they come again after an outage', async () => {
    const world = createWorld({ pushes: true })
    const { worker, client } = await apart(world)
    const controlled = createControlledRun<number, number>()
    worker.executor.task({ id: 'task', timeoutMs: LONG_MS, run: controlled.run })
    const handle = await world.until(client.executor.enqueueTask(defineTask(client.executor), 1))
    await world.environment.untilTrue(() => controlled.calls.length === 1)
    worker.connection.hintFault = () => undefined
    worker.connection.cut(() => Promise.reject(new Error('The storage is away')))
    worker.connection.tellListening(false)
    await world.environment.advanceBy(60_000)
    worker.connection.mend()
    await world.until(handle.cancel())
    worker.connection.tellListening(true)
    await world.environment.advanceBy(AT_ONCE_MS)
    expect(controlled.call(0).context.cancelSignal.aborted).toBe(true)
  })

  it('tells a function of its cancel at once when they come again, also while work stands in line', async () => {
    const world = createWorld({ pushes: true })
    const { executor, connection } = await world.start({ maxConcurrentTaskExecutions: 1 })
    const controlled = createControlledRun<number, number>()
    executor.task({ id: 'task', timeoutMs: LONG_MS, run: controlled.run })
    const client = world.add()
    const task = defineTask(client.executor)
    const handle = await world.until(client.executor.enqueueTask(task, 1))
    await world.until(client.executor.enqueueTask(task, 2))
    await world.environment.advanceBy(10_000)
    connection.hintFault = () => undefined
    connection.tellListening(false)
    await world.environment.untilTrue(() => connection.countOf('lostClaims') > 0)
    connection.calls.clear()
    await world.environment.untilTrue(() => connection.countOf('lostClaims') > 0)
    await world.until(handle.cancel())
    connection.tellListening(true)
    await world.environment.advanceBy(AT_ONCE_MS)
    expect(controlled.call(0).context.cancelSignal.aborted).toBe(true)
  })

  it('polls where subscribing fails, and says why', async () => {
    const world = createWorld({ pushes: true })
    const { executor, connection, events } = world.add()
    connection.listen = () => Promise.reject(new Error('No ears'))
    await world.until(executor.start())
    const task = defineTask(executor)
    const client = world.add()
    const handle = await world.until(client.executor.enqueueTask(defineTask(client.executor), 1))
    expect(await world.until(handle.waitAndGetOutput(), 500)).toBe(1)
    expect(task.id).toBe('task')
    expect(eventsOf(events, 'background_error')[0]?.message).toContain('No ears')
  })
})

describe('executors over one storage in memory', () => {
  it('hear of one another', async () => {
    const world = createWorld({ pushes: true })
    const members = [await world.start(), await world.start(), await world.start()]
    for (const { executor } of members) defineTask(executor)
    await world.environment.advanceBy(2000)
    const client = world.add()
    const task = defineTask(client.executor)
    const handles = await world.until(
      Promise.all([1, 2, 3, 4].map((index) => client.executor.enqueueTask(task, index))),
    )
    const outputs = Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
    expect(await world.until(outputs, AT_ONCE_MS)).toEqual([1, 2, 3, 4])
  })
})
