/**
 * Hints of the storage on their way to the processes: each takes time of its own, and may be lost; a subscription may be lost, with a
 * word or without. Nothing may depend on any of them.
 */
import {
  AWAITED_MS,
  type StorageListener,
  type StorageSubscription,
  type TaskExecutionsStorage,
} from 'durable-execution'

import type { SeededRandom } from '../lib/random'
import type { Away } from './connection'
import type { SimulatedProcess } from './process'
import type { VirtualTime } from './time'

/** How hints fare on their way to a member. */
export interface HintNoise {
  /** The longest a hint takes, in milliseconds. */
  readonly slowMs: number
  readonly lossChance: number
}

/** Hints that all come. */
export const CALM_HINTS: HintNoise = { slowMs: 2, lossChance: 0 }

/** Between two tries to connect, in milliseconds. */
const RECONNECT_MS = 100

/** Where the hints of the storage come in. */
export class HintSource {
  private readonly time: VirtualTime
  private readonly ears = new Set<SimulatedEar>()
  private awaitedUntil = -Infinity

  constructor(storage: Pick<TaskExecutionsStorage, 'listen'>, time: VirtualTime) {
    this.time = time
    void storage.listen?.({
      onDue: (queues, inMs) => {
        this.tell((listener) => {
          listener.onDue(queues, inMs)
        })
      },
      onFinished: (executionIds) => {
        if (time.elapsedMs > this.awaitedUntil) return
        this.tell((listener) => {
          listener.onFinished(executionIds)
        })
      },
      onCancelled: (executionIds) => {
        this.tell((listener) => {
          listener.onCancelled(executionIds)
        })
      },
      onListening: () => undefined,
    })
  }

  add(ear: SimulatedEar): void {
    this.ears.add(ear)
  }

  remove(ear: SimulatedEar): void {
    this.ears.delete(ear)
  }

  /** Somebody waits. */
  awaited(): void {
    this.awaitedUntil = this.time.elapsedMs + AWAITED_MS
  }

  private tell(hint: (listener: StorageListener) => void): void {
    for (const ear of this.ears) ear.hear(hint)
  }
}

/** The subscription of one process. */
export class SimulatedEar {
  /** Changed by the simulation. */
  noise: HintNoise
  private readonly process: SimulatedProcess
  private readonly random: SeededRandom
  private readonly source: HintSource
  private readonly away: () => Away | null
  private listener: StorageListener | null = null
  private isConnected = false
  /** Hints are lost, and nobody knows. */
  private isDeaf = false

  constructor(
    process: SimulatedProcess,
    random: SeededRandom,
    source: HintSource,
    noise: HintNoise,
    away: () => Away | null,
  ) {
    this.process = process
    this.random = random
    this.source = source
    this.noise = noise
    this.away = away
  }

  get isHearing(): boolean {
    return this.isConnected && !this.isDeaf
  }

  listen(listener: StorageListener): Promise<StorageSubscription> {
    this.listener = listener
    this.source.add(this)
    this.connect()
    return Promise.resolve({
      awaitFinished: () => {
        if (!this.isLost()) {
          this.process.time.schedule(this.delay(), () => {
            this.source.awaited()
          })
        }
      },
      close: () => {
        this.listener = null
        this.source.remove(this)
        return Promise.resolve()
      },
    })
  }

  /** A hint sets out. */
  hear(hint: (listener: StorageListener) => void): void {
    if (!this.isConnected || this.isLost()) return
    this.process.time.schedule(this.delay(), () => {
      if (this.isConnected) this.pass(hint)
    })
  }

  /** The subscription is lost: the executor is told, or hears nothing any more. */
  drop(isTold: boolean): void {
    if (!isTold) {
      this.isDeaf = true
      return
    }
    if (!this.isConnected) return
    this.isConnected = false
    this.pass((listener) => {
      listener.onListening(false)
    })
  }

  /** The subscription comes back. */
  restore(): void {
    const wasDeaf = this.isDeaf
    this.isDeaf = false
    if (wasDeaf) this.drop(true)
    if (!this.isConnected) this.connect()
  }

  private connect(): void {
    this.process.time.schedule(this.delay(), () => {
      if (this.listener === null || !this.process.isAlive || this.isConnected) return
      if (this.away() !== null) {
        this.process.time.schedule(RECONNECT_MS, () => {
          this.connect()
        })
        return
      }
      this.isConnected = true
      this.pass((listener) => {
        listener.onListening(true)
      })
    })
  }

  private pass(hint: (listener: StorageListener) => void): void {
    this.process.deliver(() => {
      if (this.listener) hint(this.listener)
    })
  }

  private isLost(): boolean {
    return this.isDeaf || this.away() !== null || this.random.chance(this.noise.lossChance)
  }

  private delay(): number {
    return this.random.fraction() * this.noise.slowMs
  }
}
