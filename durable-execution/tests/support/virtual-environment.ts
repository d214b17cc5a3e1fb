/** Time that moves only when a test says so: clocks, timers and seeded randomness. */
import { setImmediate } from 'node:timers/promises'

import type { Environment, Timer } from '../../src/lib/environment'

/** The moment at which virtual time begins. */
const START = Date.UTC(2025, 0, 1)

interface PendingTimer {
  readonly dueAt: number
  readonly callback: () => void
}

/** An environment whose time stands still between calls of {@link VirtualEnvironment.advanceBy}. */
export class VirtualEnvironment implements Environment {
  private elapsedMs = 0
  private readonly timers = new Set<PendingTimer>()
  /** How many wait for the end of this turn. */
  private turnsAhead = 0
  private state = 1

  now(): number {
    return START + this.elapsedMs
  }

  monotonic(): number {
    return this.elapsedMs
  }

  /** mulberry32 by T. Ettinger (public domain): the same numbers in every run. */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  setTimer(ms: number, callback: () => void): Timer {
    const timer = { dueAt: this.elapsedMs + Math.max(0, ms), callback }
    this.timers.add(timer)
    return {
      cancel: () => {
        this.timers.delete(timer)
      },
    }
  }

  afterMicrotasks(callback: () => void): void {
    queueMicrotask(() => {
      process.nextTick(callback)
    })
  }

  afterTurn(callback: () => void): void {
    this.turnsAhead += 1
    void setImmediate().then(() => {
      this.turnsAhead -= 1
      callback()
    })
  }

  get pendingTimersCount(): number {
    return this.timers.size
  }

  /** How long until the last timer is due, in milliseconds. */
  get lastTimerInMs(): number {
    return Math.max(0, ...[...this.timers].map(({ dueAt }) => dueAt - this.elapsedMs))
  }

  /** Lets everything happen that needs no time. */
  async turn(): Promise<void> {
    do await setImmediate()
    while (this.turnsAhead > 0)
  }

  /** Lets time pass. Timers fire in their order, and all that follows from one happens before the next. */
  async advanceBy(ms: number): Promise<void> {
    const until = this.elapsedMs + ms
    await this.turn()
    while (await this.fireNext(until));
    this.elapsedMs = until
  }

  /** Time passes in which nothing can happen, as when the event loop is blocked: timers fire late. */
  stall(ms: number): void {
    this.elapsedMs += ms
  }

  /** Lets time pass until the promise settles. Fails if it does not within that time. */
  async until<T>(promise: Promise<T>, withinMs = 120_000): Promise<T> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    promise.then(settle, settle)
    const until = this.elapsedMs + withinMs
    await this.turn()
    while (!isSettled) {
      if (!(await this.fireNext(until))) {
        throw new Error(`Nothing more happens within ${withinMs} ms of virtual time`)
      }
    }
    return promise
  }

  /** Lets time pass until the condition holds. Fails if it does not within that time. */
  async untilTrue(condition: () => boolean, withinMs = 120_000): Promise<void> {
    const until = this.elapsedMs + withinMs
    await this.turn()
    while (!condition()) {
      if (!(await this.fireNext(until))) {
        throw new Error(`The condition does not hold within ${withinMs} ms of virtual time`)
      }
    }
  }

  /** The same time, seen by a process on a machine whose wall clock is wrong by this much. */
  withWallClockOffBy(ms: number): ProcessEnvironment {
    return new ProcessEnvironment(this, ms)
  }

  /** Fires the timer that is due first, if it is due by then, and lets everything follow from it. */
  private async fireNext(until: number): Promise<boolean> {
    let next: PendingTimer | undefined
    for (const timer of this.timers) {
      if (next === undefined || timer.dueAt < next.dueAt) next = timer
    }
    if (next === undefined || next.dueAt > until) return false
    this.timers.delete(next)
    this.elapsedMs = Math.max(this.elapsedMs, next.dueAt)
    next.callback()
    await this.turn()
    return true
  }
}

/** The environment of one process among several: it can be stopped while time goes on for the others. */
export class ProcessEnvironment implements Environment {
  private readonly world: VirtualEnvironment
  private readonly wallClockOffByMs: number
  private overdue: (() => void)[] | null = null

  constructor(world: VirtualEnvironment, wallClockOffByMs: number) {
    this.world = world
    this.wallClockOffByMs = wallClockOffByMs
  }

  now(): number {
    return this.world.now() + this.wallClockOffByMs
  }

  monotonic(): number {
    return this.world.monotonic()
  }

  random(): number {
    return this.world.random()
  }

  setTimer(ms: number, callback: () => void): Timer {
    let isCancelled = false
    const fire = (): void => {
      if (this.overdue) this.overdue.push(fire)
      else if (!isCancelled) callback()
    }
    const timer = this.world.setTimer(ms, fire)
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  afterMicrotasks(callback: () => void): void {
    this.world.afterMicrotasks(callback)
  }

  afterTurn(callback: () => void): void {
    this.world.afterTurn(callback)
  }

  /** From now on no timer fires. */
  stop(): void {
    this.overdue ??= []
  }

  /** Timers that were due meanwhile fire now, in their order. */
  continue(): void {
    const { overdue } = this
    this.overdue = null
    for (const fire of overdue ?? []) fire()
  }
}
