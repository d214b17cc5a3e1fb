import { beforeEach, describe, expect, it } from 'vitest'

import { VirtualEnvironment } from '../../tests/support/virtual-environment'
import { silentLogger } from '../../tests/support/world'
import { Events, type ExecutorEventType } from './events'
import { StorageHealth } from './storage-health'

const LEASE_MS = 12_000
const LONG_OUTAGE_MS = LEASE_MS
const SHORT_OUTAGE_MS = LEASE_MS / 10

describe('StorageHealth', () => {
  let environment: VirtualEnvironment
  let told: ExecutorEventType[]
  let health: StorageHealth

  beforeEach(() => {
    environment = new VirtualEnvironment()
    told = []
    const events = new Events(silentLogger, 'info', ({ type }) => told.push(type))
    health = new StorageHealth(environment, events, LEASE_MS)
  })

  function fail(sentAt = environment.monotonic()): void {
    health.failed(new Error('no answer'), sentAt)
  }

  async function answersFor(ms: number): Promise<void> {
    for (let part = 0; part < 4; part += 1) {
      await environment.advanceBy(ms / 4)
      health.answered()
    }
  }

  it('tells an outage once, and its end', () => {
    fail()
    fail()
    health.answered()
    health.answered()
    expect(told).toEqual(['storage_away', 'storage_back'])
  })

  it.each([SHORT_OUTAGE_MS, LONG_OUTAGE_MS])(
    'does not tell an outage of %i ms again by calls that were sent before its end',
    async (outageMs) => {
      await environment.advanceBy(1000)
      const sentAt = environment.monotonic()
      fail()
      await environment.advanceBy(outageMs)
      health.answered()
      await environment.advanceBy(100)
      fail(sentAt)
      expect(told).toEqual(['storage_away', 'storage_back'])
      expect(health.isAway).toBe(false)
      fail()
      expect(told).toEqual(['storage_away', 'storage_back', 'storage_away'])
    },
  )

  it('asks to catch up after every failed call, also a late one', async () => {
    fail()
    await environment.advanceBy(1000)
    health.answered()
    health.caughtUp()
    fail(0)
    expect(health.needsCatchUp).toBe(true)
  })

  it('holds off after a long outage and after a standstill, not after a short outage', async () => {
    await answersFor(LEASE_MS)
    fail()
    await environment.advanceBy(SHORT_OUTAGE_MS)
    expect(health.hasBeenHealthyFor(1)).toBe(false)
    health.answered()
    expect(health.hasBeenHealthyFor(LEASE_MS)).toBe(true)
    fail()
    await environment.advanceBy(LONG_OUTAGE_MS)
    health.answered()
    expect(health.hasBeenHealthyFor(1)).toBe(false)
    await environment.advanceBy(LEASE_MS)
    expect(health.hasBeenHealthyFor(LEASE_MS)).toBe(true)
    health.stalled()
    expect(health.hasBeenHealthyFor(1)).toBe(false)
  })

  it('holds off after a time without calls in which an outage may have passed unseen', async () => {
    await answersFor(LEASE_MS)
    expect(health.hasBeenHealthyFor(LEASE_MS / 2)).toBe(true)
    await environment.advanceBy(LONG_OUTAGE_MS)
    health.answered()
    expect(health.hasBeenHealthyFor(1)).toBe(false)
    await answersFor(LEASE_MS / 2)
    expect(health.hasBeenHealthyFor(LEASE_MS / 2)).toBe(true)
  })

  it('counts an outage from the last answer: a call that hangs fails late, and who has nothing to do asks rarely', async () => {
    health.answered()
    await environment.advanceBy(LONG_OUTAGE_MS)
    fail()
    await environment.advanceBy(1)
    health.answered()
    expect(health.hasBeenHealthyFor(1)).toBe(false)
    await environment.advanceBy(LEASE_MS / 2)
    expect(health.hasBeenHealthyFor(LEASE_MS / 2)).toBe(true)
  })
})
