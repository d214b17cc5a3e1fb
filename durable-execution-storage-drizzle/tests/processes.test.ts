/** Several processes on one SQLite file: sharing work, killed, stopped, and sent home. */
import { childTask, isFinished } from 'durable-execution'
import { describe, expect, test } from 'vitest'

import { DRIVERS, type Driver } from './databases'
import { TestProcess, type Worker } from './processes/child-process'
import { Scene, until } from './processes/scene'
import type { LastWords } from './processes/short-lived'
import { sumOfTree } from './processes/tasks'

const TIMEOUT_MS = 120_000
/** Long enough that no stall of a busy machine outlasts it, short enough to wait for its end. */
const SHORT_LEASE_MS = 3000
/** No lease of this length lapses during a test. */
const LONG_LEASE_MS = 600_000
/** The sweep finds lapsed work within this time. */
const SWEEP_MS = 1000
/** What is left to a process whose executor is shut down. */
const EXIT_MS = 100
/** For a machine that does other things at the same time. */
const MARGIN_MS = 5000

/** better-sqlite3 where it loads, and the driver whose calls answer later. */
const firstDriver = DRIVERS[0]
const asyncDriver = DRIVERS.find(({ isSync }) => !isSync)
if (!firstDriver || !asyncDriver) throw new Error('There is no SQLite driver')

describe(`processes on one SQLite file, with ${firstDriver.name}`, () => {
  testSharing(firstDriver)
  testKill(firstDriver)
  testTermination(firstDriver)
  testStandstill(firstDriver)
  testManyKills(firstDriver)
  testKiller(firstDriver)
  testEnd(firstDriver)
})

describe(`processes on one SQLite file, with ${asyncDriver.name}`, () => {
  testSharing(asyncDriver)
  testEnd(asyncDriver)
})

/** Each execution was ended by one of these at the most, and once. */
function expectEndedOnce(workers: readonly Worker[]): void {
  const ended = workers.flatMap((worker) => worker.endedExecutionIds())
  expect(ended).toHaveLength(new Set(ended).size)
}

function testSharing(driver: Driver): void {
  test('two share a thousand tasks, and no function runs twice', { timeout: TIMEOUT_MS }, () =>
    Scene.with(driver, async (scene) => {
      const workers = await Promise.all([scene.startedWorker('a'), scene.startedWorker('b')])
      const handles = await scene.enqueueWork(1000)
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      const executionIds = handles.map((handle) => handle.getExecutionId())
      const runs = scene.runs().map(({ executionId }) => executionId)
      expect(runs.sort()).toEqual([...executionIds].sort())
      expect(new Set(outputs)).toEqual(new Set(['a', 'b']))
      for (const { takeovers, attempt, claimCount } of await scene.rows()) {
        expect([takeovers, attempt, claimCount]).toEqual([0, 0, 1])
      }
      for (const worker of workers) worker.signal('SIGTERM')
      for (const worker of workers) {
        expect(await worker.exited).toEqual({ code: 0, signal: null })
        expect(worker.errors).toBe('')
      }
      expectEndedOnce(workers)
    }),
  )
}

function testKill(driver: Driver): void {
  test('a killed one is taken over within a lease and a sweep', { timeout: TIMEOUT_MS }, () =>
    Scene.with(driver, async (scene) => {
      const executor = { leaseMs: SHORT_LEASE_MS }
      const doomed = await scene.startedWorker('doomed', { behaviour: 'hold', executor })
      const handles = await scene.enqueueWork(30)
      await until('it runs as much as it can', () => scene.runs().length === 10)
      const other = await scene.startedWorker('other', { executor })
      await until('the other has done the rest', async () => {
        const active = (await scene.rows()).filter(({ finishedAt }) => finishedAt === null)
        return active.length === (await scene.heldBy(doomed)).length
      })
      const inFlight = (await scene.heldBy(doomed)).map(({ executionId }) => executionId)
      const begun = scene.runs().filter(({ name }) => name === 'doomed')
      expect(begun).toHaveLength(10)
      expect(inFlight).toEqual(expect.arrayContaining(begun.map(({ executionId }) => executionId)))

      const killedAt = Date.now()
      doomed.signal('SIGKILL')
      expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' })
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))

      expect(new Set(outputs)).toEqual(new Set(['other']))
      for (const row of await scene.rows()) {
        const isTakenOver = inFlight.includes(row.executionId)
        expect([row.takeovers, row.claimCount]).toEqual(isTakenOver ? [1, 2] : [0, 1])
        expect(row.attempt).toBe(0)
        if (!isTakenOver) continue
        const tookMs = (row.startedAt ?? Infinity) - killedAt
        expect(tookMs).toBeLessThan(SHORT_LEASE_MS + SWEEP_MS + MARGIN_MS)
      }
      expect(other.count('execution_taken_over')).toBe(inFlight.length)
      const byOther = scene.runs().filter(({ name }) => name === 'other')
      expect(new Set(byOther.map(({ executionId }) => executionId)).size).toBe(30)
      expect(byOther).toHaveLength(30)
      expectEndedOnce([doomed, other])
    }),
  )
}

function testTermination(driver: Driver): void {
  test('a terminated one hands its work back at once, and ends', { timeout: TIMEOUT_MS }, () =>
    Scene.with(driver, async (scene) => {
      const executor = { leaseMs: LONG_LEASE_MS, maxConcurrentTaskExecutions: 20 }
      const settings = { behaviour: 'hold', graceMs: 100, executor } as const
      const leaving = await scene.startedWorker('leaving', settings)
      const handles = await scene.enqueueWork(30)
      await until('it runs as much as it can', () => scene.runs().length === 20)
      const inFlight = (await scene.heldBy(leaving)).map(({ executionId }) => executionId)
      leaving.signal('SIGTERM')
      expect(await leaving.exited).toEqual({ code: 0, signal: null })
      expect(leaving.errors).toBe('')
      for (const { status } of await scene.rows()) expect(status).toBe('ready')

      const staying = await scene.startedWorker('staying', { executor })
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      expect(new Set(outputs)).toEqual(new Set(['staying']))
      for (const { executionId, attempt, takeovers, claimCount } of await scene.rows()) {
        expect([attempt, takeovers]).toEqual([0, 0])
        expect(claimCount).toBe(inFlight.includes(executionId) ? 2 : 1)
      }
      expectEndedOnce([leaving, staying])
    }),
  )
}

function testStandstill(driver: Driver): void {
  test('one that stands still loses its work, and goes on by itself', { timeout: TIMEOUT_MS }, () =>
    Scene.with(driver, async (scene) => {
      const executor = { leaseMs: SHORT_LEASE_MS, maxConcurrentTaskExecutions: 5 }
      const still = await scene.startedWorker('still', {
        behaviour: 'ignore',
        executor: { ...executor, queues: ['default', 'its own'] },
      })
      const handles = await scene.enqueueWork(5)
      await until('it runs all of them', () => scene.runs().length === 5)
      const other = await scene.startedWorker('other', { executor })
      still.signal('SIGSTOP')
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      expect(outputs).toEqual(Array.from({ length: 5 }, () => 'other'))
      expect(other.count('execution_taken_over')).toBe(5)
      const before = await scene.rows()
      for (const { takeovers, claimCount } of before) {
        expect([takeovers, claimCount]).toEqual([1, 2])
      }

      scene.release()
      still.signal('SIGCONT')
      await until('its late results are refused', () => still.count('result_dropped') === 5)
      expect(await scene.rows()).toEqual(before)
      const later = await scene.enqueueWork(3, 'its own')
      const laterOutputs = await Promise.all(later.map((handle) => handle.waitAndGetOutput()))
      expect(laterOutputs).toEqual(['still', 'still', 'still'])
      expect(still.errors).toBe('')
      expectEndedOnce([still, other])
    }),
  )
}

function testManyKills(driver: Driver): void {
  test('trees are finished while one after another is killed', { timeout: TIMEOUT_MS }, () =>
    Scene.with(driver, async (scene) => {
      const executor = { leaseMs: 1000, maxTakeovers: 1000 }
      const indexes = Array.from({ length: 60 }, (_, index) => index)
      const handles = await Promise.all(
        indexes.map((index) => scene.client.enqueueTask(scene.tasks.tree, index)),
      )
      const workers: Worker[] = []
      for (const name of ['first', 'second', 'third', 'fourth']) {
        const doomed = await scene.startedWorker(name, { executor })
        workers.push(doomed)
        const goal = scene.runs().length + 20
        await until('it has run some more', () => scene.runs().length >= goal)
        expect((await scene.heldBy(doomed)).length).toBeGreaterThan(0)
        doomed.signal('SIGKILL')
        await doomed.exited
      }
      workers.push(await scene.startedWorker('last', { executor }))
      const outputs = await Promise.all(handles.map((handle) => handle.waitAndGetOutput()))
      expect(outputs).toEqual(indexes.map(sumOfTree))
      // The tree and its finalize, two sequences of three steps, and one step alone.
      expect(await scene.rows()).toHaveLength(60 * 11)
      expectEndedOnce(workers)
    }),
  )
}

function testKiller(driver: Driver): void {
  const title = 'a task that kills its process fails, and the nine beside it complete'
  test(title, { timeout: TIMEOUT_MS }, () =>
    Scene.with(driver, async (scene) => {
      const executor = { leaseMs: 2000, maxTakeovers: 3 }
      const { second, killer } = scene.tasks
      const [killing, ...good] = await scene.client.enqueueTasks([
        childTask(killer, undefined),
        ...Array.from({ length: 9 }, () => childTask(second, undefined)),
      ])
      const workers: Worker[] = []
      // As a supervisor does: one that died is started again.
      const supervise = async (): Promise<Worker> => {
        for (;;) {
          const worker = await scene.startedWorker(`worker_${workers.length}`, { executor })
          workers.push(worker)
          await until('it died, or the killer has ended', async () => {
            const { status } = await killing.getExecution()
            return worker.hasExited || isFinished(status)
          })
          if (!worker.hasExited) return worker
          expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL' })
        }
      }
      const last = await supervise()

      const killed = await killing.waitAndGetFinishedExecution()
      expect(killed).toMatchObject({
        status: 'failed',
        error: { code: 'too_many_takeovers' },
      })
      const outputs = await Promise.all(good.map((handle) => handle.waitAndGetOutput()))
      expect(outputs).toHaveLength(9)
      // The first run, and one for each takeover that was allowed.
      const killerRuns = scene
        .runs()
        .filter(({ executionId }) => executionId === killing.getExecutionId())
      expect(killerRuns).toHaveLength(4)
      expect(workers).toHaveLength(5)
      // From the second takeover on it ran alone: it cost its neighbours no more than the two runs before.
      for (const { taskId, takeovers } of await scene.rows()) {
        if (taskId === 'second') expect(takeovers).toBeLessThanOrEqual(2)
      }
      last.signal('SIGTERM')
      expect(await last.exited).toEqual({ code: 0, signal: null })
      expectEndedOnce(workers)
    }),
  )
}

function testEnd(driver: Driver): void {
  const title = 'one whose executor (%s) was shut down ends by itself'
  // A machine may be busy once: what holds a process does so each time.
  test.for(['started', 'client'])(title, { timeout: TIMEOUT_MS, retry: 2 }, (use) =>
    Scene.withDirectory(async (directory) => {
      const file = `${directory}/executions.db`
      const process = new TestProcess('./short-lived.ts', [driver.name, file, use])
      expect(await process.exited).toEqual({ code: 0, signal: null })
      expect(process.errors).toBe('')
      const { resourcesLeft, exitedAfterMs } = JSON.parse(process.output) as LastWords
      // Timers and sockets that would keep it alive.
      expect(resourcesLeft).toEqual([])
      expect(exitedAfterMs).toBeLessThan(EXIT_MS)
    }),
  )
}
