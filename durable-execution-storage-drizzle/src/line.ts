/** Calls one after the other, where a connection or a transaction is shared. */

/** Lets one call in at a time, in the order in which they came: of those that wait for the lock only the first asks for it. */
export class Line {
  private last: Promise<void> | null = null

  /** Runs the call when those before it are over; if there are none, it begins before this returns. */
  async join<T>(call: () => Promise<T>): Promise<T> {
    const before = this.last
    let leave = (): void => undefined
    const mine = new Promise<void>((resolve) => {
      leave = resolve
    })
    this.last = mine
    if (before) await before
    try {
      return await call()
    } finally {
      if (this.last === mine) this.last = null
      leave()
    }
  }
}

const lines = new WeakMap<object, Line>()

/** The line of a client: storages that share a client share its line. */
export function lineOf(client: object): Line {
  const known = lines.get(client)
  if (known) return known
  const line = new Line()
  lines.set(client, line)
  return line
}
