/**
 * Sends hints: after the write, in a transaction of their own, at most one notification per 10 ms. A NOTIFY costs a commit, and a lock
 * of the whole server during it; what comes meanwhile goes with the next. What can't be sent is forgotten: hints only save time.
 */
import type { Environment, Timer } from 'durable-execution'

import { Hints } from './hints'

/** Between two notifications, in milliseconds. */
const PAUSE_MS = 10
/** Before one that only says that something finished, in milliseconds: those who wait would look no sooner. */
const VAGUE_PAUSE_MS = 50

/** Gathers hints and sends them. */
export class Outbox {
  private readonly environment: Environment
  private readonly send: (payload: string) => Promise<void>
  private waiting = new Hints()
  private timer: Timer | null = null
  private isSending = false
  private sentAt = -Infinity

  /** @param send - Sends a payload. Never rejects, and takes no longer than some seconds. */
  constructor(environment: Environment, send: (payload: string) => Promise<void>) {
    this.environment = environment
    this.send = send
  }

  add(hints: Hints): void {
    this.waiting.add(hints)
    this.flushSoon()
  }

  private flushSoon(): void {
    if (this.isSending || this.waiting.isEmpty) return
    this.timer?.cancel()
    this.timer = null
    const pause = this.waiting.isVague ? VAGUE_PAUSE_MS : PAUSE_MS
    const pauseMs = this.sentAt + pause - this.environment.monotonic()
    if (pauseMs <= 0) {
      void this.flush()
      return
    }
    this.timer = this.environment.setTimer(pauseMs, () => {
      this.timer = null
      void this.flush()
    })
  }

  private async flush(): Promise<void> {
    const payload = this.waiting.encode()
    this.waiting = new Hints()
    this.isSending = true
    this.sentAt = this.environment.monotonic()
    await this.send(payload)
    this.isSending = false
    this.flushSoon()
  }
}
