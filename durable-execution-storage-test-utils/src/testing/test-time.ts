/** Time that moves only when a test says so, for executors whose tasks are tested. */
import { systemEnvironment, type Environment, type Timer } from 'durable-execution'

import { Heap } from '../lib/heap'
import { SeededRandom } from '../lib/random'
import { turn } from '../lib/turn'

/** The moment at which the time of a test begins. */
const START = Date.UTC(2025, 0, 1)

interface PendingTimer {
  readonly dueAt: number
  /** Among timers due at once, the one set first fires first. */
  readonly order: number
  callback: (() => void) | null
}

/** A clock, timers and randomness, the same in every run. */
export class TestTime implements Environment {
  private readonly random_: SeededRandom
  private readonly timers = new Heap<PendingTimer>(
    (a, b) => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order),
  )
  private elapsedMs = 0
  private timersSet = 0
  /** How many wait for the end of this turn. */
  private turnsAhead = 0

  /** @param seed - Determines all randomness. */
  constructor(seed: number) {
    this.random_ = new SeededRandom(seed)
  }

  now(): number {
    return START + Math.floor(this.elapsedMs)
  }

  monotonic(): number {
    return this.elapsedMs
  }

  random(): number {
    return this.random_.fraction()
  }

  setTimer(ms: number, callback: () => void): Timer {
    this.timersSet += 1
    const dueAt = this.elapsedMs + Math.max(0, ms)
    const timer: PendingTimer = { dueAt, order: this.timersSet, callback }
    this.timers.push(timer)
    return {
      cancel: () => {
        timer.callback = null
      },
    }
  }

  /** Not a matter of time: what can run without waiting runs without a test moving the clock. */
  afterMicrotasks(callback: () => void): void {
    systemEnvironment.afterMicrotasks(callback)
  }

  /** As little a matter of time. */
  afterTurn(callback: () => void): void {
    this.turnsAhead += 1
    systemEnvironment.afterTurn(() => {
      this.turnsAhead -= 1
      callback()
    })
  }

  /** Lets time pass. What follows from one timer happens before the next fires. */
  async advanceBy(ms: number): Promise<void> {
    const until = this.elapsedMs + ms
    await this.pass(until, () => false)
    this.elapsedMs = until
  }

  /** Lets time pass until it is over, for `ms` at the most. Answers whether it is over. */
  async advanceUntil(isOver: () => boolean, ms: number): Promise<boolean> {
    await this.pass(this.elapsedMs + ms, isOver)
    return isOver()
  }

  private async pass(until: number, isOver: () => boolean): Promise<void> {
    await this.turn()
    while (!isOver() && this.fireNext(until)) await this.turn()
  }

  private async turn(): Promise<void> {
    do await turn()
    while (this.turnsAhead > 0)
  }

  private fireNext(until: number): boolean {
    let next = this.timers.peek()
    while (next?.callback === null) {
      this.timers.pop()
      next = this.timers.peek()
    }
    if (next === undefined || next.dueAt > until) return false
    this.timers.pop()
    this.elapsedMs = Math.max(this.elapsedMs, next.dueAt)
    next.callback?.()
    return true
  }
}
