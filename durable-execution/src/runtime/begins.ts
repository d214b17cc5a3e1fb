/**
 * Begins functions by turns of the event loop. A thousand that begin at once, with what they lead to, hold timers and sockets up for
 * 10 to 40 ms; so what is due has its turn after a part of them. What waits here is held, and has its slot.
 */
import { afterTurn, type Environment } from '../lib/environment'
import type { HeldClaim } from './held-claims'

/** The most that begin in one turn. */
const BEGUN_IN_ONE_TURN = 100

/** Held claims on their way to their functions. */
export class Begins {
  private readonly environment: Environment
  private readonly run: (held: HeldClaim) => void
  private begunCount = 0
  private waiting: HeldClaim[] = []

  /** @param run - Runs a held claim for which a slot was taken. */
  constructor(environment: Environment, run: (held: HeldClaim) => void) {
    this.environment = environment
    this.run = run
  }

  /** Runs it now, or after those that came before it, in one of the next turns. */
  add(held: HeldClaim): void {
    if (this.begunCount < BEGUN_IN_ONE_TURN) {
      this.begin(held)
      return
    }
    // It is told of a cancel meanwhile.
    held.isRunning = true
    this.waiting.push(held)
  }

  /**
   * Resolves when what waits by now has begun, and what followed from that at once has happened.
   *
   * @param isEnough - Asked after each turn: whether to wait no longer. @default never
   */
  async whenBegun(isEnough?: () => boolean): Promise<void> {
    const turns = Math.ceil(this.waiting.length / BEGUN_IN_ONE_TURN) + 1
    for (let turn = 0; turn < turns; turn += 1) {
      await afterTurn(this.environment)
      if (isEnough?.() === true) return
    }
  }

  private begin(held: HeldClaim): void {
    this.begunCount += 1
    const isFirst = this.begunCount === 1
    this.run(held)
    if (!isFirst) return
    this.environment.afterTurn(() => {
      this.beginNext()
    })
  }

  private beginNext(): void {
    this.begunCount = 0
    const next = this.waiting.slice(0, BEGUN_IN_ONE_TURN)
    this.waiting = this.waiting.slice(next.length)
    for (const held of next) {
      held.isRunning = false
      this.begin(held)
    }
  }
}
