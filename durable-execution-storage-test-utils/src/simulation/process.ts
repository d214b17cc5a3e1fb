/** One process of a simulation: its clocks, timers and randomness. It can be stopped for a while, and killed for good. */
import type { Environment, Timer } from 'durable-execution'

import type { SeededRandom } from '../lib/random'
import type { VirtualTime } from './time'

/** What is peculiar to a process. */
export interface ProcessTraits {
  /** How far its wall clock is off, in milliseconds. */
  readonly wallClockOffByMs: number
  /** Its timers fire up to this much late, in milliseconds. */
  readonly latenessMs: number
}

/** A process. */
export class SimulatedProcess implements Environment {
  /** Which member it is of, and which incarnation: `e1.2`. */
  readonly name: string
  readonly time: VirtualTime
  private readonly randomSource: SeededRandom
  private readonly traits: ProcessTraits
  private readonly monotonicBase: number
  private readonly onDeath: (reason: string) => void
  /** What would have happened while it is stopped. */
  private heldBack: (() => void)[] | null = null
  private isDead = false
  private stoppedUntil = -Infinity
  private yieldsLeft = Infinity

  constructor(
    name: string,
    time: VirtualTime,
    random: SeededRandom,
    traits: ProcessTraits,
    onDeath: (reason: string) => void,
  ) {
    this.name = name
    this.time = time
    this.randomSource = random
    this.traits = traits
    this.onDeath = onDeath
    this.monotonicBase = random.integer(0, 1_000_000)
  }

  get isAlive(): boolean {
    return !this.isDead
  }

  get isStopped(): boolean {
    return this.heldBack !== null
  }

  /** When it was stopped last, in virtual time. */
  get lastStoppedAt(): number {
    return this.isStopped ? this.time.elapsedMs : this.stoppedUntil
  }

  now(): number {
    return this.time.storageNow() + this.traits.wallClockOffByMs
  }

  monotonic(): number {
    return this.monotonicBase + this.time.elapsedMs
  }

  random(): number {
    return this.randomSource.fraction()
  }

  setTimer(ms: number, callback: () => void): Timer {
    let isCancelled = false
    const lateMs = this.traits.latenessMs * this.randomSource.fraction()
    const scheduled = this.time.schedule(ms + lateMs, () => {
      this.deliver(() => {
        if (!isCancelled) callback()
      })
    })
    return {
      cancel: () => {
        isCancelled = true
        scheduled.cancel()
      },
    }
  }

  afterMicrotasks(callback: () => void): void {
    this.time.afterMicrotasks(() => {
      if (this.isAlive) callback()
    })
  }

  /** Among the other things that happen at this moment, in any order. */
  afterTurn(callback: () => void): void {
    this.setTimer(0, callback)
  }

  /** Something reaches the process from outside: a timer, an answer. A yield point, at which it may be dead or stopped. */
  deliver(callback: () => void): void {
    if (this.isDead) return
    if (this.heldBack) this.heldBack.push(callback)
    else if (!this.diesAtThisYield()) callback()
  }

  /** The process reaches out: a storage call. Answers whether it lives on. */
  reachesOut(): boolean {
    return this.isAlive && !this.diesAtThisYield()
  }

  /** It dies at the yield point that comes so many after this one. */
  killAfterYields(count: number): void {
    this.yieldsLeft = count
  }

  /** Nothing of it happens any more. */
  kill(reason: string): void {
    if (this.isDead) return
    this.isDead = true
    this.onDeath(reason)
  }

  /** As SIGSTOP does: nothing gets through to it until it goes on. */
  stop(): void {
    this.heldBack ??= []
  }

  /** What was held back happens now, one after the other, in an order like that of before. */
  continue(): void {
    const { heldBack } = this
    if (heldBack === null) return
    this.heldBack = null
    this.stoppedUntil = this.time.elapsedMs
    heldBack.forEach((callback, index) => {
      this.time.schedule(index * 1e-6, () => {
        this.deliver(callback)
      })
    })
  }

  private diesAtThisYield(): boolean {
    this.yieldsLeft -= 1
    if (this.yieldsLeft > 0) return false
    this.kill('a yield point')
    return true
  }
}
