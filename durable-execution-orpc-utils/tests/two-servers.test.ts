/** Two servers over one database: what one enqueues the other waits for, cancels and wakes. */
import { setTimeout as sleep } from 'node:timers/promises'

import { InMemoryTaskExecutionsStorage } from 'durable-execution'
import { describe, expect, it } from 'vitest'

import { SHARED_DATABASES } from './support/databases'
import { Runs } from './support/tasks'
import { handlesOf, serveTasks } from './support/tasks-server'
import { until } from './support/world'

describe.each(SHARED_DATABASES)('two servers over $name', (database) => {
  async function start() {
    const [first, second] = await database.open()
    const runs = new Runs()
    const worker = await serveTasks({ storage: first, runs })
    // It runs nothing: what it says it knows from the database.
    const front = await serveTasks({ storage: second, runs, isStarted: false })
    return { runs, worker, front, at: [handlesOf(worker.url), handlesOf(front.url)] as const }
  }

  it('enqueue at one and wait at the other', async () => {
    const { at } = await start()
    for (const [here, there] of [at, [at[1], at[0]] as const]) {
      const input = { at: new Date(0), big: 2n }
      const id = await here.echo.enqueue(input)
      expect(await there.echo.waitAndGetOutput(id)).toEqual(input)
      expect(await here.echo.getExecution(id)).toMatchObject({ status: 'completed' })
    }
  })

  it('cancel at one what runs at the other', async () => {
    const { at, runs } = await start()
    const id = await at[0].hold.enqueue('a')
    await until('it runs', () => runs.held.has('a'))
    const wait = at[0].hold.waitAndGetFinishedExecution(id)
    await at[1].hold.cancel(id)
    expect(await wait).toMatchObject({ status: 'cancelled' })
    await until('its function was told', () => runs.aborted.includes('a'))
  })

  it('wake at one what was enqueued at the other', async () => {
    const { at } = await start()
    const id = await at[0].approval.enqueue('order 1')
    const wait = at[0].approval.waitAndGetOutput(id)
    await at[1].approval.wakeup('order 1', { status: 'completed', output: { by: 'Ada' } })
    expect(await wait).toEqual({ by: 'Ada' })
  })

  it('enqueue once what is enqueued at both with one id', async () => {
    const { at, runs } = await start()
    const options = { executionId: 'order:1' }
    const tries = Array.from({ length: 10 }, (_, index) =>
      at[index % 2 === 0 ? 0 : 1].echo.enqueue(index, options),
    )
    expect(new Set(await Promise.all(tries))).toEqual(new Set(['order:1']))
    await at[1].echo.waitAndGetOutput('order:1')
    expect(runs.calls.get('echo')).toBe(1)
  })
})

describe('many clients that wait at one server', () => {
  it('cost its database no more than few do', async () => {
    const storage = new InMemoryTaskExecutionsStorage()
    const runs = new Runs()
    const worker = await serveTasks({ storage, runs })
    const pollIntervalMs = 100
    const front = await serveTasks({
      storage,
      runs,
      isStarted: false,
      executor: { pollIntervalMs },
    })
    const id = await handlesOf(worker.url).hold.enqueue('a')
    await until('it runs', () => runs.held.has('a'))
    const { hold } = handlesOf(front.url)
    const waits: Promise<string>[] = []
    for (let clients = 0; clients < 200; clients += 1) {
      waits.push(hold.waitAndGetOutput(id))
      // Not all at one moment: each would look at its own.
      await sleep(1)
    }
    await until('all are there', () => front.requests.length === 200)
    await sleep(10 * pollIntervalMs)
    const looks = (): number => front.executor.getStats().storage.verbs['get']?.count ?? 0
    const before = looks()
    await sleep(10 * pollIntervalMs)
    // A look for each would be 2000.
    expect(looks() - before).toBeLessThan(100)
    runs.held.get('a')?.()
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['a was let go']))
  })
})
