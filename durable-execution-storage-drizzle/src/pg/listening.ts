/**
 * Hears hints: one connection that listens, for all executors on a storage, and connects again by itself. It also sends hints, so
 * that they take no further connection. Whatever happens to it costs time only: executors look by themselves.
 *
 * Modes: `off` while nobody subscribes; `connecting`; `live`; `paused` after it was lost (briefly), or where a pooler keeps
 * notifications back (for minutes: trying leaves a server connection of the pooler listening).
 */
import {
  AWAITED_MS,
  Backoff,
  delay,
  type Environment,
  type StorageListener,
  type StorageSubscription,
} from 'durable-execution'

import { text } from '../values'
import type { Driver, Ear, Query } from './driver'
import { tell } from './hints'

/** How long opening a connection, and an answer of it, may take, in milliseconds. */
const LIMIT_MS = 5000
/** Between two looks whether the connection still answers, in milliseconds. */
const HEARTBEAT_MS = 10_000
/** How long a notification sent by another connection may take, in milliseconds. */
const PROBE_MS = 3000
const SHORTEST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** The pause where a pooler is in the way, in milliseconds. */
const POOLER_PAUSE_MS = 300_000

/** Sends a payload on a channel. */
const NOTIFY = 'SELECT pg_notify($1, $2)'

/** What a listening needs. */
export interface ListeningOptions {
  readonly driver: Driver
  readonly environment: Environment
  /** Sends a statement over any connection but the listening one. */
  readonly query: (query: Query) => ReturnType<Ear['query']>
  /** Answers the channel of the table, or NULL. */
  readonly channelQuery: Query
  /** Called once, when hints turn out not to come. */
  readonly onUseless: (why: string) => void
  /** Somebody waits for finished executions. */
  readonly onAwaitFinished: () => void
}

/** Notifications are kept back. */
class KeptBackError extends Error {
  override readonly name = 'KeptBackError'
}

interface Live {
  readonly ear: Ear
  readonly channel: string
}

/** One connection that listens. */
export class Listening {
  private readonly options: ListeningOptions
  private readonly listeners = new Set<StorageListener>()
  private ending: AbortController | null = null
  private running: Promise<void> = Promise.resolve()
  private live: Live | null = null
  private awaitedUntil = -Infinity
  private onProbe: (payload: string) => void = () => undefined
  private onLost: () => void = () => undefined

  constructor(options: ListeningOptions) {
    this.options = options
  }

  /** Whether hints are heard now. */
  get isLive(): boolean {
    return this.live !== null
  }

  /** Whether somebody may wait for finished executions: who hears nothing does not know. */
  get isAwaited(): boolean {
    return this.live === null || this.options.environment.monotonic() < this.awaitedUntil
  }

  subscribe(listener: StorageListener): StorageSubscription {
    // One that subscribes twice is told twice.
    const own = { ...listener }
    this.listeners.add(own)
    if (this.ending === null) this.begin()
    else if (this.live !== null) this.tellLive(own)
    return {
      awaitFinished: () => {
        this.options.onAwaitFinished()
      },
      close: async () => {
        this.listeners.delete(own)
        if (this.listeners.size === 0) this.ending?.abort()
        if (this.listeners.size === 0) await this.running
      },
    }
  }

  /** Sends a payload over the connection that listens; answers whether there is one. */
  async send(payload: string): Promise<boolean> {
    if (this.live === null) return false
    const { ear, channel } = this.live
    const sent = ear.query({ text: NOTIFY, params: [channel, payload], name: null })
    if (!(await this.isInTime(sent.then(() => true)))) this.onLost()
    return true
  }

  private tellLive(listener: StorageListener): void {
    queueMicrotask(() => {
      if (this.live !== null && this.listeners.has(listener)) listener.onListening(true)
    })
  }

  private begin(): void {
    const ending = new AbortController()
    this.ending = ending
    const before = this.running
    this.running = before
      .then(() => this.run(ending.signal))
      .finally(() => {
        if (this.ending === ending) this.ending = null
        // Somebody subscribed while it ended.
        if (this.listeners.size > 0 && this.ending === null) this.begin()
      })
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { environment, onUseless } = this.options
    const random = (): number => environment.random()
    const backoff = new Backoff({ baseMs: SHORTEST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS, random })
    while (!signal.aborted) {
      let pauseMs: number
      try {
        await this.listenOnce(signal, () => {
          backoff.reset()
        })
        pauseMs = backoff.next()
      } catch (error) {
        pauseMs = backoff.next()
        if (error instanceof KeptBackError || isUnsupported(error)) {
          onUseless((error as Error).message)
          pauseMs = POOLER_PAUSE_MS
        }
      }
      await delay(environment, pauseMs, signal)
    }
  }

  /** Connects, and listens until the connection is lost or nobody subscribes any more. */
  private async listenOnce(signal: AbortSignal, onLive: () => void): Promise<void> {
    const channel = await this.readChannel(this.options.query)
    // What was aborted meanwhile tells nobody any more.
    if (signal.aborted) return
    const lost = new AbortController()
    const loseIt = (): void => {
      lost.abort()
    }
    signal.addEventListener('abort', loseIt, { once: true })
    this.onLost = loseIt
    let ear: Ear | null = null
    try {
      ear = await this.open(channel, loseIt, lost.signal)
      if (!ear.isDirect) await this.probe(channel, lost.signal)
      if (lost.signal.aborted) return
      this.begun({ ear, channel })
      onLive()
      await this.watch(ear, channel, lost.signal)
    } finally {
      signal.removeEventListener('abort', loseIt)
      this.ended()
      await ear?.close()
    }
  }

  private begun(live: Live): void {
    const { environment } = this.options
    // What is awaited was said before.
    this.awaitedUntil = environment.monotonic() + AWAITED_MS
    this.live = live
    for (const listener of this.listeners) listener.onListening(true)
  }

  private ended(): void {
    if (this.live === null) return
    this.live = null
    for (const listener of this.listeners) listener.onListening(false)
  }

  private open(channel: string, onLost: () => void, lost: AbortSignal): Promise<Ear> {
    const { driver, environment } = this.options
    const controller = new AbortController()
    const giveUp = (): void => {
      controller.abort()
    }
    const timer = environment.setTimer(LIMIT_MS, giveUp)
    lost.addEventListener('abort', giveUp, { once: true })
    const onPayload = (payload: string): void => {
      this.heard(payload)
    }
    const { signal } = controller
    return driver.openEar({ channel, onPayload, onLost, signal }).finally(() => {
      timer.cancel()
    })
  }

  private heard(payload: string): void {
    this.onProbe(payload)
    if (!tell(payload, this.listeners)) return
    this.awaitedUntil = this.options.environment.monotonic() + AWAITED_MS
  }

  /** Behind a pooler: whether what another connection sends is heard. */
  private async probe(channel: string, lost: AbortSignal): Promise<void> {
    const { environment, query } = this.options
    const payload = JSON.stringify({ probe: environment.random() })
    const controller = new AbortController()
    let isHeard = false
    this.onProbe = (heard) => {
      isHeard ||= heard === payload
      if (isHeard) controller.abort()
    }
    lost.addEventListener('abort', () => {
      controller.abort()
    })
    await query({ text: NOTIFY, params: [channel, payload], name: null })
    await delay(environment, PROBE_MS, controller.signal)
    this.onProbe = () => undefined
    if (isHeard || lost.aborted) return
    throw new KeptBackError(
      'Notifications do not come through, as behind a pooler in transaction mode',
    )
  }

  /** Resolves when the connection is lost, does not answer in time, or the table was made anew. */
  private async watch(ear: Ear, channel: string, lost: AbortSignal): Promise<void> {
    const { environment } = this.options
    while (!lost.aborted) {
      await delay(environment, HEARTBEAT_MS, lost)
      if (lost.aborted) return
      const reading = this.readChannel((query) => ear.query(query))
      if (!(await this.isInTime(reading.then((name) => name === channel)))) return
    }
  }

  /** What an answer says, `false` if it fails or does not come. */
  private async isInTime(answer: Promise<boolean>): Promise<boolean> {
    const controller = new AbortController()
    const isLate = delay(this.options.environment, LIMIT_MS, controller.signal).then(() => false)
    const isWell = await Promise.race([answer.catch(() => false), isLate])
    controller.abort()
    return isWell
  }

  private async readChannel(query: Ear['query']): Promise<string> {
    const [row] = await query(this.options.channelQuery)
    if (row?.[0] === null || row === undefined) throw new Error('There is no table yet')
    return text(row[0])
  }
}

/** Databases that speak the protocol, but know no LISTEN. */
function isUnsupported(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' && ['0A000', '42601', '42883'].includes(code)
}
