/** What is watched when faults have ended: that dead executors' work is taken over in time (G3), and that idle ones are idle (G8). */
import { isFinished } from 'durable-execution'

import type { CalledVerb } from './connection'
import type { SimulatedEar } from './hints'
import type { MemberPlan } from './plan'
import type { SimulatedProcess } from './process'
import type { World } from './world'

/** From the lapse of a lease, or from when executors may take over at the earliest, to the takeover: a sweep and some calls. */
const TAKEOVER_WITHIN_MS = 1500
/** An executor that hears hints looks once a second; none looks less than four times a lease. */
const PUSHED_SWEEP_MS = 1000
const LONGEST_SWEEP_SHARE = 1 / 4
/** How many takeovers make an execution a suspect: those wait for one another. */
const SUSPECT = 2

/**
 * Sees to it that what dead executors held is taken over within a lease and a sweep: a healthy executor with free slots has just
 * started, and takes over from half a lease on.
 */
export function watchTakeovers(world: World, rescuer: SimulatedProcess): void {
  const { history, time, plan } = world
  for (const row of history.rows.values()) {
    const { executorId, claimAt, executionId, claimCount, takeovers } = row
    if (isFinished(row.status) || executorId === null || claimAt === null) continue
    const owner = history.ownersById.get(executorId)
    if (owner?.process.isAlive !== false || takeovers + 1 >= SUSPECT) continue
    const leaseLeftMs = Math.max(claimAt - time.storageNow(), plan.leaseMs / 2)
    time.schedule(leaseLeftMs + TAKEOVER_WITHIN_MS, () => {
      const now = history.rows.get(executionId)
      const isHeld = now?.claimCount === claimCount && now.executorId === executorId
      // A renewal that was on its way may have come.
      if (!isHeld || now.claimAt !== claimAt || !rescuer.isAlive) return
      history.violated(
        'G3',
        `${row.taskId} ${executionId} is still held by ${owner.process.name}, which is dead, ${TAKEOVER_WITHIN_MS} ms after it could be taken over`,
      )
    })
  }
}

/** Counts calls of executors that have nothing to do. */
export class IdleWatch {
  private readonly world: World
  private readonly calls = new Map<SimulatedProcess, Map<CalledVerb, number>>()
  private isOn = false

  constructor(world: World) {
    this.world = world
  }

  /** A call was made. */
  called(process: SimulatedProcess, verb: CalledVerb): void {
    if (!this.isOn) return
    const counts = this.calls.get(process) ?? new Map<CalledVerb, number>()
    counts.set(verb, (counts.get(verb) ?? 0) + 1)
    this.calls.set(process, counts)
  }

  begin(): void {
    this.isOn = true
  }

  private sweepMs(ear: SimulatedEar | null, { pollIntervalMs }: MemberPlan): number {
    const least = ear?.isHearing === true ? PUSHED_SWEEP_MS : 0
    const { leaseMs } = this.world.plan
    return Math.min(Math.max(least, pollIntervalMs), leaseMs * LONGEST_SWEEP_SHARE)
  }

  /** Each executor may have asked when the next row is due, as often as it polls, and nothing else. */
  end(forMs: number): void {
    this.isOn = false
    for (const { current, plan } of this.world.members) {
      if (!current?.process.isAlive) continue
      const counts = this.calls.get(current.process) ?? new Map<CalledVerb, number>()
      const most = Math.ceil(forMs / (this.sweepMs(current.connection.ear, plan) * 0.75)) + 1
      for (const [verb, count] of counts) {
        if (verb === 'nextClaimAt' && count <= most) continue
        this.world.history.violated(
          'G8',
          `${current.process.name} has nothing to do and called ${verb} ${count} times in ${forMs} ms`,
        )
      }
    }
  }
}
