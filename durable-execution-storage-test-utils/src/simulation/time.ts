/** The one clock of a simulation: events in the order in which they are due, those due at once in an order drawn from the seed. */
import { Heap } from '../lib/heap'
import type { SeededRandom } from '../lib/random'
import { repeatTurns } from '../lib/turns'

/** The moment at which virtual time begins. */
const START = Date.UTC(2025, 0, 1)

/** Something that is to happen. */
interface Event {
  readonly dueAt: number
  /** Decides among events that are due at once. */
  readonly order: number
  callback: (() => void) | null
}

/** An event that may still be called off. */
export interface Scheduled {
  cancel(): void
}

/** Virtual time. */
export class VirtualTime {
  private readonly random: SeededRandom
  private readonly events = new Heap<Event>(
    (a, b) => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order),
  )
  private ticks: (() => void)[] = []
  private elapsed = 0
  private stepCount = 0

  constructor(random: SeededRandom) {
    this.random = random
  }

  /** Milliseconds since the beginning. */
  get elapsedMs(): number {
    return this.elapsed
  }

  /** How many events have happened. */
  get steps(): number {
    return this.stepCount
  }

  /** The storage's clock: whole milliseconds since the epoch. */
  storageNow(): number {
    return START + Math.floor(this.elapsed)
  }

  /** Lets something happen after a while. */
  schedule(inMs: number, callback: () => void): Scheduled {
    const dueAt = this.elapsed + Math.max(0, inMs)
    const event: Event = { dueAt, order: this.random.fraction(), callback }
    this.events.push(event)
    return {
      cancel: () => {
        event.callback = null
      },
    }
  }

  /** Lets something happen when all that can run now has run. */
  afterMicrotasks(callback: () => void): void {
    this.ticks.push(callback)
  }

  /**
   * Lets time pass until `isOver`, at most up to `untilMs`, and at most for `maxSteps` events; all that follows from one event
   * happens before the next.
   */
  async run(untilMs: number, isOver: () => boolean, maxSteps = Infinity): Promise<void> {
    const lastStep = this.stepCount + maxSteps
    await repeatTurns(() => {
      if (this.ticks.length > 0) {
        this.runTicks()
        return true
      }
      return !isOver() && this.stepCount < lastStep && this.fireNext(untilMs)
    })
  }

  private runTicks(): void {
    const { ticks } = this
    this.ticks = []
    for (const tick of ticks) tick()
  }

  private fireNext(untilMs: number): boolean {
    let next = this.events.peek()
    while (next?.callback === null) {
      this.events.pop()
      next = this.events.peek()
    }
    if (next === undefined || next.dueAt > untilMs) {
      this.elapsed = Math.max(this.elapsed, untilMs)
      return false
    }
    this.events.pop()
    this.elapsed = next.dueAt
    this.stepCount += 1
    next.callback?.()
    return true
  }
}
