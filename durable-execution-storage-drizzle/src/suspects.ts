/**
 * Which connections of a pool may be dead without having said so. When a network falls silent, calls under way hang and are given up,
 * but idle connections look as good as ever: each would cost the next call its time limit. So, once a call has hung, connections
 * are not used any more that have answered nothing since that call was sent.
 */
export class Suspects {
  /** Counts what happens, in the place of a clock. */
  private moment = 0
  private readonly answeredAt = new WeakMap<object, number>()
  private hangingSince: number | null = null

  /** Whether any call has hung: from then on it has to be told of connections that are made. */
  get isWatching(): boolean {
    return this.hangingSince !== null
  }

  /** A call is sent now. */
  sent(): number {
    return (this.moment += 1)
  }

  /** A connection was made, or has answered. */
  answered(connection: object): void {
    this.answeredAt.set(connection, (this.moment += 1))
  }

  /** A call was given up that was sent at this moment. */
  hung(sentAt: number): void {
    this.hangingSince = Math.max(this.hangingSince ?? 0, sentAt)
  }

  /** Whether a connection may be dead. */
  includes(connection: object): boolean {
    return this.hangingSince !== null && (this.answeredAt.get(connection) ?? 0) < this.hangingSince
  }
}
