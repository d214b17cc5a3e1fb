import { describe, expect, it } from 'vitest'

import { VirtualEnvironment } from '../../tests/support/virtual-environment'
import { silentLogger } from '../../tests/support/world'
import { DurableExecutionError } from '../errors'
import { createDeferred, type Deferred } from '../lib/deferred'
import { Events, type ExecutorEvent } from './events'
import { Loop } from './loop'

const LONGEST_PAUSE_MS = 1000

/** A loop whose job notes when its rounds begin, and answers what the test says. */
function createLoop(round: () => Promise<number | null>): {
  loop: Loop
  environment: VirtualEnvironment
  rounds: number[]
  events: ExecutorEvent[]
} {
  const environment = new VirtualEnvironment()
  const rounds: number[] = []
  const emitted: ExecutorEvent[] = []
  const events = new Events(silentLogger, 'info', (event) => emitted.push(event))
  const job = {
    name: 'job',
    runOnce: () => {
      rounds.push(environment.monotonic())
      return round()
    },
  }
  const loop = new Loop(job, environment, events, LONGEST_PAUSE_MS)
  return { loop, environment, rounds, events: emitted }
}

describe('Loop', () => {
  it('runs its job again after as long as the job said', async () => {
    const { loop, environment, rounds } = createLoop(() => Promise.resolve(100))
    loop.start()
    await environment.advanceBy(350)
    expect(rounds).toEqual([0, 100, 200, 300])
    await loop.stop()
  })

  it('does nothing before it is started, and is started once', async () => {
    const { loop, environment, rounds } = createLoop(() => Promise.resolve(100))
    await environment.advanceBy(50)
    expect(rounds).toEqual([])
    loop.start()
    loop.start()
    await environment.advanceBy(120)
    expect(rounds).toEqual([50, 150])
    await loop.stop()
  })

  it('runs it again at once when there is more', async () => {
    let left = 3
    const { loop, environment, rounds } = createLoop(() =>
      Promise.resolve((left -= 1) > 0 ? 0 : null),
    )
    loop.start()
    await environment.advanceBy(1000)
    expect(rounds).toEqual([0, 0, 0])
    await loop.stop()
  })

  it('waits until it is woken when the job names no time', async () => {
    const { loop, environment, rounds } = createLoop(() => Promise.resolve(null))
    loop.start()
    await environment.advanceBy(5000)
    expect(rounds).toEqual([0])
    expect(environment.pendingTimersCount).toBe(0)
    loop.wake()
    await environment.advanceBy(10)
    expect(rounds).toEqual([0, 5000])
    await loop.stop()
  })

  it('ends its sleep when it is woken, and leaves no timer behind', async () => {
    const { loop, environment, rounds } = createLoop(() => Promise.resolve(100))
    loop.start()
    await environment.advanceBy(30)
    loop.wake()
    await environment.advanceBy(99)
    expect(rounds).toEqual([0, 30])
    expect(environment.pendingTimersCount).toBe(1)
    await loop.stop()
  })

  it('runs once more when it is woken while a round is under way', async () => {
    const gates: Deferred<number | null>[] = []
    const { loop, environment, rounds } = createLoop(() => {
      const gate = createDeferred<number | null>()
      gates.push(gate)
      return gate.promise
    })
    loop.start()
    loop.wake()
    loop.wake()
    gates[0]?.resolve(null)
    await environment.turn()
    expect(rounds).toHaveLength(2)
    gates[1]?.resolve(null)
    await environment.turn()
    expect(rounds).toHaveLength(2)
    await loop.stop()
  })

  it('stops when the round under way has ended, and never starts again', async () => {
    const gate = createDeferred<number | null>()
    const { loop, environment, rounds } = createLoop(() => gate.promise)
    loop.start()
    let isStopped = false
    const stopped = loop.stop().then(() => {
      isStopped = true
    })
    await environment.turn()
    expect(isStopped).toBe(false)
    gate.resolve(0)
    await stopped
    loop.start()
    loop.wake()
    await environment.advanceBy(1000)
    expect(rounds).toHaveLength(1)
    expect(environment.pendingTimersCount).toBe(0)
  })

  it('can be stopped before it was started', async () => {
    const { loop, environment, rounds } = createLoop(() => Promise.resolve(0))
    await loop.stop()
    loop.start()
    await environment.turn()
    expect(rounds).toEqual([])
  })

  it('tries again after a failure, more and more slowly, and begins anew after a success', async () => {
    let isBroken = true
    const { loop, environment, rounds } = createLoop(() =>
      isBroken ? Promise.reject(new Error('away')) : Promise.resolve(null),
    )
    loop.start()
    await environment.advanceBy(20_000)
    const pauses = rounds.slice(1).map((at, index) => at - (rounds[index] ?? 0))
    expect(pauses[0]).toBeGreaterThanOrEqual(25)
    expect(pauses[0]).toBeLessThanOrEqual(50)
    expect(pauses[3]).toBeGreaterThanOrEqual(200)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(LONGEST_PAUSE_MS)
    expect(Math.min(...pauses.slice(6))).toBeGreaterThanOrEqual(LONGEST_PAUSE_MS / 2)
    isBroken = false
    await environment.advanceBy(1000)
    const count = rounds.length
    isBroken = true
    loop.wake()
    await environment.advanceBy(60)
    expect(rounds.length).toBeGreaterThanOrEqual(count + 2)
    await loop.stop()
  })

  it('tells of what can never work, each time, and of nothing else', async () => {
    let error: Error = new Error('away')
    const { loop, environment, events } = createLoop(() => Promise.reject(error))
    loop.start()
    await environment.advanceBy(500)
    expect(events).toEqual([])
    error = DurableExecutionError.nonRetryable('no such table')
    await environment.advanceBy(1000)
    expect(events.length).toBeGreaterThanOrEqual(1)
    expect(events[0]).toEqual({ type: 'background_error', job: 'job', message: 'no such table' })
    await loop.stop()
  })
})
