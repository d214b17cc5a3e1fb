/**
 * Gives up calls that take too long. Calls that begin at about the same time share a signal and a timer, and a signal that was not
 * aborted serves the next calls too: made for each call, they cost a tenth of all that a small task needs.
 */
import { DurableExecutionError } from '../errors'
import { createSharedController } from '../lib/abort'
import { createDeferred } from '../lib/deferred'
import type { Environment, Timer } from '../lib/environment'

/** Calls that begin within this share of the deadline end together: the last of them has so much less time. */
const TOGETHER_SHARE = 0.01

/** A signal serves so many calls: listeners that a storage forgets to take away don't pile up for good. */
const MOST_CALLS_OF_A_SIGNAL = 1000

/** A limit in time of calls. */
export class Deadline {
  private readonly environment: Environment
  private readonly ms: number
  private group: CallGroup

  /** @param ms - How long a call may take. */
  constructor(environment: Environment, ms: number) {
    this.environment = environment
    this.ms = ms
    this.group = new CallGroup(environment, ms)
  }

  /**
   * Makes a call of a verb. Past the deadline its signal is aborted, and it rejects whether that ends it or not.
   */
  run<T>(verb: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (!this.group.isOpen) this.group = new CallGroup(this.environment, this.ms)
    return this.group.run(verb, call)
  }
}

/** Calls that share a signal. */
class CallGroup {
  private readonly environment: Environment
  private readonly ms: number
  private readonly controller = createSharedController()
  /** What gives up the calls under way. */
  private readonly underWay = new Set<() => void>()
  private callsCount = 0
  /** When the first of those under way began, on the monotonic clock. */
  private beganAt = 0
  private timer: Timer | null = null

  constructor(environment: Environment, ms: number) {
    this.environment = environment
    this.ms = ms
  }

  /** Whether another call may begin in it. */
  get isOpen(): boolean {
    if (this.controller.signal.aborted || this.callsCount >= MOST_CALLS_OF_A_SIGNAL) return false
    if (this.underWay.size === 0) return true
    return this.environment.monotonic() - this.beganAt <= this.ms * TOGETHER_SHARE
  }

  async run<T>(verb: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = createDeferred<T>()
    const giveUp = (): void => {
      reject(lateError(this.ms, verb))
    }
    this.begin(giveUp)
    try {
      call(this.controller.signal).then(resolve, reject)
      return await promise
    } finally {
      this.end(giveUp)
    }
  }

  private begin(giveUp: () => void): void {
    this.callsCount += 1
    this.underWay.add(giveUp)
    if (this.underWay.size > 1) return
    this.beganAt = this.environment.monotonic()
    this.timer = this.environment.setTimer(this.ms, () => {
      this.controller.abort(lateError(this.ms))
      for (const giveUpCall of this.underWay) giveUpCall()
    })
  }

  private end(giveUp: () => void): void {
    this.underWay.delete(giveUp)
    if (this.underWay.size > 0) return
    this.timer?.cancel()
    this.timer = null
  }
}

/**
 * Says that a call was given up.
 *
 * @param verb - What it was. To calls that share a signal none is named.
 */
function lateError(ms: number, verb?: string): DurableExecutionError {
  const answer = verb === undefined ? 'answer' : `answer ${verb}`
  return new DurableExecutionError(`Storage did not ${answer} within ${Math.round(ms)} ms`, {
    code: 'storage',
    isInternal: true,
  })
}
